"""The pictures of lesson 06's experiments draw the numbers that they are given."""

import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from test_experiment_plots import overlaps, smallest

from transformer_course.experiments.multi_head import HeadTable
from transformer_course.experiments.multi_head_context import ContextArriving, WordCosines
from transformer_course.experiments.multi_head_hints import Hints
from transformer_course.experiments.multi_head_minilm import Contrasts, PromisedHeads
from transformer_course.experiments.multi_head_plots import (
    change_map,
    cosines_by_layer,
    head_rows,
    layer_maps,
    maps_side_by_side,
    promised_bars,
    roles_and_costs,
)
from transformer_course.experiments.multi_head_twins import Twins
from transformer_course.experiments.multi_head_twins_plots import twins_by_steps

WORDS = ("crowded", "river", "bank")


def weights(*shape):
    return torch.randn(shape).softmax(-1)


def image(axes):
    return torch.tensor(axes.images[0].get_array().data)


def test_maps_stand_side_by_side_under_their_titles():
    maps = {"One head": weights(3, 3), "Head 0": weights(3, 3), "Head 1": weights(3, 3)}
    figure = maps_side_by_side(maps, WORDS)
    for axes, (title, expected) in zip(figure.axes, maps.items(), strict=False):
        torch.testing.assert_close(image(axes), expected)
        assert axes.get_title(loc="left") == title
        assert len(axes.texts) == 9
    assert overlaps(figure) == []


def test_every_head_of_a_layer_has_a_map_of_its_own():
    maps = weights(7, 5, 5)
    figure = layer_maps(maps, ["[CLS]", "a", "b", "c", "[SEP]"], layer=3, columns=4)
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title(loc="left") for axes in shown] == [f"3.{head}" for head in range(7)]
    for head, axes in enumerate(shown):
        torch.testing.assert_close(image(axes), maps[head])
    assert [axes.get_visible() for axes in figure.axes[7:8]] == [False]
    assert overlaps(layer_maps(weights(8, 5, 5), (*WORDS, "of", "the"), layer=3)) == []


def test_the_tokens_of_a_layers_maps_can_be_read_along_the_left_and_the_bottom():
    tokens = "[CLS] the bank of the river was crowded , but the financial bank was empty . [SEP]"
    tokens = tokens.split()
    figure = layer_maps(weights(12, 17, 17), tokens, layer=0)
    maps = [axes for axes in figure.axes if axes.images]
    for axis, named in (("x", maps[8:]), ("y", maps[::4])):
        labels = {axes: labels_drawn(getattr(axes, f"{axis}axis")) for axes in maps}
        assert [axes for axes in maps if labels[axes]] == named
        for axes in named:
            assert [label.get_text() for label in labels[axes]] == tokens
    assert smallest(figure) >= 9
    assert overlaps(figure) == []
    assert is_whole(figure)


def labels_drawn(axis):
    return [label for label in axis.get_ticklabels() if label.get_visible()]


def is_whole(figure):
    """Tell whether nothing reaches beyond the figure's edges."""
    needed = figure.get_tightbbox(FigureCanvasAgg(figure).get_renderer())
    width, height = figure.get_size_inches()
    return needed.x0 >= 0 and needed.y0 >= 0 and needed.x1 <= width and needed.y1 <= height


def test_rows_stand_over_the_same_tokens_with_their_numbers():
    tokens = [f"word{place}" for place in range(11)]
    rows = {"0.2 1st": weights(11), "2.4 2nd": weights(11)}
    axes, scale = head_rows(rows, tokens, "Two heads").axes
    torch.testing.assert_close(image(axes), torch.stack(list(rows.values())))
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["0.2\N{NO-BREAK SPACE}1st", "2.4\N{NO-BREAK SPACE}2nd"]
    assert len(axes.texts) == 22
    assert (axes.get_ylabel(), scale.get_ylabel()) == ("head, asks (query)", "weight")
    assert smallest(axes.figure) >= 9


def test_roles_and_costs_have_a_row_for_each_head():
    scores = {name: torch.rand(2, 3) for name in ("itself", "previous", "induction")}
    table = HeadTable(scores=scores, chances={}, costs=torch.rand(2, 3) * 5 - 0.1, loss=1.0)
    left, right = roles_and_costs(table).axes
    (scale,) = left.child_axes
    assert (scale.get_xlabel(), scale.get_xlim()) == ("mean weight", (0, 1))
    boxes = [axes.get_position() for axes in (left, right)]
    assert boxes[0].y0 == pytest.approx(boxes[1].y0)
    assert boxes[0].y1 == pytest.approx(boxes[1].y1)
    torch.testing.assert_close(
        image(left), torch.stack([one.flatten() for one in scores.values()], dim=1)
    )
    assert [bar.get_width() for bar in right.patches] == pytest.approx(
        table.costs.flatten().tolist()
    )
    assert [label.get_text() for label in left.get_yticklabels()] == [
        "0.0",
        "0.1",
        "0.2",
        "1.0",
        "1.1",
        "1.2",
    ]


@pytest.fixture
def found():
    def drawn():
        return torch.rand(5, 2, 3, 2) / 2

    hints = Hints(
        own=drawn(),
        other=drawn(),
        neutral=drawn(),
        neutral_other=drawn(),
        one_sense=drawn(),
        beside=torch.tensor([[True, False]] * 5),
    )
    contrasts = Contrasts(
        **{name: torch.rand(5, 2, 3) / 2 for name in ("opposite", "with_and", "alike", "unrelated")}
    )
    changes = torch.rand(2, 3) / 50
    return PromisedHeads(
        hints=hints,
        contrasts=contrasts,
        changes=changes,
        apart=(1, 2),
        opposed=(0, 1),
        leaning=(0, 0),
    )


def test_bars_are_the_means_of_the_heads_that_are_named(found):
    figure = promised_bars(found, [(1, 2), (0, 0)], [(0, 1)])
    assert smallest(figure) >= 9
    beside, elsewhere, adjectives = figure.axes
    for axes, word in ((beside, 0), (elsewhere, 1)):
        expected = [
            kind[:, layer, head, word].mean().item()
            for kind in (found.hints.own, found.hints.neutral, found.hints.other)
            for layer, head in ((1, 2), (0, 0))
        ]
        assert [bar.get_height() for bar in axes.patches] == pytest.approx(expected)
    looks = found.contrasts
    expected = [
        kind[:, 0, 1].mean().item() for kind in (looks.opposite, looks.alike, looks.unrelated)
    ]
    assert [bar.get_height() for bar in adjectives.patches] == pytest.approx(expected)
    assert [label.get_text() for label in beside.get_xticklabels()] == ["1.2", "0.0"]


def test_the_map_of_changes_writes_thousandths_and_rings_heads(found):
    axes = change_map(found.changes, [(1, 2)]).axes[0]
    expected = [f"{1_000 * change:.1f}" for change in found.changes.flatten().tolist()]
    assert [text.get_text() for text in axes.texts] == expected
    assert [ring.get_xy() for ring in axes.patches] == [pytest.approx((1.53, 0.55))]


def test_cosines_are_means_over_words_by_layer():
    def cosines():
        return WordCosines(
            two_senses=torch.rand(5, 4), one_sense=torch.rand(5, 4), same_sentence=torch.ones(5, 4)
        )

    context = ContextArriving(trained=cosines(), untrained=cosines())
    (axes,) = cosines_by_layer(context).axes
    lines = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    expected = context.untrained.two_senses.mean(0).tolist()
    assert lines["shuffled, two senses"] == pytest.approx(expected)
    assert lines["one sense"] == pytest.approx(context.trained.one_sense.mean(0).tolist())
    assert [label.get_text() for label in axes.get_xticklabels()][-1] == "layer 2"


def test_twins_start_alike_or_a_millionth_apart_and_are_drawn_by_steps():
    rows = [
        Twins(num_steps=steps, alike=0.0, nudged=nudged, other_output_once=0.006, other_output=0.4)
        for steps, nudged in ((20, 1e-6), (1_000, 0.03))
    ]
    figure = twins_by_steps(rows)
    (axes,) = figure.axes
    lines = {line.get_label(): line for line in axes.lines}
    assert all(list(line.get_xdata()) == [0, 20, 1_000] for line in lines.values())
    assert list(lines["all alike"].get_ydata()) == [0, 0, 0]
    assert list(lines["one number moved by 10⁻⁶"].get_ydata()) == [1e-6, 1e-6, 0.03]
    assert list(lines["other output columns"].get_ydata()) == [0, 0.4, 0.4]
    assert overlaps(figure) == []
