"""Four frames of what the positional explorer can do, for those who only read.

Builds on: drawing, positional_scene.  Lacks: controls (positional).
"""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from transformer_course.drawing import INK, KEY, QUIET, SIGNED, in_course_style
from transformer_course.widgets.positional_scene import NEAR, NUM_PLACES, Scene, Setting, look

SETTINGS: Mapping[str, Setting] = {
    "One hand": Setting(d_model=2, place=0, base=10_000.0),
    "Four hands": Setting(d_model=8, place=0, base=10_000.0),
    "Thirty-two hands": Setting(d_model=64, place=0, base=10_000.0),
    "Base 10": Setting(d_model=64, place=0, base=10.0),
}


@in_course_style
def positional_frames() -> Figure:
    """Draw four settings: the table above, below it how like each row is to row 0.

    `describe_frames` says in words what they show.
    """
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    panels = figure.subplots(2, len(SETTINGS), sharey="row", height_ratios=(1.1, 1))
    for number, (title, scene) in enumerate(_scenes().items()):
        above, below = panels[0, number], panels[1, number]
        image = above.imshow(scene.table.numpy(), cmap=SIGNED, vmin=-1, vmax=1, aspect="auto")
        image.set_interpolation("nearest")
        above.set_title(f"{number + 1}. {title}")
        above.set_xlabel("number of the vector")
        above.set_xticks(sorted({0, scene.setting.d_model - 1}))
        below.axvspan(0, NEAR, color="#EEEEEE")  # near: alike in any table
        below.axhline(0, color=QUIET, linewidth=0.8)
        below.plot(np.arange(NUM_PLACES), scene.likeness.numpy(), color=INK, linewidth=1.2)
        peak = scene.double, scene.likeness[scene.double].item()
        below.plot(*peak, "s", color=KEY, markersize=7)
        share = scene.double / NUM_PLACES
        align = "left" if share < 0.25 else "right" if share > 0.9 else "center"
        below.text(scene.double, 1.12, f"place {scene.double}", color=KEY, ha=align, weight="bold")
        below.set(xlabel="place", ylim=(-1.05, 1.3), xlim=(-2, NUM_PLACES + 4))
    panels[0, 0].set_ylabel("place")
    scale = figure.colorbar(image, ax=panels[0].tolist(), ticks=[-1, 0, 1], pad=0.01)
    scale.set_label("number")
    panels[1, -1].text(NEAR + 1.5, -0.95, "grey: near, not counted", fontsize=9, color=QUIET)
    panels[1, 0].set_ylabel("like row 0 (1: the same)")
    figure.draw_without_rendering()
    return figure


def describe_frames() -> str:
    """Say in words what the frames show, in the numbers that are drawn."""
    one, four, many, low = _scenes().values()

    def double(scene: Scene) -> str:
        return f"place {scene.double} ({scene.likeness[scene.double].item():.2f})"

    return (
        f"How like row 0 is each of {NUM_PLACES} rows, 1 being the same? With one hand, "
        f"{double(one)} looks the same, for the hand has come round. With four it is "
        f"{double(four)}. With thirty-two hands no far place is like it: of those more than {NEAR} "
        f"away, most like it is {double(many)}. With base 10 all hands are fast, and it is "
        f"{double(low)}."
    )


def _scenes() -> dict[str, Scene]:
    return {title: look(setting) for title, setting in SETTINGS.items()}
