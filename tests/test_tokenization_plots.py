"""Lesson 02's pictures draw what they are given, and no word of them covers another."""

from itertools import pairwise

import pytest
from matplotlib.patches import Rectangle
from test_experiment_plots import overlaps

from transformer_course.experiments.tokenization import Compression
from transformer_course.experiments.tokenization_costs import LanguageCosts, UnseenWords
from transformer_course.experiments.tokenization_pieces import Piece
from transformer_course.experiments.tokenization_plots import (
    compression_curve,
    language_dots,
    learned,
    merge_steps,
    token_rows,
    two_ways,
    words_never_end,
)
from transformer_course.widgets.tokenization_frames import describe_token_frames, token_frames

FOUR_WORDS = {"bank": 4, "banks": 2, "ban": 1, "ran": 3}


def boxes(figure):
    """Return the boxes of tokens from left to right and top to bottom, each with its text."""
    (axes,) = figure.axes
    found = []
    for patch in axes.patches:
        assert isinstance(patch, Rectangle)
        centre = patch.get_x() + patch.get_width() / 2, patch.get_y() + patch.get_height() / 2
        (text,) = (
            text.get_text()
            for text in axes.texts
            if text.get_ha() == "center"
            and abs(text.get_position()[0] - centre[0]) < 1e-6
            and abs(text.get_position()[1] - centre[1]) < 0.05
        )
        found.append((patch, text))
    return found


def rows_of(figure):
    rows = {}
    for patch, text in boxes(figure):
        rows.setdefault(round(-patch.get_y(), 3), []).append(text)
    return [rows[height] for height in sorted(rows)]


def test_every_merge_of_the_small_corpus_has_its_row():
    assert rows_of(merge_steps(FOUR_WORDS, 5)) == [
        [*"bank", *"banks", *"ban", *"ran"],
        ["b", "an", "k", "b", "an", "k", "s", "b", "an", "r", "an"],
        ["ban", "k", "ban", "k", "s", "ban", "r", "an"],
        ["bank", "bank", "s", "ban", "r", "an"],
        ["bank", "bank", "s", "ban", "ran"],
        ["bank", "banks", "ban", "ran"],
    ]


def test_neighbouring_boxes_differ_in_colour_and_in_border_and_do_not_touch():
    figure = token_rows({"a row": [Piece("bank", 1)] * 40}, title="Forty")
    found = [patch for patch, _ in boxes(figure)]
    for one, other in pairwise(found):
        assert one.get_facecolor() != other.get_facecolor()
        assert one.get_linestyle() != other.get_linestyle()
        if one.get_y() == other.get_y():
            assert one.get_x() + one.get_width() < other.get_x()
    right = figure.axes[0].get_xlim()[1]
    assert max(patch.get_x() + patch.get_width() for patch in found) <= right


def test_every_token_fits_into_its_box():
    pieces = [Piece(text, 1) for text in ("W" * 30, "i", "⟨F0 9F⟩", "·bank", "河", "é")]
    figure = token_rows({"wide": pieces}, title="Widths")
    for patch, text in boxes(figure):
        (drawn,) = (one for one in figure.axes[0].texts if one.get_text() == text)
        box, words = patch.get_window_extent(), drawn.get_window_extent()
        assert box.x0 <= words.x0
        assert words.x1 <= box.x1


def test_two_ways_stand_side_by_side_in_two_columns():
    figure = two_ways([([b"a", b"bcd"], [b"ab", b"c", b"d"]), ([b" x"], [b" ", b"x"])])
    assert rows_of(figure) == [["a", "bcd", "ab", "c", "d"], ["·x", "·", "x"]]
    starts = [patch.get_x() for patch, text in boxes(figure) if text in {"ab", "·"}]
    assert starts[0] == starts[1]


@pytest.fixture
def compression():
    return Compression(
        sizes=(256, 512, 1_024),
        byte_pairs=[1.0, 1.9, 2.4],
        words=3.7,
        num_words=29_000,
        unknown=0.04,
        word_piece=3.9,
        word_piece_size=30_522,
    )


def test_the_curve_draws_its_numbers_and_no_words_meet(compression):
    figure = compression_curve(compression)
    (axes,) = figure.axes
    assert list(axes.lines[0].get_ydata()) == [1.0, 1.9, 2.4]
    assert list(axes.lines[0].get_xdata()) == [256, 512, 1_024]
    assert [line.get_xydata().tolist() for line in axes.lines[1:3]] == [
        [[29_000, 3.7]],
        [[30_522, 3.9]],
    ]
    assert overlaps(figure) == []


def test_growth_and_unknown_words_are_drawn_as_given():
    unseen = UnseenWords(
        words_read=[0, 1_000, 2_000],
        different=[0, 900, 1_500],
        different_characters=[0, 61, 69],
        unknown={"A Winter's Tale": (0.1, 0.03), "Richard II": (0.08, 0.02)},
        unknown_characters=0,
        examples=("iago",),
    )
    figure = words_never_end(unseen)
    growth, shares = figure.axes
    assert [list(line.get_ydata()) for line in growth.lines] == [[0, 900, 1_500], [0, 61, 69]]
    assert list(growth.lines[0].get_xdata()) == [0, 1, 2]
    points = [
        line.get_xydata()[0].tolist() for line in shares.lines if line.get_marker() in {"^", "o"}
    ]
    assert points == [[2, 0], [8, 0], [3, 1], [10, 1]]
    assert [label.get_text() for label in shares.get_yticklabels()] == [
        "Richard II",
        "The Winter's Tale",
    ]
    assert overlaps(figure) == []


def test_languages_are_drawn_dearest_first_with_what_comes_back():
    tokens = {"English": 10, "Greek": 52, "German": 16}
    found = LanguageCosts(
        scripts={"English": "Latin", "Greek": "Greek", "German": "Latin"},
        tokens=dict.fromkeys(("characters", "bytes", "bpe", "word_piece"), tokens),
        kept={"English": 5, "Greek": 0, "German": 4},
        num_sentences=5,
    )
    figure = language_dots(found)
    (axes,) = figure.axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["Greek", "German", "English"]
    dots = [line for line in axes.lines if line.get_marker() in {"s", "o", "^"}]
    assert [list(line.get_xdata()) for line in dots] == [[5.2, 1.6, 1.0]] * 3
    assert [text.get_text() for text in axes.texts[:3]] == ["0 of 5", "4 of 5", "5 of 5"]
    assert overlaps(figure) == []


def test_the_frames_are_four_cuts_of_one_text_and_are_described_in_their_numbers():
    figure = token_frames()
    shown = [text for _, text in boxes(figure)]
    assert len(shown) == 32 + 25 + 21 + 8
    assert describe_token_frames() == (
        "A short text with a year, an accent and a face, cut into tokens: 32 by bytes, 25 by 100 "
        "merges, 21 by 4,000 merges, 8 by WordPiece. Bytes and merges give the text back; "
        "WordPiece makes of it: the river bank, 1623 : cafe."
    )


def test_merges_are_shown_by_what_they_make():
    assert learned([(b" ", b"t"), (b"\xc3", b"\xa9"), (b"\xe2", b"\x80")]) == ["·t", "é", "⟨E2 80⟩"]
