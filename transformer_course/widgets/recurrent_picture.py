"""Pictures of the memory explorer: one for the widget, and four frames for those who only read.

Builds on: drawing, recurrent_scene.  Lacks: controls (recurrent).
"""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from transformer_course.drawing import INK, KEY, QUERY, QUIET, in_course_style, png
from transformer_course.experiments.recurrent_plots import label_powers
from transformer_course.experiments.recurrent_readers import CHANCE
from transformer_course.experiments.recurrent_stored import STORED_DISTANCES
from transformer_course.widgets.recurrent_scene import MemoryScene, describe, in_words, remember

WIDTH, HEIGHT = 9.4, 3.7
"""In inches."""
DOTS_PER_INCH = 100
LOWEST, HIGHEST = 1e-12, 1e4
FRAMES = ((0.5, 50), (0.9, 50), (1.0, 50), (1.3, 50))


@in_course_style
def draw(scene: MemoryScene) -> bytes:
    """Return the widget's picture as a PNG file."""
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    gradients, recalls = figure.subplots(1, 2)
    draw_gradients(gradients, scene)
    draw_recall(recalls, scene)
    gradients.set(title="Gradient, untrained", ylabel="share of that at distance 0")
    recalls.set(title="Recall, trained at one distance", ylabel="share named rightly")
    gradients.legend(loc="upper right", fontsize=8.5, borderaxespad=0)
    return png(figure, DOTS_PER_INCH)


def draw_gradients(axes: Axes, scene: MemoryScene) -> None:
    """Draw gradients by distance, on paper and measured, up to where the axis ends."""
    for shares, line, colour, label in (
        (scene.on_paper, "--", QUIET, "one number: w to the power of the distance"),
        (scene.gradient, "-", QUERY, "an RNN with tanh"),
    ):
        axes.plot(range(len(shares)), shares, line, color=colour, label=label)
    axes.set_yscale("log")
    axes.set_ylim(LOWEST, HIGHEST)
    label_powers(axes, range(-12, 5, 4))
    axes.set_xticks([0, 50, 100, 150, 200])
    axes.set_xlim(-5, 205)
    axes.set_xlabel("distance")
    left = scene.gradient[scene.distance]
    if left < LOWEST:
        roomy = scene.distance < max(STORED_DISTANCES) / 2
        axes.plot([scene.distance], [LOWEST * 6], "v", color=KEY, markersize=9, zorder=4)
        axes.annotate(
            f"{in_words(left)},\nbelow this scale",
            (scene.distance, LOWEST * 6),
            (8, 0) if roomy else (-8, 0),
            textcoords="offset points",
            ha="left" if roomy else "right",
            color=KEY,
            fontsize=9,
        )
    else:
        axes.plot([scene.distance], [left], "o", color=KEY, markersize=9, zorder=4)
    axes.axvline(scene.distance, color=KEY, linewidth=1, linestyle=(0, (5, 3)))


def draw_recall(axes: Axes, scene: MemoryScene) -> None:
    """Draw what was recalled by distance, each model a dot, and their mean a line."""
    means = [sum(shares) / len(shares) for shares in scene.recall.values()]
    axes.plot(list(scene.recall), means, "-", color=QUERY)
    for distance, shares in scene.recall.items():
        axes.plot([distance] * len(shares), shares, "o", color=QUERY, alpha=0.4, markersize=5)
    axes.plot([scene.distance], [scene.mean_recall], "o", color=KEY, markersize=9, zorder=4)
    axes.axhline(CHANCE, color=INK, linestyle=(0, (5, 3)), linewidth=1)
    axes.text(4.6, CHANCE - 0.02, "chance", va="top", fontsize=9)
    axes.set_xscale("log")
    axes.set_xticks(STORED_DISTANCES, [str(distance) for distance in STORED_DISTANCES])
    axes.set_xticks([], minor=True)
    axes.set_ylim(0, 1.08)
    axes.set_xlabel("distance (log scale)")


@in_course_style
def memory_frames() -> Figure:
    """Draw four frames of what the explorer can do; `describe_frames` says what they show."""
    figure = Figure(figsize=(10.4, 5.4), layout="constrained")
    grid = figure.subplots(2, len(FRAMES), sharey="row")
    for column, (weight, distance) in enumerate(FRAMES):
        scene = remember(weight, distance)
        draw_gradients(grid[0][column], scene)
        draw_recall(grid[1][column], scene)
        grid[0][column].set_title(f"{column + 1}. weight {weight:g}")
        grid[1][column].tick_params(axis="x", labelsize=9)
    handles, labels = grid[0][1].get_legend_handles_labels()
    chosen = Line2D([], [], color=KEY, marker="o", markersize=9, linestyle="none")
    figure.legend(
        [*handles, chosen],
        [*labels, "the distance chosen"],
        loc="outside upper left",
        ncols=3,
        fontsize=9.5,
    )
    grid[0][0].set_ylabel("gradient, untrained")
    grid[1][0].set_ylabel("share named rightly")
    figure.draw_without_rendering()
    return figure


def describe_frames() -> str:
    """Say in words what the frames show, in the numbers that are drawn."""
    return " ".join(describe(remember(*frame)) for frame in FRAMES)
