"""Four frames of what the attention explorer can do, for those who only read.

Builds on: drawing, attention_scene.  Lacks: controls (attention).
"""

from collections.abc import Mapping
from dataclasses import replace

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transformer_course.attention import scaled_dot_product_attention
from transformer_course.drawing import draw_weights, in_course_style, write_numbers
from transformer_course.widgets.attention_scene import (
    ALIBI,
    CAUSAL,
    Scene,
    Setting,
    attend,
    own_query,
)
from transformer_course.widgets.attention_words import BANK_SENTENCE, read_words

FRAMES_WIDTH, FRAMES_HEIGHT, ROW_HEIGHT = 9.0, 6.2, 0.36
"""In inches."""

FIRST_BANK, SECOND_BANK = 1, 10
LOW, HIGH = 0.25, 4.0
TURNED_TO = -45.0
"""In degrees."""

Row = tuple[Scene, int]
"""A scene, and the word in it whose row is meant."""


@in_course_style
def attention_frames() -> Figure:
    """Draw four frames of what the explorer can do, for those who only read.

    `describe_frames` says in words what they show.
    """
    words = read_words(BANK_SENTENCE)
    figure = Figure(figsize=(FRAMES_WIDTH, FRAMES_HEIGHT))
    top = FRAMES_HEIGHT - 1.25
    for number, (title, rows) in enumerate(_frames().items()):
        height = ROW_HEIGHT * len(rows)
        top -= height
        box = (1.5 / FRAMES_WIDTH, top / FRAMES_HEIGHT)
        axes = figure.add_axes((*box, 7.3 / FRAMES_WIDTH, height / FRAMES_HEIGHT))
        _draw_frame(axes, rows, words)
        if number:
            axes.tick_params(labeltop=False)
            axes.set_xlabel("")
        axes.set_ylabel("")
        lift = 0.95 if number == 0 else 0.08
        axes.annotate(
            f"{number + 1}. {title}",
            (-0.18, 1),
            xytext=(0, 72 * lift),
            fontweight="bold",
            xycoords="axes fraction",
            textcoords="offset points",
            annotation_clip=False,
        )
        top -= 0.5
    figure.draw_without_rendering()
    return figure


def describe_frames() -> str:
    """Say in words what the frames show, in the numbers that are drawn."""
    temperatures, masked, near, turned = (list(rows.values()) for rows in _frames().values())
    words = read_words(BANK_SENTENCE)

    def weight(row: Row, word: str) -> str:
        scene, place = row
        return f"{scene.weights[place, words.index(word)].item():.2f}"

    low, middle, high = (weight(row, "river") for row in temperatures)
    return (
        "Rows of the bank sentence. Without positions “bank” looks at “river” and at “financial” "
        f"alike: {low} each at temperature {LOW:g}, {middle} at 1, {high} at {HIGH:g}. Under a "
        f"causal mask the first “bank” is left with “The” ({weight(masked[0], 'The')}) and itself "
        f"({weight(masked[0], 'bank')}). With ALiBi the first “bank” looks most at “river” "
        f"({weight(near[0], 'river')}), the second at “financial” "
        f"({weight(near[1], 'financial')}). With its query turned by hand, the first “bank” looks "
        f"most at “empty” ({weight(turned[1], 'empty')})."
    )


def _frames() -> dict[str, dict[str, Row]]:
    """Return the frames by title, each with its rows by name."""
    plain = Setting(words=read_words(BANK_SENTENCE), chosen=FIRST_BANK)
    masked, near = _scene(replace(plain, mask=CAUSAL)), _scene(replace(plain, positions=ALIBI))
    angle, length = own_query(plain)
    turned = _scene(replace(plain, moved=(TURNED_TO, length)))
    return {
        "Temperature: low makes the row of “bank” sharp, high makes it flat": {
            f"temperature {temperature:g}": (
                _scene(replace(plain, temperature=temperature)),
                FIRST_BANK,
            )
            for temperature in (LOW, 1, HIGH)
        },
        "Causal mask: each word sees itself and what came before": {
            "first bank": (masked, FIRST_BANK),
            "second bank": (masked, SECOND_BANK),
        },
        "ALiBi: what is near counts more": {
            "first bank": (near, FIRST_BANK),
            "second bank": (near, SECOND_BANK),
        },
        "The query of “bank”: its own, and turned by hand": {
            f"at {angle:.0f}°": (_scene(plain), FIRST_BANK),
            f"at {TURNED_TO:.0f}°".replace("-", "−"): (turned, FIRST_BANK),
        },
    }


def _scene(setting: Setting) -> Scene:
    return attend(setting, scaled_dot_product_attention)


def _draw_frame(axes: Axes, rows: Mapping[str, Row], words: tuple[str, ...]) -> None:
    weights = torch.stack([scene.weights[place] for scene, place in rows.values()])
    mask = torch.stack([scene.mask[place] for scene, place in rows.values()])
    # A space in a token would be shown as a dot; these labels are no tokens.
    labels = [name.replace(" ", "\N{NO-BREAK SPACE}") for name in rows]
    draw_weights(axes, weights, labels, words, mask=mask, cell=ROW_HEIGHT)
    write_numbers(axes, weights, mask)
    axes.set_aspect("auto")
