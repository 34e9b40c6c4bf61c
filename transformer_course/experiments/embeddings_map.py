"""Words among words: the nearest ones as bars, and a map of the two directions that differ most.

Builds on: drawing, word_vectors.  Lacks: lookups, losses and comparisons (embeddings_plots).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from transformer_course.drawing import INK, QUERY, QUIET, in_course_style
from transformer_course.word_vectors import WordVectors, principal_plane

LANDMARKS: Mapping[str, Sequence[str]] = {
    "family": ("father", "mother", "brother", "sister", "daughter", "wife"),
    "time": ("day", "night", "morning", "hour", "week", "year"),
    "war": ("sword", "army", "battle", "soldier", "enemy", "war"),
    "body": ("hand", "eyes", "lips", "tongue", "cheek", "heart"),
    "number": ("two", "three", "five", "ten", "twenty", "hundred"),
    "nature": ("sun", "moon", "sea", "wind", "rain", "river"),
}
GROUP_LOOK = {
    "family": ("#0072B2", "o"),
    "time": ("#D55E00", "s"),
    "war": ("#222222", "X"),
    "body": ("#CC79A7", "D"),
    "number": ("#009E73", "^"),
    "nature": ("#8C6D00", "v"),
}


SIZE = 9
"""Of the names on a map, in points."""

DOT = 3
"""Half as wide as the square that a point covers, in points."""

Name = tuple[float, float, str, str, str]
"""A point, the word beside it, its colour and its weight."""

Point = tuple[float, float]
"""Across and up, in points. A box is an array: left, low, right and high."""


@in_course_style
def neighbour_bars(found: Mapping[str, Sequence[tuple[str, float]]], title: str) -> Figure:
    """Draw the nearest words of a few words, a small panel for each."""
    columns = 3
    lines = -(-len(found) // columns)
    figure = Figure(figsize=(9, 1.75 * lines + 0.5), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).flat
    for axes in list(panels)[len(found) :]:
        axes.set_axis_off()
    for axes, (word, neighbours) in zip(figure.axes, found.items(), strict=False):
        draw_neighbours(axes, word, neighbours)
    figure.suptitle(
        f"{title}: the nearest words and their cosines",
        x=0.01,
        ha="left",
        fontweight="bold",
        fontsize=12,
    )
    figure.draw_without_rendering()
    return figure


def draw_neighbours(axes: Axes, word: str, neighbours: Sequence[tuple[str, float]]) -> None:
    """Draw the nearest words of one word as bars, the names inside."""
    places = range(len(neighbours))
    axes.barh(places, [cosine for _, cosine in neighbours], color="#A9CCE3", height=0.8)
    for place, (name, cosine) in enumerate(neighbours):
        axes.text(0.02, place, name, va="center", fontsize=10)
        axes.text(1.0, place, f"{cosine:.2f}", va="center", ha="right", fontsize=9, color=QUIET)
    axes.set(xlim=(0, 1), ylim=(len(neighbours) - 0.5, -0.5), yticks=[], xticks=[])
    axes.set_title(word, fontsize=11)
    axes.spines[["bottom", "left"]].set_visible(False)


@in_course_style
def word_map(vectors: WordVectors) -> Figure:
    """Draw the landmarks on the plane in which they differ most."""
    figure = Figure(figsize=(8, 5.6), layout="constrained")
    axes = figure.add_subplot()
    draw_map(axes, vectors)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), title="chosen by us", alignment="left")
    figure.draw_without_rendering()
    return figure


def draw_map(
    axes: Axes, vectors: WordVectors, marked: Sequence[str] = (), *, quiet: bool = False
) -> float:
    """Draw the landmarks, and other words among them.

    Args:
        axes: Empty ones.
        vectors: Whose words.
        marked: Words to be drawn besides, in bold.
        quiet: Whether the landmarks are kept in the background.

    Returns:
        The share of the landmarks' variance that the map shows.
    """
    landmarks = [word for words in LANDMARKS.values() for word in words]
    directions = vectors.directions[vectors.vocabulary.rows(landmarks)]
    plane, share = principal_plane(directions)
    names: list[Name] = []
    for group, words in LANDMARKS.items():
        colour, marker = GROUP_LOOK[group]
        colour = "#BBBBBB" if quiet else colour
        places = vectors.directions[vectors.vocabulary.rows(words)] @ plane.T
        axes.plot(*places.T.numpy(), marker, color=colour, markersize=5, label=group)
        names += [
            (x, y, word, colour, "normal")
            for (x, y), word in zip(places.tolist(), words, strict=True)
            if word not in marked
        ]
    others = vectors.directions[vectors.vocabulary.rows(marked)] @ plane.T
    if marked:
        axes.plot(*others.T.numpy(), "o", color=QUERY, markersize=7)
    names += [
        (x, y, word, INK, "bold") for (x, y), word in zip(others.tolist(), marked, strict=True)
    ]
    _name_points(axes, names)
    axes.set(
        title=f"Two directions of {vectors.table.shape[1]}: {share:.0%} of the variance",
        xlabel="first direction",
        ylabel="second direction",
    )
    axes.tick_params(labelsize=9)
    return share


def _name_points(axes: Axes, names: Sequence[Name]) -> None:
    """Write a name beside each point: to its right, else where it covers no other name.

    A name that does not stand right beside its point is led there by a thin line.
    """
    axes.margins(0.16, 0.1)
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("the axes belong to no figure; make them with figure.subplots()")
    figure.draw_without_rendering()  # finds out where the axes end up
    inch = 72 / figure.dpi
    points = axes.transData.transform([(x, y) for x, y, *_ in names]) * inch
    bold = [name[4] == "bold" for name in names]
    widths = [0.62 * SIZE * len(name[2]) * (1.1 if name[4] == "bold" else 1) for name in names]
    # Who comes first has the choice: of three orders the best one counts. Words in bold are placed
    # first in any of them: they are what the reader looks for.
    orders: list[list[int]] = [
        sorted(range(len(names)), key=lambda place: (not bold[place], turn * points[place, 0]))
        for turn in (1, -1, 0)
    ]
    shifts = min((_shifts(points, widths, order) for order in orders), key=lambda found: found[0])
    for (x, y, word, colour, weight), shift in zip(names, shifts[1], strict=True):
        line = {"arrowstyle": "-", "color": colour, "linewidth": 0.7, "shrinkA": 1, "shrinkB": 3}
        axes.annotate(
            word,
            (x, y),
            shift,
            textcoords="offset points",
            ha="left" if shift[0] > 0 else "right" if shift[0] < 0 else "center",
            va="center",
            fontsize=SIZE,
            color=colour,
            fontweight=weight,
            arrowprops=line if shift[1] else None,
        )


def _shifts(
    points: NDArray[np.float64], widths: Sequence[float], order: Sequence[int]
) -> tuple[int, list[Point]]:
    """Place one name after the other; return how badly they stand, and where each of them does."""
    taken = [np.concatenate([point - DOT, point + DOT]) for point in points]
    shifts, cost = [(0.0, 0.0)] * len(points), 0
    for place in order:
        amiss, shifts[place], box = _free_place(
            points[place], widths[place], np.array(taken), points
        )
        taken.append(box)
        cost += amiss
    return cost, shifts


def _free_place(
    point: NDArray[np.float64],
    width: float,
    taken: NDArray[np.float64],
    points: NDArray[np.float64],
) -> tuple[int, Point, NDArray[np.float64]]:
    """Return where a name covers least and is nearest to its own point; first, how badly so."""
    places = [
        (across, up, left)
        for up in (0.0, 9.0, -9.0, 15.0, -15.0, 21.0, -21.0)
        for across, left in ((6.0, 6.0), (-6.0, -6.0 - width), (0.0, -width / 2))
        if across or abs(up) >= 9
    ]
    low = point + np.array([(left, up - SIZE / 2) for _, up, left in places])
    boxes = np.hstack([low, low + np.array([width, SIZE])])
    amiss = _amiss(point, boxes, taken, points) + np.array([up != 0 for _, up, _ in places])
    best = int(amiss.argmin())
    return int(amiss[best]), places[best][:2], boxes[best]


def _amiss(
    point: NDArray[np.float64],
    boxes: NDArray[np.float64],
    taken: NDArray[np.float64],
    points: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Count what a name in each box covers, what its line crosses, and whom it is nearer to."""
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    covered = ((low < taken[:, 2:]) & (taken[:, :2] < high)).all(-1).sum(-1)
    ends = point.clip(boxes[:, :2], boxes[:, 2:])
    way = point + np.array([0.4, 0.6, 0.8])[:, None, None, None] * (ends - point)[:, None]
    others = taken[(taken != np.concatenate([point - DOT, point + DOT])).any(-1)]
    crossed = (_distance(way, others) == 0).any(0).sum(-1)
    neighbours = points[(points != point).any(-1)]
    reach = _distance(point, boxes)[:, None]
    nearer = (_distance(neighbours, boxes[:, None]) < reach).sum(-1)
    return 4 * covered + 4 * crossed + 2 * nearer


def _distance(points: NDArray[np.float64], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    outside = np.maximum(boxes[..., :2] - points, points - boxes[..., 2:]).clip(0)
    return np.hypot(outside[..., 0], outside[..., 1])
