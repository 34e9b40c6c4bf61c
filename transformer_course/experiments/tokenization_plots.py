"""What lesson 02's experiments look like: tokens in boxes, curves, and dots for languages.

Builds on: drawing, tokenization, tokenization_costs, tokenization_pieces.  Lacks: the words beside
the pictures (lesson 02).
"""

from collections.abc import Iterable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from transformer_course.byte_pair_merges import (
    Pair,
    learn_merges,
    merge_pair,
    split_into_bytes,
)
from transformer_course.drawing import (
    INK,
    KEY,
    QUERY,
    QUIET,
    VALUE,
    in_course_style,
    token_label,
)
from transformer_course.experiments.tokenization import Compression
from transformer_course.experiments.tokenization_costs import LanguageCosts, UnseenWords
from transformer_course.experiments.tokenization_pieces import Piece, visible_bytes

FILLS = ("#D9E8F5", "#FBE3D0")
"""Neighbouring tokens take turns; so do their borders, for those who see no colours."""

BORDERS = ((QUERY, "-"), (KEY, "--"))
KNOWN_AS = {"A Winter's Tale": "The Winter's Tale"}
"""What a play is called, where its file says something else."""

LETTER, HEIGHT, LINE = 0.098, 0.27, 0.40
"""In inches: width of a letter, height of a box, distance of lines."""

Row = Sequence[Piece | float | None]
"""Tokens from left to right; None leaves a gap, a number goes on so many inches from the left."""


@in_course_style
def token_rows(
    rows: Mapping[str, Row], *, title: str, width: float = 10, names: float = 1.9
) -> Figure:
    """Draw texts cut into tokens: a row each, broken into lines where it is long.

    Args:
        rows: The tokens, by the name that stands at the row's left.
        title: Stands above.
        width: Of the figure, in inches.
        names: What of it the names take.
    """
    placed = {name: _place(row, width - names - 0.1) for name, row in rows.items()}
    lines = [max((line for *_, line in boxes), default=0) + 1 for boxes in placed.values()]
    height = LINE * sum(lines) + 0.14 * len(lines) + 0.4
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    axes.text(0.05, height - 0.2, title, fontweight="bold", fontsize=12, va="center")
    top = height - 0.4
    for (name, boxes), count in zip(placed.items(), lines, strict=True):
        axes.text(0.05, top - LINE / 2, name, va="center", fontsize=10)
        _draw_boxes(axes, boxes, names, top)
        top -= LINE * count + 0.14
    figure.draw_without_rendering()
    return figure


def _place(row: Row, room: float) -> list[tuple[str, float, float, int]]:
    """Return text, left edge, width and line of each box."""
    boxes, left, line = [], 0.0, 0
    for piece in row:
        if piece is None:
            left += 0.25
            continue
        if isinstance(piece, float):
            left = max(left, piece)
            continue
        text = token_label(piece.shown)
        width = LETTER * len(text) + 0.1
        if left + width > room and left > 0:
            left, line = 0.0, line + 1
        boxes.append((text, left, width, line))
        left += width + 0.035
    return boxes


def _draw_boxes(
    axes: Axes, boxes: Iterable[tuple[str, float, float, int]], start: float, top: float
) -> None:
    for number, (text, left, width, line) in enumerate(boxes):
        colour, style = BORDERS[number % 2]
        bottom = top - LINE * line - (LINE + HEIGHT) / 2
        axes.add_patch(
            Rectangle(
                (start + left, bottom),
                width,
                HEIGHT,
                facecolor=FILLS[number % 2],
                edgecolor=colour,
                linestyle=style,
                linewidth=1,
            )
        )
        axes.text(
            start + left + width / 2,
            bottom + HEIGHT / 2 - 0.01,
            text,
            ha="center",
            va="center",
            fontsize=10,
            family="DejaVu Sans Mono",
        )


def merge_steps(word_counts: Mapping[str, int], num_merges: int) -> Figure:
    """Draw a few words as the merges join them, a row for each merge."""
    merges = learn_merges(word_counts, num_merges)
    words = {word: split_into_bytes(word) for word in word_counts}
    rows = {"bytes": _words_row(words.values())}
    for number, pair in enumerate(merges):
        words = {word: merge_pair(tokens, pair) for word, tokens in words.items()}
        left, right = map(visible_bytes, pair)
        rows[f"{256 + number}: {left} | {right}"] = _words_row(words.values())
    listed = ", ".join(f"{word} × {count}" for word, count in word_counts.items())
    return token_rows(rows, title=f"{num_merges} merges, one by one: {listed}", width=8.6)


def _words_row(words: Iterable[Sequence[bytes]]) -> Row:
    row: list[Piece | float | None] = []
    for tokens in words:
        row += [*_pieces(tokens), None]
    return row


def _pieces(tokens: Iterable[bytes]) -> list[Piece]:
    return [Piece(visible_bytes(token), 0) for token in tokens]


def two_ways(examples: Iterable[tuple[Sequence[bytes], Sequence[bytes]]]) -> Figure:
    """Draw words cut by rank, and beside each the same word cut by the longest match."""
    rows: dict[str, Row] = {}
    for by_rank, by_length in examples:
        word = visible_bytes(b"".join(by_rank))
        rows[word] = [*_pieces(by_rank), 3.2, *_pieces(by_length)]
    return token_rows(
        rows, title="Left: by rank, as BPE does.  Right: longest match from the left", width=8.6
    )


@in_course_style
def words_never_end(found: UnseenWords) -> Figure:
    """Draw the different words and characters met so far, and the unknown words of unseen plays."""
    figure = Figure(figsize=(10, 3.7), layout="constrained")
    growth, unseen = figure.subplots(1, 2, width_ratios=(1, 1.05))
    thousands = [read / 1_000 for read in found.words_read]
    for counts, name, colour, marker in (
        (found.different, "words", QUERY, "o"),
        (found.different_characters, "characters", KEY, "s"),
    ):
        growth.plot(thousands, counts, color=colour, marker=marker, markersize=4)
        growth.annotate(
            f"{counts[-1]:,} {name}", (thousands[-1], counts[-1]), (-4, 8),
            textcoords="offset points", ha="right", color=colour,
        )  # fmt: skip
    growth.set(
        title="Different words and characters met",
        xlabel="words read, in 26 plays (thousands)",
        ylabel="met so far",
    )
    growth.set_ylim(-600, 1.12 * max(found.different))
    growth.yaxis.set_major_formatter("{x:,.0f}")
    titles = sorted(found.unknown, key=lambda title: found.unknown[title][0])
    for place, title in enumerate(titles):
        kinds, running = (100 * share for share in found.unknown[title])
        unseen.plot([running, kinds], [place, place], color=QUIET, linewidth=1, zorder=1)
        unseen.plot(running, place, "^", color=VALUE, label="of running words" if not place else "")
        unseen.plot(kinds, place, "o", color=QUERY, label="of different words" if not place else "")
    unseen.set_yticks(range(len(titles)), [KNOWN_AS.get(title, title) for title in titles])
    unseen.set(
        title="Unknown in an unseen play", xlabel="share (%)", ylim=(-0.5, len(titles) + 0.5)
    )
    unseen.set_xlim(left=0)
    unseen.legend(loc="upper right", ncols=2, columnspacing=1, handlelength=1.2, handletextpad=0.2)
    figure.draw_without_rendering()
    return figure


@in_course_style
def compression_curve(found: Compression) -> Figure:
    """Draw characters a token against the size of the vocabulary."""
    figure = Figure(figsize=(8.6, 3.9), layout="constrained")
    axes = figure.subplots()
    axes.plot(found.sizes, found.byte_pairs, color=QUERY, marker="o", label="byte pairs")
    for size, ratio in zip(found.sizes, found.byte_pairs, strict=True):
        axes.annotate(f"{ratio:.2f}", (size, ratio), (2, 7), textcoords="offset points", ha="right")
    for name, size, ratio, colour, marker, height in (
        (f"words: {found.unknown:.1%} unknown", found.num_words, found.words, KEY, "s", 3.25),
        ("WordPiece: other text", found.word_piece_size, found.word_piece, VALUE, "^", 4.2),
    ):
        axes.plot(size, ratio, marker, color=colour, label=name)
        axes.text(45_000, height, f"{name}, {ratio:.2f}", ha="right", color=colour)
    axes.set_xscale("log", base=2)
    axes.set_xticks(
        [*found.sizes, 16_384, 32_768], [f"{size:,}" for size in (*found.sizes, 16_384, 32_768)]
    )
    axes.set_xlim(200, 45_000)
    axes.set_ylim(0, 4.6)
    axes.set(
        title="An unseen play: a larger vocabulary, longer tokens",
        xlabel="tokens in the vocabulary (log scale)",
        ylabel="characters a token",
    )
    axes.axhline(1, color=QUIET, linewidth=1, linestyle=(0, (5, 3)))
    axes.text(45_000, 1.05, "bytes", color=QUIET, ha="right", va="bottom")
    figure.draw_without_rendering()
    return figure


@in_course_style
def language_dots(costs: LanguageCosts) -> Figure:
    """Draw the tokens of each language for one of English, by three tokenizers."""
    figure = Figure(figsize=(9, 4.6), layout="constrained")
    axes = figure.subplots()
    series = (
        ("bytes", "bytes", QUIET, "s"),
        ("bpe", "BPE of 4,096, from Shakespeare", QUERY, "o"),
        ("word_piece", "MiniLM's WordPiece", VALUE, "^"),
    )
    by_bpe = costs.times_english("bpe")
    names = sorted(by_bpe, key=by_bpe.__getitem__, reverse=True)
    for place in range(len(names)):
        axes.axhline(place, color="#EEEEEE", linewidth=1, zorder=0)
    for tokenizer, label, colour, marker in series:
        times = costs.times_english(tokenizer)
        axes.plot(
            [times[name] for name in names],
            range(len(names)),
            marker,
            color=colour,
            label=label,
            markersize=8,
            clip_on=False,
        )
    right = max(by_bpe.values()) + 0.5
    for place, name in enumerate(names):
        axes.text(right, place, f"{costs.kept[name]} of {costs.num_sentences}", va="center")
    axes.text(
        right + 0.7, len(names) - 0.1, "back from WordPiece,\ncapitals aside",
        va="bottom", ha="right", fontsize=10, color=VALUE,
    )  # fmt: skip
    axes.axvline(1, color=INK, linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.set(
        title="The same five sentences", xlabel="tokens for one of English", xlim=(0, right + 0.7)
    )
    axes.set_ylim(-0.6, len(names) - 0.2)
    axes.legend(loc="upper right", bbox_to_anchor=(0.88, 0.98), frameon=True, framealpha=1)
    figure.draw_without_rendering()
    return figure


def learned(merges: Iterable[Pair]) -> list[str]:
    """Return the tokens that merges make, as the pictures show them: a space is a dot."""
    return [visible_bytes(left + right) for left, right in merges]
