"""What lesson 06 asks before its experiments, and its quiz.

Builds on: engine.  Lacks: the exercises (multi_head, multi_head_layer, multi_head_silence).
"""

from transformer_course.engine.exercise import Question

QUESTIONS = (
    Question(
        name="06.1",
        text=(
            "“crowded river bank”: with one head, “bank” receives .50 of water and .49 of crowd. "
            "The same numbers now make two heads, half as wide. How much water arrives?"
        ),
        options={
            "a": (
                "more than nine tenths",
                "Each head has a row of its own, and √2 for √4 makes it a little sharper, too.",
            ),
            "b": (
                "about half, as before",
                "The first head's row no longer has to spare anything for the second question.",
            ),
            "c": (
                "a quarter, for half the numbers",
                "Each head has half of the numbers, but a whole row of weights to share out.",
            ),
        },
        right="a",
    ),
    Question(
        name="06.2",
        text=(
            "MiniLM's attention is 384 wide and has 12 heads a layer. How many parameters would "
            "one head of width 384 have, in place of the 12?"
        ),
        options={
            "a": (
                "a twelfth as many",
                "One head, but twelve times as wide: the four matrices stay 384 × 384.",
            ),
            "b": (
                "exactly as many",
                "Heads are slices of four matrices of 384 × 384 (and four biases), however cut.",
            ),
            "c": (
                "twelve times as many",
                "The matrices do not know into how many slices their results are cut.",
            ),
        },
        right="b",
    ),
    Question(
        name="06.3",
        text=(
            "Three of a model's eight heads. One of them is taken out. Which one does the model "
            "miss most?"
        ),
        options={
            "a": (
                "1.3, which finds what followed the earlier match (.95 of its weight)",
                "Two others do the same job. Only without all three is the model lost.",
            ),
            "b": (
                "0.1, which looks at the token itself and at nothing else (.98)",
                "The dullest map of all, and no other head stands in for it.",
            ),
            "c": (
                "1.0, which has a little of two roles (.38 and .27)",
                "Without it the loss rises by a fraction of what it does without 0.1.",
            ),
        },
        right="b",
    ),
    Question(
        name="06.4",
        text=(
            "Thirteen fresh sentences like the one about the banks. Take the best of MiniLM's 72 "
            "heads, chosen afterwards: in how many does it look, from both of the ambiguous "
            "words, clearly more (by more than .1) at their own hint than at the other one?"
        ),
        options={
            "a": (
                "in twelve or thirteen",
                "Where a hint stands further off, the heads that look strongly miss it.",
            ),
            "b": (
                "in about eight",
                "In those where both hints stand right before their words: nearness, not sense.",
            ),
            "c": (
                "in one or two",
                "Looking one place back is enough for more: the hint often stands there.",
            ),
        },
        right="b",
    ),
    Question(
        name="q06_1",
        text="Twelve heads in place of one, at the same d_model: what becomes more?",
        options={
            "a": (
                "the rows of weights",
                "Twelve questions, twelve rows, and a word gives 1 away in each. A question has "
                "fewer numbers, d_model / 12.",
            ),
            "b": (
                "the layer's parameters",
                "The count is the same: you measured it with your own class.",
            ),
            "c": (
                "the width of what comes out",
                "The slices are laid side by side again: d_model in, d_model out.",
            ),
        },
        right="a",
    ),
    Question(
        name="q06_2",
        text="vectors.reshape(batch, heads, length, d_head), without a transpose, gives …",
        options={
            "a": ("the heads, and saves a step", "It moves no number: count along the first row."),
            "b": (
                "the right shape, wrongly filled",
                "A head then sees pieces of several words as one. A model may train on it anyway.",
            ),
            "c": (
                "an error: the shape does not fit",
                "The shape fits, so there is none. That is what makes this slip so common.",
            ),
        },
        right="b",
    ),
    Question(
        name="q06_3",
        text="A head looks with weight 1.00 at the token before. What follows?",
        options={
            "a": (
                "that the model cannot do without it",
                "0.2 of MiniLM does it, and without it the vectors turn by .002.",
            ),
            "b": (
                "that it has understood the sentence's order",
                "It knows one place back. In the widget: whatever word stands there.",
            ),
            "c": (
                "that it hands on that token's value, and no more",
                "What becomes of it shows when the head is silenced, not on the map.",
            ),
        },
        right="c",
    ),
    Question(
        name="q06_4",
        text="Why do the heads of a trained model differ?",
        options={
            "a": (
                "because different heads are bound to specialise",
                "They had every reason to, and did not: their start was equal.",
            ),
            "b": (
                "because each head is told its task",
                "Nobody tells them. The loss is of the whole model.",
            ),
            "c": (
                "because they start with different numbers",
                "With equal ones they got equal gradients, and were equal after 2,000 steps.",
            ),
        },
        right="c",
    ),
    Question(
        name="q06_5",
        text="From lesson 05: two words have one vector, and no positions are given. In a head …",
        options={
            "a": (
                "their rows differ, because their neighbours differ",
                "Without positions a word has no neighbours: a row depends on its query only.",
            ),
            "b": (
                "their rows of weights are the same",
                "One vector makes one query, in every head, and one query makes one row.",
            ),
            "c": (
                "each gives the other half of its weight",
                "How much each gets depends on the scores; nothing makes it a half.",
            ),
        },
        right="b",
    ),
)
