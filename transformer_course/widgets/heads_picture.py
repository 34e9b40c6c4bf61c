"""What the widget of lesson 07 draws: bars of what is left, grey hatch where a token is cut.

Builds on: drawing, heads_scene.  Lacks: controls (heads).
"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transformer_course.drawing import INK, KEY, MASKED, QUERY, in_course_style, png
from transformer_course.trained import TrainedWriter
from transformer_course.widgets.heads_scene import (
    NUM_DRAWS,
    Choice,
    Controls,
    choose_next,
    next_logits,
)

DOTS_PER_INCH = 144
WIDTH, HEIGHT = 8.6, 3.5
"""In inches."""

CUT_HEIGHT = 0.05
"""Of the tallest bar."""

FRAMES = (Controls(), Controls(temperature=0.5), Controls(top_k=4), Controls(top_p=0.5))
"""What the strip for readers shows."""


@in_course_style
def draw_choice(choice: Choice) -> bytes:
    """Return a choice as a PNG file."""
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    axes = figure.add_subplot()
    draw_bars(axes, choice)
    axes.set_title(f"What comes next? {str(choice.controls).capitalize()}")
    axes.legend(loc="upper right")
    return png(figure, DOTS_PER_INCH)


def draw_bars(axes: Axes, choice: Choice) -> None:
    """Draw a choice into axes of a figure in the course's style."""
    places = range(len(choice.tokens))
    own, left = choice.own.tolist(), choice.left.tolist()
    cut = [place for place in places if left[place] == 0]
    kept = [place for place in places if left[place] > 0]
    axes.bar(kept, [left[place] for place in kept], 0.7, color=QUERY, label="probability left")
    if cut:
        # All alike: what they had is told by the line.
        height = CUT_HEIGHT * max((*own, *left))
        axes.bar(cut, height, 0.7, **MASKED, label="cut (height says nothing)")
    axes.step(
        [place - 0.5 for place in (*places, len(own))],
        [*own, own[-1]],
        where="post",
        color=INK,
        linewidth=1,
        label="the model’s own",
    )
    shares = (choice.drawn / NUM_DRAWS).tolist()
    axes.plot(
        places, shares, "o", color=KEY, ms=5, mec="white", label=f"share of {NUM_DRAWS:,} draws"
    )
    axes.set_xticks(places, choice.tokens, rotation=45, ha="right", rotation_mode="anchor")
    axes.set(ylabel="probability", ylim=(0, max(0.05, 1.12 * max((*own, *left, *shares)))))
    axes.set_xlim(-0.6, len(own) - 0.4)


@in_course_style
def control_frames(writer: TrainedWriter, prompt: str) -> Figure:
    """Draw four settings of the controls, for those who only read.

    Args:
        writer: The model with its tokenizer.
        prompt: What the next token follows.
    """
    choices = frame_choices(writer, prompt)
    figure = Figure(figsize=(WIDTH, 5.6), layout="constrained")
    for number, (axes, choice) in enumerate(
        zip(figure.subplots(2, 2, sharey=True).flat, choices, strict=True), start=1
    ):
        draw_bars(axes, choice)
        axes.set_title(f"{number}. {str(choice.controls).capitalize()}")
        axes.tick_params(axis="x", labelsize=9)
        if number % 2 == 0:
            axes.set_ylabel("")
    tallest = max(choice.left.max().item() for choice in choices)
    figure.axes[0].set_ylim(0, 1.12 * tallest)
    figure.axes[2].legend(loc="upper right", fontsize=9)
    figure.draw_without_rendering()
    return figure


def frame_choices(writer: TrainedWriter, prompt: str) -> Sequence[Choice]:
    """Return what the frames show."""
    logits, tokens = next_logits(writer, prompt), written_tokens(writer)
    return [choose_next(logits, tokens, controls) for controls in FRAMES]


def written_tokens(writer: TrainedWriter) -> list[str]:
    """Return how each token of the vocabulary is written."""
    return [writer.tokenizer.decode([number]) for number in range(writer.tokenizer.vocab_size)]
