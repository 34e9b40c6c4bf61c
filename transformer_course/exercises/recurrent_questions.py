"""What lesson 01 asks before its experiments, and its quiz.

Builds on: engine.  Lacks: the exercises (recurrent and its neighbours).
"""

from transformer_course.engine.exercise import Question

QUESTIONS = (
    Question(
        name="01.1",
        text=(
            "A memory of one number keeps half of itself at each word. Of what it was at “river”, "
            "how much is left eight words later, at “empty”?"
        ),
        options={
            "a": ("less than a hundredth", "Halved eight times: ½⁸ = 1/256."),
            "b": (
                "one sixteenth of it",
                "That is ½ · ⅛: halving is multiplied, not divided by eight.",
            ),
            "c": ("about half of it", "A half is left after one word. There are seven more."),
        },
        right="a",
    ),
    Question(
        name="01.2",
        text=(
            "RNN, GRU, LSTM and one attention layer, of like size, untrained. The gradient of "
            "their answer by a letter 40 steps back: for which of them is it nearly as large as "
            "by a near letter?"
        ),
        options={
            "a": (
                "for attention alone",
                "To attention all letters are one step away. To the others each is a chain, and "
                "gates that were drawn at random leave two thirds to three quarters a step.",
            ),
            "b": (
                "for attention and the LSTM",
                "An LSTM's gates can keep, but drawn at random they stand half open.",
            ),
            "c": (
                "for all but the plain RNN",
                "Gates can keep; drawn at random they leave about three quarters a step, and "
                "that to the power of 35 is next to nothing.",
            ),
        },
        right="a",
    ),
    Question(
        name="01.3",
        text=(
            "The same plain RNN is trained on distances of 1 to 100, mixed, for no more than 200 "
            "batches, and asked at 200. How often is it right? (Chance is .25.)"
        ),
        options={
            "a": (
                "at chance: 50 was too far already",
                "At 50 the learning signal was lost, not the memory: near distances teach it.",
            ),
            "b": (
                "about half of the time",
                "Once a state is held in full, it is held at any distance.",
            ),
            "c": (
                "more than nine times in ten",
                "Near distances teach it to hold the letter, and what holds for 20 steps holds "
                "for 200.",
            ),
        },
        right="c",
    ),
    Question(
        name="01.4",
        text=(
            "A compiled layer of torch's takes a training step on one sequence of 1,024 words, "
            "alone; then on eight of them at once. Which is quicker here, on one thread of a "
            "CPU?"
        ),
        options={
            "a": (
                "attention, both times: it need not wait",
                "Not waiting pays where the machine would stand idle. One sequence of 1,024 keeps "
                "it busy already: attention compares a million pairs of words in each.",
            ),
            "b": (
                "the LSTM, both times, though it must wait",
                "On 1,024 words attention compares a million pairs, and then a mask hides half of "
                "them (no word may look at later ones); the LSTM takes 1,024 compiled steps.",
            ),
            "c": (
                "attention alone, the LSTM eight at a time",
                "1,024 words are too many already: the pairs grow with the square.",
            ),
        },
        right="b",
    ),
    Question(
        name="01.5",
        text=(
            "An RNN that names the first of 24 letters, always right. How large is the gradient "
            "of its answer by that first letter, compared with that by the last three?"
        ),
        options={
            "a": (
                "larger: the answer depends on it",
                "The answer depends on it, and yet a small change of it moves nothing: the state "
                "has snapped to one of four places, and stays there.",
            ),
            "b": (
                "about as large as theirs",
                "The state has snapped to one of four places: a small change moves nothing.",
            ),
            "c": (
                "far smaller, next to nothing",
                "Its state has snapped to one of four places. A small change dies out; "
                "another letter changes everything.",
            ),
        },
        right="c",
    ),
    Question(
        name="q01_1",
        text="A plain RNN trained at distance 50 alone stays at chance. What is missing?",
        options={
            "a": (
                "memory: forty numbers cannot hold a letter for 50 steps",
                "The same RNN, taught with near distances among them, recalls at 200.",
            ),
            "b": (
                "a learning signal: hardly any gradient arrives",
                "That, with plain initialisation and this budget. Other starts and other lessons "
                "repair it.",
            ),
            "c": (
                "size: a larger RNN would have learned it",
                "All had one size, and failed or succeeded by their start and their lessons.",
            ),
        },
        right="b",
    ),
    Question(
        name="q01_2",
        text="“Attention trains in parallel.” What exactly is true of it?",
        options={
            "a": (
                "it is quicker, whatever the machine",
                "On one thread a compiled LSTM overtook it. Reading in parallel pays where a "
                "machine would idle.",
            ),
            "b": (
                "it needs less work than an RNN on long texts",
                "It needs more on long texts: pairs grow with the square of the length.",
            ),
            "c": (
                "no place of a given text waits for another",
                "Four products in a row for any length, T for an RNN. Writing waits in both.",
            ),
        },
        right="c",
    ),
    Question(
        name="q01_3",
        text="The Jacobian of a trained RNN says that its first letter has no influence. So …",
        options={
            "a": (
                "the RNN has forgotten the letter on the way",
                "It named it each time. Swap the letter, and the answer changes.",
            ),
            "b": (
                "training has failed: no gradient is left",
                "Training had succeeded: a state that has snapped into place has no gradient.",
            ),
            "c": (
                "no small change of it moves the answer",
                "The Jacobian is about small changes. Memory is about other letters.",
            ),
        },
        right="c",
    ),
    Question(
        name="q01_4",
        text=(
            "From lesson 00b: a training loop calls backward() and step(), but never zero_grad(). "
            "Against what does its tenth step move the weights?"
        ),
        options={
            "a": (
                "against the tenth batch's gradient",
                "Each batch has its own gradient, and backward() adds it to what is there.",
            ),
            "b": (
                "against the sum of ten gradients",
                "backward() adds to .grad, and nothing cleared it.",
            ),
            "c": (
                "against the mean of ten gradients",
                "Nobody divides: backward() adds, and that is all.",
            ),
        },
        right="b",
    ),
)
