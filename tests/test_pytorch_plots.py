"""Page 00b's pictures show the numbers that they were given."""

import pytest

from transformer_course.experiments.pytorch_plots import broadcast_picture, descent


def test_column_and_row_are_repeated_and_subtracted():
    (axes,) = broadcast_picture([0, 10, 20], [1, 2]).axes
    numbers = [text.get_text() for text in axes.texts]
    cells = [number for number in numbers if "shape" not in number]
    assert cells[:-2].count("10") == 2 + 0
    assert {"−1", "−2", "9", "8", "19", "18"} <= set(cells)
    assert [words for words in numbers if "shape" in words] == [
        "shape (3, 1), spread",
        "shape (1, 2), spread",
        "shape (3, 2)",
    ]
    assert len(axes.patches) == 3 * 6


def test_what_is_repeated_is_dotted():
    (axes,) = broadcast_picture([0, 10, 20], [1, 2]).axes
    dotted = [patch for patch in axes.patches if patch.get_linestyle() == ":"]
    assert len(dotted) == 3 + 4


def test_a_descent_shows_every_step_and_names_its_limits():
    (axes,) = descent({1: 4.2, 2: 3.0, 3: 2.5}, {"pairs": 2.4}).axes
    assert list(axes.lines[0].get_ydata()) == [4.2, 3.0, 2.5]
    assert [text.get_text() for text in axes.texts] == ["pairs: 2.40"]
    assert axes.get_xlim() == pytest.approx((1, 3))
