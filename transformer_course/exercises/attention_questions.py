"""What lesson 05 asks before its experiments, and its quiz.

Builds on: engine.  Lacks: the exercises (attention…, positional).
"""

from transformer_course.engine.exercise import Question

QUESTIONS = (
    Question(
        name="05.1",
        text="Both “bank”s have one and the same vector. Whom will the second one look at?",
        options={
            "a": (
                "mostly at “financial”, which stands beside it",
                "Nearness counts for nothing yet: no number here says where a word stands.",
            ),
            "b": (
                "mostly at “river”, which stands first",
                "Order counts for nothing yet: no number here says where a word stands.",
            ),
            "c": (
                "at “river” and “financial” alike, as the first one does",
                "One vector makes one query, and one query makes one row.",
            ),
        },
        right="c",
    ),
    Question(
        name="05.2",
        text=(
            "Sixteen words, whose scores are drawn with mean 0 and spread 1; the first may look at "
            "itself only. Somebody masks by setting the other 15 scores to 0. What share of the "
            "first word's weight goes to the future, on average?"
        ),
        options={
            "a": ("more than four fifths", "Fifteen ones against a single eˢ, and s is around 0."),
            "b": (
                "about half of it",
                "Fifteen keys that each get e⁰ = 1 outweigh one that gets eˢ.",
            ),
            "c": ("none: 0 is nothing", "A score of 0 is not a weight of 0: e to the 0 is 1."),
        },
        right="a",
    ),
    Question(
        name="05.3",
        text=(
            "Random queries and keys of width 64, 16 keys, no division by anything. What share of "
            "a query's weight does its top key get, on average?"
        ),
        options={
            "a": ("about a sixteenth", "That is what equal scores give. These spread widely."),
            "b": (
                "about a quarter",
                "That is what scores of spread 1 give; these spread by √64 = 8.",
            ),
            "c": (
                "more than four fifths",
                "Scores spread by √64 = 8, and e to the 8 is 3,000: the top one takes most.",
            ),
        },
        right="c",
    ),
    Question(
        name="05.4",
        text=(
            "The first “bank” lies at the river, the second one does not. Which single control of "
            "the widget gives each of them the right neighbour, without touching a word or a query?"
        ),
        options={
            "a": (
                "the temperature",
                "It makes both rows sharper or flatter, and leaves them one and the same.",
            ),
            "b": (
                "the mask",
                "Looking back only, the first “bank” loses its river; in a window of two words "
                "each side it does, too.",
            ),
            "c": (
                "the positions",
                "With them a row depends on where the words stand: river is near the first “bank”, "
                "“financial” stands beside the second.",
            ),
        },
        right="c",
    ),
    Question(
        name="05.5",
        text=(
            "Two questions to a trained model, two rows of its map, each with more than half of "
            "its weight on one token. In each this strongest link is cut. What happens to the "
            "answers?"
        ),
        options={
            "a": (
                "both turn wrong",
                "A weight says how much of a value is taken, not whether the value matters.",
            ),
            "b": (
                "only one turns wrong",
                "One strongest link carries the answer; without the other the answer stands.",
            ),
            "c": (
                "both stay right",
                "With one layer, the number that is asked for can come over that link only.",
            ),
        },
        right="b",
    ),
    Question(
        name="q05_1",
        text="A row of attention weights tells you …",
        options={
            "a": (
                "in what shares one word mixes the values",
                "That, and no more: the shares of one weighted mean, in one head.",
            ),
            "b": (
                "how important each word is to the sentence",
                "Section 8 cut a link of weight above .8, and the answer stayed.",
            ),
            "c": (
                "how alike the words' embeddings are",
                "Queries and keys are compared, not embeddings: “bank” and “river” are unlike "
                "and yet one asks for the other.",
            ),
        },
        right="a",
    ),
    Question(
        name="q05_2",
        text="Why are scores divided by √d_k?",
        options={
            "a": (
                "so that each row of weights sums to 1",
                "Softmax sees to that, whatever the scores are.",
            ),
            "b": (
                "so that their spread does not grow with the width",
                "A sum of d_k products has a spread of √d_k; a frozen softmax passes no gradient.",
            ),
            "c": (
                "so that a row's weights come out nearly alike",
                "That is what dividing by d_k does: at width 64 the top of 16 weights is then .08. "
                "The root leaves it near .25.",
            ),
        },
        right="b",
    ),
    Question(
        name="q05_3",
        text="Where does a causal mask have to act?",
        options={
            "a": (
                "on the scores, before softmax",
                "−∞ there is a weight of exactly 0, and the rest of the row still sums to 1.",
            ),
            "b": (
                "on the weights, after softmax",
                "The rows then sum to less than 1, and the future has already had its say in the "
                "denominator.",
            ),
            "c": (
                "on the values, before they are mixed",
                "One value is seen by many queries; some of them may see it, others may not.",
            ),
        },
        right="a",
    ),
    Question(
        name="q05_4",
        text=("From lesson 04: softmax of the scores (2, 2, 2, 2) is …"),
        options={
            "a": (
                "(2, 2, 2, 2) / 8, which is a quarter each",
                "The result is right; the way is not: the scores' exponentials are divided, "
                "and (2, 2, 2, 3) shows the difference.",
            ),
            "b": (
                "more than a quarter each: the scores are high",
                "Four weights above a quarter would sum to more than 1.",
            ),
            "c": (
                "a quarter each, as of (0, 0, 0, 0)",
                "Adding a number to all scores changes nothing: softmax knows differences only.",
            ),
        },
        right="c",
    ),
)
