"""The explorer of clocks and places: what it computes, says and draws, by control."""

import io
import math
import re

import numpy as np
import pytest
import torch
from PIL import Image
from test_experiment_plots import overlaps

from transformer_course.positional import sinusoidal_table
from transformer_course.widgets.positional import positional_explorer
from transformer_course.widgets.positional_frames import describe_frames, positional_frames
from transformer_course.widgets.positional_picture import MOST_CLOCKS, TablePicture, shown_pairs
from transformer_course.widgets.positional_scene import (
    NEAR,
    NUM_PLACES,
    Setting,
    UnfitTableError,
    describe,
    look,
)


def scene(d_model=6, place=5, base=10_000.0):
    return look(Setting(d_model=d_model, place=place, base=base))


def test_a_row_is_as_like_another_as_their_cosine():
    seen = scene()
    table = sinusoidal_table(NUM_PLACES, 6)
    expected = torch.nn.functional.cosine_similarity(table[5], table, dim=-1)
    torch.testing.assert_close(seen.likeness, expected)
    assert seen.likeness[5].item() == pytest.approx(1)


def test_one_hand_has_its_double_after_seven_rounds():
    # 44 is nearly 7 · 2π: the hand has come round.
    assert scene(d_model=2, place=0).double == 44


def test_a_double_is_no_neighbour():
    for place in (0, 31, 63):
        assert abs(scene(d_model=64, place=place).double - place) > NEAR


@pytest.mark.parametrize(
    ("d_model", "base", "slowest"), [(4, 10_000.0, "628"), (64, 100.0, "544"), (8, 1.0, "6")]
)
def test_the_slowest_hand_is_told_by_its_wavelength(d_model, base, slowest):
    hands, double = describe(scene(d_model=d_model, base=base))
    assert f"the slowest in {slowest}." in hands
    assert "Most like place 5, more than 3 places away: place" in double


def test_one_hand_is_told_as_one():
    assert describe(scene(d_model=2, place=0)) == (
        "One hand: once round in 6.3 places.",
        "Most like place 0, more than 3 places away: place 44, with 1.00 (1.00 would be the same "
        "row).",
    )


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (lambda length, d_model, base: None, r"your table is NoneType, expected a tensor of shape"),
        (lambda length, d_model, base: torch.zeros(3, 4), r"is \(3, 4\), expected .+ \(64, 6\)"),
        (lambda length: torch.zeros(3, 4), r"your table stopped: TypeError"),
    ],
)
def test_what_is_no_table_is_refused_in_words(table, words):
    with pytest.raises(UnfitTableError, match=words):
        look(Setting(d_model=6, place=5, base=10.0), table)


@pytest.mark.parametrize("num_pairs", [1, 7, 8, 9, 32])
def test_few_pairs_all_get_a_clock_and_many_are_spread_over(num_pairs):
    pairs = shown_pairs(num_pairs)
    assert len(pairs) == min(num_pairs, MOST_CLOCKS) == len(set(pairs))
    assert (pairs[0], pairs[-1]) == (0, num_pairs - 1)
    gaps = np.diff(pairs)
    assert not len(gaps) or gaps.max() - gaps.min() <= 1


def test_the_picture_draws_table_row_double_and_hands():
    picture, seen = TablePicture(), scene(d_model=6, place=20)
    picture.draw(scene(d_model=64, place=3))
    picture.draw(seen)
    np.testing.assert_array_equal(picture.map.images[0].get_array(), seen.table)
    assert set(picture.map.lines[0].get_ydata()) == {19.5, 20.5}
    likeness, double = picture.curve.lines[1:]
    assert list(likeness.get_xdata()) == list(range(-20, 44))
    np.testing.assert_array_equal(likeness.get_ydata(), seen.likeness)
    assert double.get_xdata()[0] == seen.double - 20
    shown = [axes for axes in picture.figure.axes[2:] if axes.get_visible()]
    assert len(shown) == 3
    for pair, axes in enumerate(shown):
        hand = axes.lines[-2]
        tip = [hand.get_xdata()[1], hand.get_ydata()[1]]
        assert tip == seen.table[20, 2 * pair : 2 * pair + 2].tolist()
    assert overlaps(picture.figure) == []


@pytest.fixture
def explorer():
    calls = []

    def table(length, d_model, base):
        calls.append((length, d_model, base))
        return sinusoidal_table(length, d_model, base)

    explorer = positional_explorer(table)
    explorer.calls = calls
    return explorer


@pytest.mark.parametrize(
    ("control", "value", "call"),
    [
        ("d_model", 12, (64, 12, 10_000.0)),
        ("place", 9, (64, 2, 10_000.0)),
        ("base", 100.0, (64, 2, 100.0)),
    ],
)
def test_each_control_asks_for_its_table_and_redraws(explorer, control, value, call):
    before = explorer.image.value
    getattr(explorer, control).value = value
    assert explorer.calls == [(64, 2, 10_000.0), call]
    assert getattr(explorer.scene.setting, control) == value
    # One hand turns by 1 whatever the base is.
    assert (explorer.image.value != before) == (control != "base")
    assert Image.open(io.BytesIO(explorer.image.value)).size == (1296, 705)


def test_the_base_can_be_set_between_10_and_100_000(explorer):
    slider = explorer.base
    assert (slider.base**slider.min, slider.base**slider.max) == (10, 100_000)


def test_a_table_that_stops_is_told_and_the_picture_comes_back():
    def only_wide(length, d_model, base):
        if d_model < 8:
            raise ValueError("<img src=x onerror=alert(1)>")
        return sinusoidal_table(length, d_model, base)

    explorer = positional_explorer(only_wide)
    assert "Your table stopped: ValueError: &lt;img" in explorer.words.value
    assert explorer.scene is None
    assert explorer.image.layout.visibility == "hidden"
    explorer.d_model.value = 8
    assert explorer.image.layout.visibility == "visible"
    assert "4 hands" in explorer.words.value


def test_what_a_reader_without_widgets_sees_is_the_same_on_all_machines(explorer):
    words = "Clocks and places: run this cell to try it; pictures of it stand below."
    assert explorer._repr_mimebundle_()["text/plain"] == words


def test_the_numbers_said_of_the_frames_are_drawn_in_them():
    figure = positional_frames()
    curves = figure.axes[4:8]  # after four maps, before the scale
    marked = [axes.lines[-1] for axes in curves]
    drawn = [(int(m.get_xdata()[0]), round(float(m.get_ydata()[0]), 2)) for m in marked]
    said = re.findall(r"place (\d+) \((\d\.\d\d)\)", describe_frames())
    assert [(int(place), float(like)) for place, like in said] == drawn
    for axes, m in zip(curves, marked, strict=True):
        likeness = axes.lines[1].get_ydata()
        assert m.get_ydata()[0] == max(likeness[NEAR + 1 :])
        assert math.isclose(likeness[0], 1)
    assert overlaps(figure) == []
