"""Lesson 01's widget and pictures: what is drawn is what was computed or stored."""

import io

import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from test_experiment_plots import heights, overlaps

from transformer_course.experiments import (
    recurrent_plots,
    recurrent_recall_plots,
    recurrent_time_plots,
)
from transformer_course.experiments.recurrent import KINDS, MixedRecall, Recall
from transformer_course.experiments.recurrent_influence import Influence, InfluenceMap
from transformer_course.experiments.recurrent_stored import read_stored, rotated
from transformer_course.experiments.recurrent_times import StepTimes, WaitingCost
from transformer_course.recurrent import gradient_by_distance
from transformer_course.widgets.recurrent import memory_explorer
from transformer_course.widgets.recurrent_picture import describe_frames as frames_in_words
from transformer_course.widgets.recurrent_picture import (
    draw_gradients,
    draw_recall,
    memory_frames,
)
from transformer_course.widgets.recurrent_scene import describe, gradient_shares, in_words, remember

WORDS = ("The", "bank", "of", "the", "river", "was", "empty")


def lines(axes):
    return {line.get_label(): list(line.get_ydata()) for line in axes.lines}


def test_on_paper_a_gradient_is_the_weight_to_the_power_of_the_distance():
    scene = remember(0.5, 10)
    assert scene.on_paper[:4] == (1, 0.5, 0.25, 0.125)
    assert scene.gradient[0] == 1
    assert len(scene.gradient) == len(scene.on_paper) == 201


def test_tanh_only_ever_takes_from_what_is_left_on_paper():
    for weight in (0.5, 1.0):
        shares, paper = gradient_shares(weight), remember(weight, 5).on_paper
        assert all(share < 3 * one for share, one in zip(shares, paper, strict=True))


def test_recall_is_what_is_stored():
    scene = remember(0.9, 20)
    assert scene.recall[20] == tuple(read_stored().accuracy[rotated(0.9)][20])
    assert scene.mean_recall == pytest.approx(sum(scene.recall[20]) / 5)


@pytest.mark.parametrize(("weight", "distance"), [(0.55, 5), (0.5, 7)])
def test_what_is_not_stored_is_answered_with_what_is(weight, distance):
    with pytest.raises(ValueError, match=r"choose a weight of .* and a distance of"):
        remember(weight, distance)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0.25, "0.25"),
        (1.0, "1"),
        (0.00391, "0.00391"),
        (1234.5, "1,234"),
        (8.9e-16, "9 · 10⁻¹⁶"),
        (0.0, "0"),
    ],
)
def test_numbers_are_written_to_be_read(number, words):
    assert in_words(number) == words


def test_moving_a_slider_changes_the_picture_and_what_is_said():
    explorer = memory_explorer()
    before, said = explorer.picture.value, explorer.words.value
    explorer.weight.value = 1.0
    assert explorer.scene.weight == 1.0
    assert explorer.picture.value != before
    assert "Recurrent weight 1, distance 50" in explorer.words.value != said
    explorer.distance.value = 200
    assert describe(explorer.scene) in explorer.words.value
    assert Image.open(io.BytesIO(explorer.picture.value)).format == "PNG"
    assert "run this cell" in repr(explorer)


def test_the_pictures_of_the_widget_draw_the_scene():
    scene = remember(0.9, 20)
    gradients, recalls = Figure().subplots(1, 2)
    draw_gradients(gradients, scene)
    draw_recall(recalls, scene)
    assert lines(gradients)["an RNN with tanh"] == list(scene.gradient)
    means = [sum(shares) / 5 for shares in scene.recall.values()]
    assert list(recalls.lines[0].get_ydata()) == pytest.approx(means)


def test_the_four_frames_are_said_in_words_and_nothing_overlaps():
    figure = memory_frames()
    assert len(figure.axes) == 8
    assert overlaps(figure) == []
    assert frames_in_words().count("Recurrent weight") == 4


def test_the_chain_is_lit_from_the_word_on_and_one_link_is():
    figure = recurrent_plots.chain_and_links(WORDS, 4)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert "2 steps from “river” to “empty”, each waiting for the one before" in texts
    assert overlaps(figure) == []


def test_a_memory_of_one_number_is_drawn_as_autograd_has_it():
    figure = recurrent_plots.one_number_memory(WORDS, 4, (0.5, 1.1))

    def score(read, weight):
        memory = torch.zeros(1)
        for place in range(3):
            memory = weight * memory + read[:, place, 0]
        return memory

    for weight in (0.5, 1.1):
        drawn = lines(figure.axes[0])[f"w = {weight:g}"]
        expected = gradient_by_distance(lambda read, w=weight: score(read, w), torch.zeros(1, 3, 1))
        assert drawn == pytest.approx([0, 0, 0, 0, *expected.tolist()])
    assert overlaps(figure) == []


def test_word_bars_are_shares():
    figure = recurrent_plots.word_bars(WORDS, {"RNN": [0.0] * 5 + [1, 3], "attention": [1.0] * 7})
    assert heights(figure.axes[0]) == pytest.approx([0] * 5 + [0.25, 0.75])
    assert heights(figure.axes[1]) == pytest.approx([1 / 7] * 7)
    assert overlaps(figure) == []


def test_gradient_curves_begin_at_one_at_distance_five():
    figure = recurrent_plots.gradient_curves(
        {"RNN": [0.5**step for step in range(21)], "attention": [0.3] * 21}
    )
    assert list(figure.axes[0].lines[0].get_ydata())[:2] == [1, 0.5]
    assert list(figure.axes[0].lines[1].get_ydata()) == [1] * 16
    assert overlaps(figure) == []


@pytest.fixture
def cliff():
    shares = {5: [1.0, 0.9], 10: [0.5, 0.6], 20: [0.3, 0.2], 50: [0.25, 0.25]}
    return Recall(distances=tuple(shares), accuracy=dict.fromkeys(KINDS, shares))


def test_recall_curves_go_on_with_what_is_stored(cliff):
    figure = recurrent_recall_plots.recall_curves(cliff, read_stored())
    first = figure.axes[0].lines[0]
    assert list(first.get_xdata()) == [5, 10, 20, 50]
    assert list(first.get_ydata()) == pytest.approx([0.95, 0.55, 0.25, 0.25])
    hollow = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "white"]
    assert [list(line.get_xdata()) for line in hollow] == [[100, 200]] * len(KINDS)
    assert overlaps(figure) == []
    assert len(recurrent_recall_plots.recall_curves(cliff).axes[0].lines) < len(
        figure.axes[0].lines
    )


def test_cliff_and_repair_draw_one_kind_alone_and_all_mixed(cliff):
    shares = {distance: [1.0, 0.9] for distance in (5, 20, 50, 100, 200)}
    mixed = MixedRecall(
        distances=tuple(shares),
        accuracy={"RNN": shares, "LSTM": shares, "attention": shares},
        without_near={distance: [0.25, 0.27] for distance in shares},
        untrained={},
    )
    figure = recurrent_recall_plots.cliff_and_repair(cliff, mixed)
    assert [len(line.get_xdata()) for line in figure.axes[0].lines[:5]] == [4, 5, 5, 5, 5]
    assert list(figure.axes[0].lines[4].get_ydata()) == pytest.approx([0.26] * 5)
    assert overlaps(figure) == []


def test_waiting_bars_and_time_curves_draw_what_was_timed():
    cost = WaitingCost(batches=(1, 8, 128), product_ratio=(14, 5, 1), layer_ratio=(13, 4, 2))
    bars = recurrent_time_plots.waiting_bars(cost)
    assert heights(bars.axes[0]) == [14, 5, 1, 13, 4, 2]
    assert overlaps(bars) == []
    seconds = {
        batch: {"RNN": (0.1, 0.2, 0.3), "LSTM": (0.1, 0.1, 0.2), "attention": (0.01, 0.05, 0.9)}
        for batch in (1, 8)
    }
    times = StepTimes(lengths=(64, 256, 1024), seconds=seconds, loop={1: 0.5, 8: 0.6})
    curves = recurrent_time_plots.time_curves(times)
    drawn = lines(curves.axes[1])
    assert drawn["attention, compiled"] == pytest.approx([10, 50, 900])
    assert drawn["the same LSTM, looped in Python"] == [600]
    assert overlaps(curves) == []


def test_influence_maps_stand_above_one_another():
    maps = {
        name: InfluenceMap(
            jacobian=torch.eye(4), swap=torch.ones(4, 4).tril(), accuracy=0.5, spread=0.1
        )
        for name in ("RNN, trained", "attention, trained")
    }
    figure = recurrent_plots.influence_maps(Influence(maps=maps))
    images = [axes.images[0].get_array().tolist() for axes in figure.axes[:4]]
    jacobian, swap = torch.eye(4).tolist(), torch.ones(4, 4).tril().tolist()
    assert images == [jacobian, jacobian, swap, swap]
    assert overlaps(figure) == []


@pytest.mark.parametrize(("weight", "below"), [(0.5, True), (1.3, False)])
def test_a_gradient_below_the_scale_is_marked_as_such(weight, below):
    axes = Figure().subplots()
    scene = remember(weight, 50)
    draw_gradients(axes, scene)
    said = [text.get_text() for text in axes.texts]
    assert said == ([f"{in_words(scene.gradient[50])},\nbelow this scale"] if below else [])
    assert axes.lines[2].get_marker() == ("v" if below else "o")


def test_the_frames_say_which_line_is_which():
    (legend,) = memory_frames().legends
    said = [text.get_text() for text in legend.get_texts()]
    assert said == [
        "one number: w to the power of the distance",
        "an RNN with tanh",
        "the distance chosen",
    ]
