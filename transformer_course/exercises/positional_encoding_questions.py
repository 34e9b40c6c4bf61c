"""What lesson 04 asks before its experiments, and its quiz.

Builds on: engine.  Lacks: the exercises (positional_encoding, positional_encoding_inside).
"""

from transformer_course.engine.exercise import Question

QUESTIONS = (
    Question(
        name="04.1",
        text=(
            "The same 13 words in another order; each word may look at every other, and no number "
            "says where a word stands. What comes out?"
        ),
        options={
            "a": (
                "the same vectors, in the new order",
                "Each word gets a mean over the same 13 words, with the same weights.",
            ),
            "b": (
                "other vectors, as the meaning has changed",
                "What a word gets is a mean over all words, and a mean does not know their order.",
            ),
            "c": (
                "the same vectors in the old order",
                "A word's vector goes wherever the word goes.",
            ),
        },
        right="a",
    ),
    Question(
        name="04.2",
        text=(
            "A real width, d_model = 512, so 256 pairs. How much longer is each pair's wavelength "
            "than the one before it?"
        ),
        options={
            "a": (
                "exactly twice as long",
                "Many drawings suggest it. 255 doublings make a number of 77 digits.",
            ),
            "b": (
                "about 4 % longer",
                "255 steps share a factor of nearly 10,000 between them, so each is small.",
            ),
            "c": (
                "by equally many places",
                "Always the same factor, not the same number: frequencies are powers.",
            ),
        },
        right="b",
    ),
    Question(
        name="04.3",
        text=(
            "You get one vector of 384 numbers: some word's plus some place's. The word was never "
            "used to fit your probe, which is a linear map. What can it tell you?"
        ),
        options={
            "a": (
                "little: two vectors were mixed into one",
                "That happens where numbers are few. 384 of them have room for both.",
            ),
            "b": (
                "the place, but not which word it was",
                "What a place adds is the same for every word, so that it can be taken off again.",
            ),
            "c": (
                "both the place and the word, nearly always",
                "Places take a few of the 384 directions, and leave the others to the words.",
            ),
        },
        right="c",
    ),
    Question(
        name="04.4",
        text=(
            "Five models learn which of two words came first, on sentences of 16 words, and are "
            "then asked on 64. Which of them are still right in more than 7 of 10?"
        ),
        options={
            "a": (
                "all but the one without positions",
                "What was learned at 16 places holds there. No formula of theirs ends at 16, but "
                "the learning did.",
            ),
            "b": (
                "RoPE and ALiBi, but no other",
                "RoPE knows distances only, but it has never met one beyond 15.",
            ),
            "c": (
                "ALiBi, but none of the others",
                "Its bias at 64 words is the one that it has met, continued: what is near counts "
                "more.",
            ),
        },
        right="c",
    ),
    Question(
        name="04.5",
        text=(
            "Again no positions, but now a word may look back only, at itself and what came "
            "before. Can two layers learn which came first?"
        ),
        options={
            "a": (
                "no: without positions all is a bag of words",
                "That holds where all look at all. Here each word sees another bag.",
            ),
            "b": (
                "yes, though one layer would not do",
                "Of the two words only the later one sees the other: that is order, and needs no "
                "place.",
            ),
            "c": (
                "yes, and one layer alone would do it",
                "The last word of one layer sees a bag again, and only the last word answers.",
            ),
        },
        right="b",
    ),
    Question(
        name="q04_1",
        text="A transformer without positions reads “dog bites man” and “man bites dog”. It …",
        options={
            "a": (
                "cannot tell them apart if all words look at all",
                "It sees a bag. Under a causal mask two layers can tell.",
            ),
            "b": (
                "cannot tell them apart, whatever the mask is",
                "Not in every case: a causal one of two layers could.",
            ),
            "c": (
                "can tell, because attention is computed word by word",
                "In whatever order it is computed, each word gets the same mean.",
            ),
        },
        right="a",
    ),
    Question(
        name="q04_2",
        text="Why does each frequency come as a sine and a cosine?",
        options={
            "a": (
                "so that the numbers stay between −1 and 1",
                "A sine alone stays there, too.",
            ),
            "b": (
                "so that no two places have the same row",
                "Sines alone, of so many speeds, would see to that as well.",
            ),
            "c": (
                "so that rows' dot products depend on distance only",
                "cos a cos b + sin a sin b = cos(a − b): the places themselves cancel.",
            ),
        },
        right="c",
    ),
    Question(
        name="q04_3",
        text=(
            "A model has a learned table of 64 places, and was trained on sentences of 16 words. "
            "What stands in its row 20?"
        ),
        options={
            "a": (
                "what rows 0 to 15 suggest, continued",
                "Nothing continues it: each row is learned by itself.",
            ),
            "b": (
                "what it was drawn as before training",
                "No sentence had a word there, so no gradient ever reached it.",
            ),
            "c": (
                "zeros, as no word has ever stood there",
                "It was drawn at random like the others, and stayed that.",
            ),
        },
        right="b",
    ),
    Question(
        name="q04_4",
        text="From lesson 03: what does the embedding table hold for the second “bank”?",
        options={
            "a": (
                "a row of its own, near “financial”",
                "The table is looked up by token, not by sentence.",
            ),
            "b": (
                "the row of the first “bank”",
                "One token, one row. What tells the two apart is added later.",
            ),
            "c": (
                "the mean of the words around it",
                "That is what attention will make of it, in lesson 05.",
            ),
        },
        right="b",
    ),
)
