"""What goes wrong in a block.

Builds on: engine.  Lacks: the exercise itself (blocks).
"""

from transformer_course.engine.exercise import Mistake

ATTEND = "        inputs = self.attention_residual.before(hidden)\n"
JOIN_ATTENDED = "self.attention_residual.after(hidden, attended.output)"
WORK = "        update = self.feed_forward(self.feed_forward_residual.before(hidden))\n"
JOIN_WORKED = "self.feed_forward_residual.after(hidden, update)"
WORK_AND_JOIN = f"{WORK}        hidden = {JOIN_WORKED}\n"

OWN_READING = "self.feed_forward(self.feed_forward_residual.before(hidden))"

MISTAKES = (
    Mistake(
        "both after are handed the stream and the update the wrong way round",
        "residual.after(x, update): which of the two comes first? With dropout it is not the same.",
        {
            JOIN_ATTENDED: "self.attention_residual.after(attended.output, hidden)",
            JOIN_WORKED: "self.feed_forward_residual.after(update, hidden)",
        },
    ),
    Mistake(
        "attention's after is handed the stream and the update the wrong way round",
        "residual.after(x, update): which of the two comes first? With dropout it is not the same.",
        {JOIN_ATTENDED: "self.attention_residual.after(attended.output, hidden)"},
    ),
    Mistake(
        "feed-forward's after is handed the stream and the update the wrong way round",
        "residual.after(x, update): which of the two comes first? With dropout it is not the same.",
        {JOIN_WORKED: "self.feed_forward_residual.after(update, hidden)"},
    ),
    Mistake(
        "both sublayers read the stream as it is: before is left out",
        "What does residual.before do? Who is to read its result?",
        {ATTEND: "        inputs = hidden\n", OWN_READING: "self.feed_forward(hidden)"},
    ),
    Mistake(
        "attention and feed-forward are added by hand, which is right for pre-norm only",
        "With the norm after the sum, who puts it there? Look at residual.after.",
        {JOIN_ATTENDED: "hidden + attended.output", JOIN_WORKED: "hidden + update"},
        source="trap 20",
    ),
    Mistake(
        "attention reads the stream as it is, without its norm",
        "What does residual.before do? Who is to read its result?",
        {ATTEND: "        inputs = hidden\n"},
        source="trap 20",
    ),
    Mistake(
        "the feed-forward reads the stream as it is, without its norm",
        "What does residual.before do? Who is to read its result?",
        {
            "self.feed_forward(self.feed_forward_residual.before(hidden))": (
                "self.feed_forward(hidden)"
            )
        },
        source="trap 20",
    ),
    Mistake(
        "both answers are added to the normed copy, not to the stream",
        "Which of the two goes on to the next layer: the stream, or what was read of it?",
        {
            JOIN_ATTENDED: "self.attention_residual.after(inputs, attended.output)",
            WORK_AND_JOIN: (
                "        inputs = self.feed_forward_residual.before(hidden)\n"
                "        update = self.feed_forward(inputs)\n"
                "        hidden = self.feed_forward_residual.after(inputs, update)\n"
            ),
        },
        source="trap 20",
    ),
    Mistake(
        "the feed-forward reads the old stream, from before attention",
        "Should the feed-forward see what attention has just gathered?",
        {ATTEND: f"{WORK}{ATTEND}", WORK_AND_JOIN: f"        hidden = {JOIN_WORKED}\n"},
    ),
    Mistake(
        "the feed-forward's answer is added to the old stream, and what attention added is lost",
        "Which hidden is the newest when the feed-forward is done?",
        {
            ATTEND: f"        old = hidden\n{ATTEND}",
            JOIN_WORKED: "self.feed_forward_residual.after(old, update)",
        },
    ),
    Mistake(
        "the feed-forward uses attention's norm",
        "Each sublayer has a residual of its own. Which one stands around the feed-forward?",
        {
            "self.feed_forward_residual.before": "self.attention_residual.before",
            "self.feed_forward_residual.after": "self.attention_residual.after",
        },
    ),
    Mistake(
        "what attention needs besides is not handed on",
        "Mask, positions and cache arrive in attending, packed. Who is waiting for them?",
        {"(inputs, **attending)": "(inputs)"},
        source="trap 5",
    ),
    Mistake(
        "attention's answer is added to the normed copy, not to the stream",
        "Which of the two goes on to the next layer: the stream, or what was read of it?",
        {JOIN_ATTENDED: "self.attention_residual.after(inputs, attended.output)"},
        source="trap 20",
    ),
    Mistake(
        "attention's answer is added by hand, which is right for pre-norm only",
        "With the norm after the sum, who puts it there? Look at residual.after.",
        {JOIN_ATTENDED: "hidden + attended.output"},
        source="trap 20",
    ),
    Mistake(
        "the feed-forward's answer is added by hand, which is right for pre-norm only",
        "With the norm after the sum, who puts it there? Look at residual.after.",
        {JOIN_WORKED: "hidden + update"},
        source="trap 20",
    ),
    Mistake(
        "the answer of attention replaces the stream",
        "Is what was there before still there? A residual adds.",
        {JOIN_ATTENDED: "attended.output"},
    ),
    Mistake(
        "the answer of the feed-forward replaces the stream",
        "Is what was there before still there? A residual adds.",
        {JOIN_WORKED: "update"},
    ),
    Mistake(
        "the feed-forward's answer is added to the normed copy, not to the stream",
        "Which of the two goes on to the next layer: the stream, or what was read of it?",
        {
            WORK_AND_JOIN: (
                "        inputs = self.feed_forward_residual.before(hidden)\n"
                "        update = self.feed_forward(inputs)\n"
                "        hidden = self.feed_forward_residual.after(inputs, update)\n"
            )
        },
        source="trap 20",
    ),
    Mistake(
        "the feed-forward reads what attention returned, not the stream",
        "Attention's answer was added to the stream. Who reads the sum?",
        {
            "self.feed_forward(self.feed_forward_residual.before(hidden))": (
                "self.feed_forward(self.feed_forward_residual.before(attended.output))"
            )
        },
    ),
    Mistake(
        "the feed-forward comes before attention",
        "First gather, then work on what was gathered.",
        {WORK_AND_JOIN: "", ATTEND: f"{WORK_AND_JOIN}{ATTEND}"},
    ),
    Mistake(
        "attention uses the feed-forward's norm",
        "Each sublayer has a residual of its own. Which one stands around attention?",
        {
            "self.attention_residual.before": "self.feed_forward_residual.before",
            "self.attention_residual.after": "self.feed_forward_residual.after",
        },
    ),
    Mistake(
        "only the stream is returned, without the weights",
        "Two things are asked for. Where does attention keep the second?",
        {"return hidden, attended.weights": "return hidden"},
    ),
    Mistake(
        "attention's output is returned in place of its weights",
        "What attention returns holds two things by name. Which of them says who looked at whom?",
        {"return hidden, attended.weights": "return hidden, attended.output"},
    ),
    Mistake(
        "None is returned in place of the weights",
        "Attention gives its weights to whoever asks. Who passes them on?",
        {"return hidden, attended.weights": "return hidden, None"},
    ),
)
