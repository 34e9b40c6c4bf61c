"""What lesson 03 asks before its experiments, and its quiz.

Builds on: engine.  Lacks: the exercises (embeddings and its kin).
"""

from transformer_course.engine.exercise import Question

QUESTIONS = (
    Question(
        name="03.1",
        text=(
            "“The bank of the river was crowded, but the financial bank was empty.” A model looks "
            "both “bank”s up in its table. How alike are the two vectors?"
        ),
        options={
            "a": (
                "unlike: one is a shore, the other a house",
                "The table has no row for a meaning, only one for a word.",
            ),
            "b": (
                "alike, but each leans towards its own neighbours",
                "Nothing has looked at a neighbour yet: the lookup sees a number and nothing else.",
            ),
            "c": (
                "one and the same vector, to the last digit",
                "The same word has the same number, and that number has one row.",
            ),
        },
        right="c",
    ),
    Question(
        name="03.2",
        text=(
            "The same training on the same words, but in random order, so that there is no company "
            "to learn from. How often is a related pair (night, day) closer than two words drawn "
            "from the whole vocabulary?"
        ),
        options={
            "a": (
                "half of the time: nothing was learned",
                "Nothing about company was. How often a word is met can be learned without any.",
            ),
            "b": (
                "clearly more than half of the time",
                "Pairs that come to our mind are frequent words, and frequent words end up alike.",
            ),
            "c": (
                "as often as with the plays in order",
                "The order adds something, or nothing at all would have been learned from it.",
            ),
        },
        right="b",
    ),
    Question(
        name="03.3",
        text=(
            "The vector of king, minus man, plus woman, in MiniLM's table. Which word's vector is "
            "nearest, if every word may be the answer?"
        ),
        options={
            "a": ("queen", "She comes second. Who is nearer to “king” than anybody?"),
            "b": (
                "king",
                "The step leads away from “king”: the cosine falls from 1 to 0.65. But every other "
                "word is farther still.",
            ),
            "c": ("woman", "She is one of the first three, but not the first."),
        },
        right="b",
    ),
    Question(
        name="q03_1",
        text="What does an embedding layer compute?",
        options={
            "a": (
                "a row of a table: a one-hot row times the table",
                "And the zeros are skipped, which is all the difference.",
            ),
            "b": (
                "a vector from the letters of the word",
                "It sees a number, not letters: two spellings of one word are two rows.",
            ),
            "c": (
                "a vector from the word and its neighbours in the text",
                "Neighbours come in later, by attention. Out of the table each word comes alone.",
            ),
        },
        right="a",
    ),
    Question(
        name="q03_2",
        text="In one step of skip-gram, whose vectors get a gradient?",
        options={
            "a": (
                "those of the batch's words and of the noise",
                "All other rows were multiplied by 0 on the way, and get 0 on the way back.",
            ),
            "b": (
                "all, since all are compared with one another",
                "That would be a softmax over the vocabulary. Sampling spares it.",
            ),
            "c": (
                "only those of the words that stand in the middle",
                "There are two tables, and the words beside them learn as well.",
            ),
        },
        right="a",
    ),
    Question(
        name="q03_3",
        text=(
            "Somebody shows that related words have a higher cosine than random pairs of words. "
            "What do you ask?"
        ),
        options={
            "a": (
                "whether the vectors have enough numbers",
                "A matter of taste. The comparison itself has a hole.",
            ),
            "b": (
                "whether the random words are as frequent",
                "In shuffled text related words win too, until the others are as frequent.",
            ),
            "c": (
                "nothing: what is closer is alike in meaning",
                "Vectors from shuffled text pass, too.",
            ),
        },
        right="b",
    ),
    Question(
        name="q03_4",
        text="From lesson 02: two words share one token, “bank”. Their ids are …",
        options={
            "a": (
                "different, if they mean different things",
                "A tokenizer knows spelling only: it has never heard of meaning.",
            ),
            "b": (
                "drawn anew whenever a text is cut",
                "Then no table could hold them. An id is fixed once the tokenizer is trained.",
            ),
            "c": (
                "the same: an id stands for a spelling",
                "So the table has one row for both.",
            ),
        },
        right="c",
    ),
)
