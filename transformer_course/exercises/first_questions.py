"""What lesson 00 and its side page 00b ask before their experiments, and their quizzes.

Builds on: engine.  Lacks: the exercise (windows).
"""

from transformer_course.engine.exercise import Question

START = (
    Question(
        name="00.1",
        text=(
            "The model has read 26 of Shakespeare's plays, a few times over. Now it writes, at "
            "temperature 0.8 (neither timid nor bold; section 1 explains it). Take runs of five "
            "words in what it writes: how many stand word for word in those plays?"
        ),
        options={
            "a": (
                "fewer than one in fifty",
                "It learned which piece of a word tends to follow which text, not the text.",
            ),
            "b": (
                "about one in ten of them",
                "Five words in a row hardly ever come twice, not even in Shakespeare.",
            ),
            "c": (
                "most of them: it has read them",
                "Having read them a few times, so small a model keeps habits, not pages.",
            ),
        },
        right="a",
    ),
    Question(
        name="00.2",
        text=(
            "“The bank of the river was crowded, but the financial bank was empty.” Somewhere in a "
            "trained model the first “bank” looks mostly at “river”. What does the second "
            "“bank” do in that same place?"
        ),
        options={
            "a": (
                "it looks at “financial”, and hardly at “river”",
                "So the story usually goes. Head 0.2 does it, but only because it always looks one "
                "token back; this one does not.",
            ),
            "b": (
                "it looks at “river” too, with less weight",
                "The tidy story breaks on its own example. So look, and measure, before you tell.",
            ),
            "c": (
                "it looks at all words nearly alike",
                "That is what an untrained model does.",
            ),
        },
        right="b",
    ),
    Question(
        name="q00_1",
        text="A check says “known slip”. What has happened?",
        options={
            "a": (
                "Your function computes what a well-known mistake computes.",
                "In every case alike: so the name is certain, and so is where to look.",
            ),
            "b": (
                "Your code reads like a well-known mistake.",
                "Style does not count: what it computes does, and that it does so itself.",
            ),
            "c": (
                "Something is wrong, and nobody knows what.",
                "That would be “not yet”, with the first thing that does not hold.",
            ),
        },
        right="a",
    ),
    Question(
        name="q00_2",
        text="A model has a loss of 1.5 nats a character on an unseen play. What is that worth?",
        options={
            "a": (
                "It is good: whatever is below 2 nats is good.",
                "There is no such line. Another text, another alphabet, and it moves.",
            ),
            "b": (
                "It depends on what counting achieves on that play.",
                "A number says little alone; beside a free baseline it says what was learned.",
            ),
            "c": (
                "It is right in one case of 1.5, or two in three.",
                "A loss is a mean of −log p, not a share of right answers.",
            ),
        },
        right="b",
    ),
    Question(
        name="q00_3",
        text="You close this notebook with two exercises passed. What is left tomorrow?",
        options={
            "a": (
                "nothing, unless you saved the notebook",
                "What is typed in the notebook, yes; but a part that passed is kept apart from it.",
            ),
            "b": (
                "a mark for each, but not the code",
                "The code is the point: it becomes a part of the model.",
            ),
            "c": (
                "your two parts, which later lessons run on",
                "Each is a file under my_work/parts. You may even read them.",
            ),
        },
        right="c",
    ),
)

PYTORCH = (
    Question(
        name="00b.1",
        text="np.array([0.1, 0.2]) holds numbers of 64 bits. And torch.tensor([0.1, 0.2])?",
        options={
            "a": ("64 bits, too", "That is so for a tensor made of an array, not of a list."),
            "b": (
                "32 bits each",
                "Seven digits are enough to learn with, and take half the memory.",
            ),
            "c": ("as many as needed", "A dtype is fixed: all numbers of a tensor share it."),
        },
        right="b",
    ),
    Question(
        name="00b.2",
        text="Five predictions of shape (5, 1), five targets of shape (5,), all equal. What is "
        "((predictions - targets) ** 2).mean()?",
        options={
            "a": (
                "a number above 0",
                "(5, 1) and (5,) spread to (5, 5): every prediction against every target.",
            ),
            "b": ("an error: shapes differ", "They fit by the rules, and nobody is asked."),
            "c": ("0: they are equal", "Pair by pair they are. But which pairs are formed?"),
        },
        right="a",
    ),
    Question(
        name="00b.3",
        text="You call backward() twice, each time on a freshly computed loss. What is in .grad?",
        options={
            "a": ("the gradient, as after the first", "It would be, if the first were cleared."),
            "b": (
                "the sum of the two, twice the gradient",
                "backward() adds to what is there; that is why a step ends with zero_grad().",
            ),
            "c": (
                "nothing: the second call is an error",
                "It is one only on the same loss, whose intermediate results are gone.",
            ),
        },
        right="b",
    ),
    Question(
        name="q00b_1",
        text="x has shape (2, 3). What is the shape of x[..., None]?",
        options={
            "a": ("(1, 2, 3)", "That is x[None]: the new axis stands where None stands."),
            "b": ("(2, 3, 1)", "… stands for all axes there are; None adds one after them."),
            "c": ("(2, 3)", "An axis of length 1 is an axis."),
        },
        right="b",
    ),
    Question(
        name="q00b_2",
        text="Why is a weight an nn.Parameter and not a plain tensor?",
        options={
            "a": (
                "It computes faster than a plain tensor.",
                "It computes as any tensor does.",
            ),
            "b": (
                "Only a parameter can have a gradient.",
                "Any tensor of floats can, with requires_grad=True.",
            ),
            "c": (
                "So that model.parameters() finds it.",
                "A plain tensor in a module would stay as it is for ever, without any error.",
            ),
        },
        right="c",
    ),
    Question(
        name="q00b_3",
        text="Two runs of one script give other numbers. What is missing?",
        options={
            "a": (
                "a seeded generator, handed to whatever draws",
                "Then the numbers are the script's own, and no other code can move them.",
            ),
            "b": (
                "float64, in place of torch's float32",
                "It makes rounding smaller, and leaves chance as it is.",
            ),
            "c": (
                "torch.no_grad() around the whole script",
                "It switches the recording for gradients off; chance is something else.",
            ),
        },
        right="a",
    ),
)

QUESTIONS = (*START, *PYTORCH)
