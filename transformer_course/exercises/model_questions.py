"""What lesson 08 asks before its experiments, and its quiz.

Builds on: engine.  Lacks: the exercises (blocks, training, generation).
"""

from transformer_course.engine.exercise import Question

QUESTIONS = (
    Question(
        name="08.1",
        text=(
            "A transformer reads in eight plays for a minute or two. Two counters count the same "
            "plays in a second: the bigram looks one character back, the 5-gram four. On a play "
            "that none has read, whom does the transformer beat?"
        ),
        options={
            "a": (
                "none of them: a minute is nothing",
                "A minute is 900 steps, enough to learn words that a bigram cannot know.",
            ),
            "b": (
                "the bigram, but not the 5-gram",
                "Counting four characters back is hard to beat in a minute.",
            ),
            "c": (
                "all: it looks up to 64 characters back",
                "It may look 64 back at most, half of that on average, as the play is read in "
                "windows of 64; and it has to learn what is worth looking at. The 5-gram has its "
                "four characters for free.",
            ),
        },
        right="b",
    ),
    Question(
        name="08.2",
        text=(
            "The causal mask is taken away and the model trained anew, for 300 steps. What "
            "becomes of its loss on an unseen play, 1.9 nats in the section before?"
        ),
        options={
            "a": (
                "it stays about there: the task is the same",
                "The task is not: each next character now stands in the input.",
            ),
            "b": (
                "it falls a little, to about 1.6: more context helps",
                "It does not need context. It needs one character, and may look at it.",
            ),
            "c": (
                "it falls below 0.1, with the answer in sight",
                "The answer stands one place to the right, and nothing forbids to look.",
            ),
        },
        right="c",
    ),
    Question(
        name="08.3",
        text=(
            "A model of two layers learns to add: it reads 45+78= and writes the sum. The same "
            "model is trained once more, without positions. How many sums of unseen pairs does "
            "that one get right?"
        ),
        options={
            "a": (
                "nearly all: every digit is still there",
                "Every digit is, but 45 and 54 are made of the same two.",
            ),
            "b": (
                "some, though fewer than a quarter of them",
                "45 and 54 are made of the same digits. The causal mask leaves two layers a hint "
                "of order, but not enough here.",
            ),
            "c": (
                "about half: it swaps a number's digits every other time",
                "It would have to be right about both numbers at once, and seldom is.",
            ),
        },
        right="b",
    ),
    Question(
        name="q08_1",
        text="What happens to a vector in the stream when it passes a block?",
        options={
            "a": (
                "attention replaces it, then feed-forward replaces it",
                "Nothing is replaced: both write their answer onto what is there, by adding.",
            ),
            "b": (
                "it is normalised, and goes on normalised",
                "With the norms first, only the copy that a sublayer reads is normalised. That is "
                "why one more norm stands before the head.",
            ),
            "c": (
                "two updates are added to it, one after the other",
                "Attention is the first, feed-forward the second; the stream runs straight on.",
            ),
        },
        right="c",
    ),
    Question(
        name="q08_2",
        text="A character model reports 0.05 nats on unseen text. What do you do first?",
        options={
            "a": (
                "publish it: nobody has come so low before",
                "Nobody knows the next character so surely. Section 7 shows who does.",
            ),
            "b": (
                "change a text's end and see if earlier logits move",
                "If they do, the model sees the answer. The loss alone cannot show it.",
            ),
            "c": (
                "train longer: a few steps more, and it is at 0",
                "It is far too good already; training longer makes it look better still.",
            ),
        },
        right="b",
    ),
    Question(
        name="q08_3",
        text="What does the cache change in the text that a model writes?",
        options={
            "a": (
                "nothing, as long as all fits the context",
                "Old keys and values are kept and not computed again: same numbers, fewer of them.",
            ),
            "b": (
                "the text gets a little worse, but comes faster",
                "It comes faster, and is the same: section 8 compares character by character.",
            ),
            "c": (
                "the text repeats less, because the model remembers",
                "It remembers nothing that it could not read again.",
            ),
        },
        right="a",
    ),
    Question(
        name="q08_4",
        text="From lesson 05, with two texts now: a row of cross-attention sums to 1 over …",
        options={
            "a": (
                "nothing in particular",
                "Softmax makes it 1, in cross-attention as in self-attention.",
            ),
            "b": (
                "the characters that are written",
                "Those ask. Softmax runs over what answers.",
            ),
            "c": (
                "the words that are read",
                "The decoder asks, the encoder's words are the keys, and a query shares out 1.",
            ),
        },
        right="c",
    ),
)
