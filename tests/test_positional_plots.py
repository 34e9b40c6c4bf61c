"""Lesson 04's pictures draw the numbers that they are given, and nothing overlaps."""

import math

import numpy as np
import pytest
import torch
from test_experiment_plots import heights, overlaps

from transformer_course.experiments import positional_order_plots as order_plots
from transformer_course.experiments import positional_plots as plots
from transformer_course.experiments.positional import Recovered, SumsProbed
from transformer_course.experiments.positional_links import LinksChanged
from transformer_course.experiments.positional_mask import CausalOrder, PlacesRead
from transformer_course.experiments.positional_order import OrderByScheme
from transformer_course.positional import pair_frequencies, sinusoidal_table


def drawn(line):
    return [float(number) for number in line.get_ydata()]


def test_equal_words_of_two_orders_are_joined():
    words, other = ("The", "bank", "the", "bank"), ("bank", "the", "bank", "The")
    assert plots.matched(words, other) == [(0, 1), (1, 0), (2, 3), (3, 2)]


def test_two_orders_draw_both_maps_on_one_scale_and_a_line_for_each_word():
    first, second = torch.arange(6.0).view(3, 2), -torch.arange(6.0).view(3, 2)
    figure = plots.two_orders((("a", "b", "c"), first), (("c", "b", "a"), second))
    left, right = figure.axes[:2]
    assert left.images[0].get_array().tolist() == first.tolist()
    assert right.images[0].get_array().tolist() == second.tolist()
    assert left.images[0].get_clim() == right.images[0].get_clim() == (-5, 5)
    ends = [(line.xy1[1], line.xy2[1]) for line in figure.artists]
    assert ends == [(0, 2), (1, 1), (2, 0)]
    assert overlaps(figure) == []


def test_each_hand_points_where_its_row_says():
    table = sinusoidal_table(3, 4)
    figure = plots.clock_faces(table, pair_frequencies(4).tolist())
    assert len(figure.axes) == 6
    for number, axes in enumerate(figure.axes):
        pair, place = divmod(number, 3)
        hand, _ = axes.lines[-2:]
        tip = [hand.get_xdata()[1], hand.get_ydata()[1]]
        assert tip == table[place, 2 * pair : 2 * pair + 2].tolist()
    assert figure.axes[2].get_xlabel() == "(0.91, −0.42)"
    assert overlaps(figure) == []


def test_a_hand_starts_at_the_top_and_turns_to_the_right():
    table = sinusoidal_table(2, 2)
    hands = [axes.lines[-1] for axes in plots.clock_faces(table, [1.0]).axes]
    (start_x, start_y), (x, y) = [(*h.get_xdata(), *h.get_ydata()) for h in hands]
    assert (start_x, start_y) == (0, 1)
    assert (x, y) == pytest.approx((math.sin(1), math.cos(1)))


def test_the_map_of_a_table_draws_it_from_minus_one_to_one():
    table = sinusoidal_table(7, 6)
    figure = plots.table_map(table)
    image = figure.axes[0].images[0]
    np.testing.assert_array_equal(image.get_array(), table)
    assert (image.get_clim(), image.get_interpolation()) == ((-1, 1), "nearest")
    assert overlaps(figure) == []


def test_dot_curves_multiply_the_start_with_the_rows_after_it():
    table = sinusoidal_table(12, 6)
    figure = plots.dot_curves(table, starts=(0, 3))
    for axes, columns in zip(figure.axes, (table, table[:, ::2]), strict=True):
        for line, start in zip(axes.lines, (0, 3), strict=True):
            expected = [(columns[start] @ columns[start + step]).item() for step in range(9)]
            assert drawn(line) == pytest.approx(expected)
    assert overlaps(figure) == []


def test_probe_curves_draw_what_was_recovered():
    by_width = {4: Recovered(word=0.1, place=0.2), 64: Recovered(word=0.9, place=0.7)}
    probed = SumsProbed(
        minilm=Recovered(word=1.0, place=0.99),
        shuffled=Recovered(word=0.01, place=0.02),
        by_width=by_width,
    )
    figure = plots.probe_curves(probed)
    curves, bars = figure.axes
    assert [drawn(line) for line in curves.lines] == [[0.1, 0.9], [0.2, 0.7]]
    assert heights(bars) == [1.0, 0.01, 0.99, 0.02]
    assert overlaps(figure) == []


def test_turned_arrows_say_the_dot_product_of_what_they_draw():
    one, other = torch.tensor([1.0, 0.5]), torch.tensor([-0.4, 0.3])
    figure = plots.turned_arrows([("places 0 and 0", one, other), ("swapped", other, one)])
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["places 0 and 0: q · k = −0.25", "swapped: q · k = −0.25"]
    assert overlaps(figure) == []


def test_bias_rows_write_each_price_into_its_cell():
    biases = torch.tensor([[0.0, -0.5, -1.0], [-1.0, -0.5, 0.0]])
    figure = plots.bias_rows(biases, ["a, place 0", "c, place 2"], ["a", "b", "c"])
    (axes,) = figure.axes
    written = [text.get_text() for text in axes.texts]
    assert written == ["0.0", "−0.5", "−1.0", "−1.0", "−0.5", "0.0"]
    assert overlaps(figure) == []


def test_the_table_of_the_contest_writes_each_share_into_its_cell():
    order = OrderByScheme(
        right={"none": (0.5, 0.51, 0.49), "ALiBi": (1.0, 0.98, 0.87)}, by_quarter={}
    )
    figure = order_plots.order_table(order)
    axes = figure.axes[0]
    written = [text.get_text() for text in axes.texts]
    assert written == ["0.50", "0.51", "0.49", "1.00", "0.98", "0.87"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["none", "ALiBi"]
    assert overlaps(figure) == []


def test_the_table_by_quarter_says_where_the_two_words_stand():
    by_quarter = {"none": (0.5, 0.51, 0.49, 0.5), "ALiBi": (0.5, 0.6, 0.97, 1.0)}
    figure = order_plots.quarter_table(OrderByScheme(right={}, by_quarter=by_quarter))
    axes = figure.axes[0]
    written = [text.get_text() for text in axes.texts]
    assert written == ["0.50", "0.51", "0.49", "0.50", "0.50", "0.60", "0.97", "1.00"]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["0 to 15", "16 to 31", "32 to 47", "48 to 62"]
    assert overlaps(figure) == []


def test_place_curves_draw_what_the_probe_reads_beside_the_truth():
    causal, both = (
        PlacesRead(explained=0.5, means=torch.tensor(means))
        for means in ([0.5, 1.0, 1.5], [1.0, 1.0, 1.0])
    )
    order = CausalOrder(
        two_layers=(1.0,),
        one_layer=0.5,
        unmasked=0.5,
        causal_places=causal,
        bidirectional_places=both,
        links=LinksChanged(untouched=1.0, later_to_earlier=0.5, another=1.0, exchanged=1.0),
    )
    figure = order_plots.place_curves(order)
    lines = [drawn(line) for line in figure.axes[0].lines]
    assert lines == [[0.5, 1.0, 1.5], [1.0, 1.0, 1.0], [0.0, 2.0]]
    assert overlaps(figure) == []
