"""What lesson 02 asks before its experiments, and its quiz.

Builds on: engine.  Lacks: the exercises (tokenization, tokenization_join and others).
"""

from transformer_course.engine.exercise import Question

QUESTIONS = (
    Question(
        name="02.1",
        text=(
            "Somebody writes down every word of 26 plays by Shakespeare. How many of the different "
            "words in a 27th play are not on that list?"
        ),
        options={
            "a": (
                "less than 1 in 100",
                "Names alone see to more than that: each play brings its own people.",
            ),
            "b": (
                "about 1 in 12",
                "Names, and words that even Shakespeare uses once: each play has its own.",
            ),
            "c": (
                "about 1 in 3",
                "So it would be after a few pages. After 26 plays most words have been met.",
            ),
        },
        right="b",
    ),
    Question(
        name="02.2",
        text=(
            "Three merges were learned, in this order: b | c, a | b, bc | d. The tokens bc, ab and "
            "bcd exist. What does the new word “abcd” become?"
        ),
        options={
            "a": (
                "a | bcd, since b | c was learned first",
                "b | c has rank 0 and is joined first; a then stands alone, and bc | d follows.",
            ),
            "b": (
                "ab | c | d: the longest token it starts with is ab",
                "That is longest match. Joining b to a takes it from c, which came first.",
            ),
            "c": (
                "both are possible: either decodes to abcd",
                "They decode alike, yes. But a model has only ever read one of the two.",
            ),
        },
        right="a",
    ),
    Question(
        name="02.3",
        text=(
            "A vocabulary of 512 tokens needs about half as many tokens for a play as its bytes. "
            "How many does one of 8,192 need, sixteen times as large?"
        ),
        options={
            "a": (
                "about a sixteenth of that",
                "A token would then have 31 characters, and words are shorter.",
            ),
            "b": (
                "about a quarter less",
                "So much is reached with 2,048 already; the next doublings gain a little, too.",
            ),
            "c": (
                "about three fifths as many",
                "Each doubling gains less: the frequent pieces are joined first.",
            ),
        },
        right="c",
    ),
    Question(
        name="02.4",
        text=(
            "The same five sentences in English and in Hindi, cut by 4,096 tokens that were "
            "learned from Shakespeare. How many tokens has Hindi for one of English?"
        ),
        options={
            "a": (
                "about six times as many",
                "Twice as many bytes, and not one merge for them, where English has thousands.",
            ),
            "b": ("about twice as many", "So it is with bytes. But English was shortened."),
            "c": (
                "just about as many",
                "Its letters are in no token of two bytes: none was ever read.",
            ),
        },
        right="a",
    ),
    Question(
        name="q02_1",
        text="Byte-level BPE can encode any text because …",
        options={
            "a": (
                "it has learned from so much text",
                "Learning only shortens. With no merge at all it encodes everything, too.",
            ),
            "b": (
                "unknown words get a token for the unknown",
                "WordPiece does that, and the text is lost. Bytes need no such token.",
            ),
            "c": (
                "all 256 bytes are in its vocabulary",
                "What no merge fits stays as bytes. There is nothing that is unknown.",
            ),
        },
        right="c",
    ),
    Question(
        name="q02_2",
        text="“bank” at the beginning of a text and “bank” inside a sentence are, for our BPE, …",
        options={
            "a": (
                "the same token: it is the same word",
                "For WordPiece, yes. Here the space belongs to the token behind it.",
            ),
            "b": (
                "different tokens: the second begins with a space",
                "A model has to learn of both that they are one word.",
            ),
            "c": (
                "the same token, after a token for the space",
                "The cuts leave a space with the word that follows.",
            ),
        },
        right="b",
    ),
    Question(
        name="q02_3",
        text="What do more merges buy, and what do they cost?",
        options={
            "a": (
                "tokens that are words, for nothing",
                "Most tokens are no words, and each one costs a row of the table.",
            ),
            "b": (
                "fewer unknown words, for slower encoding",
                "No word is unknown with 0 merges either.",
            ),
            "c": (
                "shorter sequences, for a larger table of vectors",
                "Every token needs a vector of its own (lesson 03); rare ones are learned from "
                "few examples.",
            ),
        },
        right="c",
    ),
    Question(
        name="q02_4",
        text=(
            "From lesson 01: an RNN reads a text of T tokens in T steps that wait for one another. "
            "What do longer tokens change about that?"
        ),
        options={
            "a": (
                "nothing: T stays what it is",
                "T counts tokens. The same text has fewer of them.",
            ),
            "b": (
                "the same text takes fewer steps",
                "With 2.4 characters a token, less than half as many as character by character.",
            ),
            "c": (
                "the steps no longer wait",
                "Each still needs the state that the one before left behind.",
            ),
        },
        right="b",
    ),
)
