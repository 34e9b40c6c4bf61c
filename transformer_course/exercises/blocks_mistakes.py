"""What goes wrong in a block, some of it also in one that has its first two sublayers alone.

Builds on: engine.  Lacks: the exercise itself (blocks).
"""

from transformer_course.engine.exercise import Mistake

ATTEND = "        inputs = self.attention_residual.before(hidden)\n"
JOIN_ATTENDED = "self.attention_residual.after(hidden, attended.output)"
JOIN_LOOKED_UP = "self.cross_attention_residual.after(hidden, looked_up.output)"
WORK = "        update = self.feed_forward(self.feed_forward_residual.before(hidden))\n"
JOIN_WORKED = "self.feed_forward_residual.after(hidden, update)"
LOOK_UP = """\
        if self.cross_attention is not None and self.cross_attention_residual is not None:
            inputs = self.cross_attention_residual.before(hidden)
            looked_up = self.cross_attention(
                inputs, memory, key_mask=memory_mask, need_weights=need_weights
            )
            hidden = self.cross_attention_residual.after(hidden, looked_up.output)
            cross_weights = looked_up.weights
"""
WORK_AND_JOIN = f"{WORK}        hidden = {JOIN_WORKED}\n"

TYPICAL = (
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
        "what self-attention needs besides is not handed on",
        "Mask, positions and cache arrive in attending. Who is waiting for them?",
        {", **attending)\n": ")\n"},
        source="trap 5",
    ),
)
"""Slips in self-attention or feed-forward; these are known without a third sublayer, too."""

IN_TWO = (
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
)
"""More slips in self-attention or feed-forward."""

IN_THREE = (
    Mistake(
        "the updates are added by hand, which is right for pre-norm only",
        "With the norm after the sum, who puts it there? Look at residual.after.",
        {
            JOIN_ATTENDED: "hidden + attended.output",
            JOIN_LOOKED_UP: "hidden + looked_up.output",
            JOIN_WORKED: "hidden + update",
        },
        source="trap 20",
    ),
    Mistake(
        "cross-attention's answer is added by hand, which is right for pre-norm only",
        "With the norm after the sum, who puts it there? Look at residual.after.",
        {JOIN_LOOKED_UP: "hidden + looked_up.output"},
        source="trap 20",
    ),
    Mistake(
        "cross-attention reads the stream as it is, without its norm",
        "What does residual.before do? Who is to read its result?",
        {"inputs = self.cross_attention_residual.before(hidden)": "inputs = hidden"},
        source="trap 20",
    ),
    Mistake(
        "cross-attention's answer replaces the stream",
        "Is what was there before still there? A residual adds.",
        {JOIN_LOOKED_UP: "looked_up.output"},
    ),
    Mistake(
        "cross-attention comes last, after the feed-forward",
        "The third sublayer stands between the two: gather, look up, then work.",
        {WORK_AND_JOIN: "", LOOK_UP: f"{WORK_AND_JOIN}{LOOK_UP}"},
    ),
    Mistake(
        "cross-attention's answer is added to the normed copy, not to the stream",
        "Which of the two goes on to the next layer: the stream, or what was read of it?",
        {JOIN_LOOKED_UP: "self.cross_attention_residual.after(inputs, looked_up.output)"},
        source="trap 20",
    ),
    Mistake(
        "cross-attention uses self-attention's norm",
        "Each sublayer has a residual of its own. Which one stands around cross-attention?",
        {
            "self.cross_attention_residual.before": "self.attention_residual.before",
            "self.cross_attention_residual.after": "self.attention_residual.after",
        },
    ),
    Mistake(
        "the memory's padding can be seen",
        "Not every position of the memory is real. Which argument says so?",
        {"memory, key_mask=memory_mask, ": "memory, "},
    ),
    Mistake(
        "cross-attention looks at the stream, not at the memory",
        "Who asks in cross-attention, and who answers?",
        {"inputs, memory, key_mask=memory_mask, ": "inputs, "},
    ),
    Mistake(
        "the cross-attention's weights are lost",
        "Three things are returned. What is the third where there is a memory?",
        {"            cross_weights = looked_up.weights\n": ""},
    ),
    Mistake(
        "need_weights is not handed on to self-attention",
        "Attention gives its weights only to whoever asks. Who is to ask?",
        {"inputs, need_weights=need_weights, **attending": "inputs, **attending"},
    ),
)
"""Slips in cross-attention, and what only shows beside it."""

ONLY_TWO = Mistake(
    "self-attention and feed-forward are right; the third sublayer is still missing",
    "Now cross-attention, between the two, where there is one; it is built like the first.",
    {LOOK_UP: ""},
)


def _in_two_sublayers(mistake: Mistake) -> Mistake:
    """Write a slip into a block that has no third sublayer yet."""
    return Mistake(
        f"{mistake.name}; the third sublayer is still missing, which comes after this",
        mistake.look_at,
        {**ONLY_TWO.slip, **mistake.slip},
        mistake.source,
    )


MISTAKES = (ONLY_TWO, *TYPICAL, *IN_TWO, *IN_THREE, *map(_in_two_sublayers, TYPICAL))
