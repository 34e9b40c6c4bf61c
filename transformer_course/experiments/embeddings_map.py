"""Words among words: the nearest ones as bars, and a map of the two directions that differ most.

Builds on: drawing, word_vectors.  Lacks: lookups, losses and comparisons (embeddings_plots).
"""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

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

Name = tuple[float, float, str, str, str]
"""A point, the word beside it, its colour and its weight."""


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
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12)
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
    """Write a name beside each point: to its right, else where it covers no other name."""
    axes.margins(0.12)
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("the axes belong to no figure; make them with figure.subplots()")
    figure.draw_without_rendering()  # finds out where the axes end up
    inch = 72 / figure.dpi
    points = [(axes.transData.transform((x, y)) * inch).tolist() for x, y, *_ in names]
    taken = [(x - 3, y - 3, x + 3, y + 3) for x, y in points]
    # Words in bold are placed first: they are what the reader looks for.
    order = sorted(range(len(names)), key=lambda place: names[place][4] != "bold")
    for place in order:
        x, y, word, colour, weight = names[place]
        width = 0.68 * SIZE * len(word) * (1.1 if weight == "bold" else 1)
        shift, box = _free_place(points[place], width, taken)
        taken.append(box)
        axes.annotate(
            word,
            (x, y),
            shift,
            textcoords="offset points",
            va="center",
            fontsize=SIZE,
            color=colour,
            fontweight=weight,
        )


def _free_place(
    point: Sequence[float], width: float, taken: Sequence[tuple[float, float, float, float]]
) -> tuple[tuple[float, float], tuple[float, float, float, float]]:
    """Return the shift, in points, at which a word covers the fewest others, and its box."""
    best: tuple[int, tuple[float, float], tuple[float, float, float, float]] | None = None
    for up in (0, 7, -7, 12, -12, 18, -18):
        for across in (5.0, -5.0 - width, -width / 2):
            if across == -width / 2 and abs(up) < 9:
                continue
            left, low = point[0] + across, point[1] + up - SIZE / 2
            box = (left, low, left + width, low + SIZE)
            covered = sum(
                box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
                for other in taken
            )
            if best is None or covered < best[0]:
                best = covered, (across, up), box
    if best is None:
        raise RuntimeError("there is always a first place")
    return best[1], best[2]
