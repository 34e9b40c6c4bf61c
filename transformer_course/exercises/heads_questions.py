"""What lesson 07 asks before its experiments, and its quiz.

Builds on: engine.  Lacks: the exercises (heads, heads_sampling).
"""

from transformer_course.engine.exercise import Question

QUESTIONS = (
    Question(
        name="07.1",
        text=(
            "Whose speech is it: a comedy's, a history's or a tragedy's? Three answer for plays "
            "that none has read. One always says “history”. One counts words. One is a "
            "transformer that has read 26 other plays. Who is right most often?"
        ),
        options={
            "a": (
                "the transformer: it alone sees who says what",
                "It does; but from 1,000 examples its head has to find out what of it matters.",
            ),
            "b": (
                "the one who counts words: each genre has its own",
                "Genre shows in vocabulary; 1,000 examples teach the transformer’s head no more.",
            ),
            "c": (
                "the one who says “history”: it is the commonest",
                "No genre has more speeches, and still fewer than half are histories.",
            ),
        },
        right="b",
    ),
    Question(
        name="07.2",
        text=(
            "A model for whole words and a model for single characters read the same play. The "
            "first loses 3 nats a token, the second 1.6 nats a token. Which predicts the play "
            "better?"
        ),
        options={
            "a": (
                "that cannot be said from these two numbers",
                "Tokens of different length: only a unit that both share can tell.",
            ),
            "b": (
                "the first: a word carries more",
                "Perhaps; but a loss a token says nothing before you know how long tokens are.",
            ),
            "c": (
                "the second: 1.6 is less than 3",
                "Its tokens are smaller. A character is easier to guess than a word.",
            ),
        },
        right="a",
    ),
    Question(
        name="07.3",
        text=(
            "In a play that it has not read, the trunk gives a token a probability of about three "
            "quarters. How often does such a token come?"
        ),
        options={
            "a": (
                "about three times in four: the loss sees to that",
                "In the plays that it was trained on, it does. This play is a new one.",
            ),
            "b": (
                "clearly less often: it is surer than right",
                "It has read its 26 plays about five times. That may be why; it was not tested.",
            ),
            "c": (
                "more often: it has learned to be careful",
                "Care costs: −log of three quarters where a token comes nearly always.",
            ),
        },
        right="b",
    ),
    Question(
        name="07.4",
        text=(
            "In five folds over plays the word counter is right for .57 of the speeches. Now the "
            "speeches are split at random, whichever play they are from: a fifth is tested, the "
            "rest learned from. What becomes of the .57?"
        ),
        options={
            "a": (
                "nothing: as many examples, as many words",
                "As many, but now from the very plays that are tested.",
            ),
            "b": (
                "it rises by a tenth or more",
                "Speeches of one play share names and words, and the play has one genre.",
            ),
            "c": (
                "it falls: the examples are more mixed",
                "Mixed is easier here: of every play there are speeches to learn from.",
            ),
        },
        right="b",
    ),
    Question(
        name="q07_1",
        text="Two heads stand on one trunk. What does each of them do?",
        options={
            "a": (
                "one scores tokens, the other scores classes",
                "(length, vocabulary) scores from one, and three from the other, after pooling.",
            ),
            "b": (
                "each is a trunk of its own, with other blocks",
                "The blocks are the same ones. A head begins where the last norm ends.",
            ),
            "c": (
                "one reads the text forwards, the other backwards",
                "Who may look at whom is decided inside the blocks, by the mask.",
            ),
        },
        right="a",
    ),
    Question(
        name="q07_2",
        text="A loss of 2.3 nats a token is a perplexity of about 10. That means the model is …",
        options={
            "a": (
                "right one time in ten, and wrong nine times",
                "How often the likeliest token comes is another number, and mostly higher.",
            ),
            "b": (
                "wrong by about ten tokens each time",
                "It is no distance: nothing is counted off.",
            ),
            "c": (
                "as unsure as between ten equal chances",
                "e to the 2.3 is 10; ten equal chances cost −log of a tenth each.",
            ),
        },
        right="c",
    ),
    Question(
        name="q07_3",
        text="Top-p with p = .9 keeps …",
        options={
            "a": (
                "every token of probability .9 or more",
                "Mostly there is none. It is a sum that has to reach .9.",
            ),
            "b": (
                "the likeliest nine tenths of the vocabulary",
                "How many stay depends on the row: one where the model is sure, else hundreds.",
            ),
            "c": (
                "the likeliest tokens, until they hold .9",
                "And the one that crosses .9 belongs to them.",
            ),
        },
        right="c",
    ),
    Question(
        name="q07_4",
        text="From lesson 05: why may a model that writes not see the next token?",
        options={
            "a": (
                "because looking ahead would be too slow",
                "It would cost nothing more. It would only learn to copy.",
            ),
            "b": (
                "because in training it would copy the answer",
                "The causal mask of lesson 05 takes it away, or the loss falls for no reason.",
            ),
            "c": (
                "because attention can look in one direction only",
                "It can look both ways; a mask has to forbid it.",
            ),
        },
        right="b",
    ),
)
