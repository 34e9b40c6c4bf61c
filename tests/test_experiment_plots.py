"""The pictures of experiments draw the numbers that they are given, and nothing overlaps."""

import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from transformer_course.experiments.attention import OrderInside, Softness
from transformer_course.experiments.attention_cuts import Page
from transformer_course.experiments.attention_plots import (
    cut_bars,
    position_scores,
    softness_curves,
)
from transformer_course.experiments.on_paper import WORDS, paper_model, stream_of
from transformer_course.experiments.task_plots import (
    digit_bars,
    maps_in_training,
    step_bars,
    stream_tables,
)


def overlaps(figure):
    """Return the pairs of titles, axis labels and tick labels of a figure that cover each other."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    texts = [
        text
        for axes in figure.axes
        for text in (
            axes.title,
            axes._left_title,  # where the course's style puts titles
            axes.xaxis.label,
            axes.yaxis.label,
            *labels_in_sight(axes.xaxis, 0),
            *labels_in_sight(axes.yaxis, 1),
            *axes.texts,
        )
        if text.get_text() and text.get_visible()
    ]
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts]
    return [
        (one, other)
        for place, (one, box) in enumerate(boxes)
        for other, other_box in boxes[place + 1 :]
        if box.overlaps(other_box)
    ]


def smallest(figure):
    """Return the size of the smallest words in a figure, in points."""
    texts = figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_visible())
    return min(text.get_fontsize() for text in texts if text.get_text())


def labels_in_sight(axis, side):
    """Return the labels of ticks within the limits: matplotlib makes some beyond, undrawn."""
    low, high = sorted(axis.get_view_interval())
    return [label for label in axis.get_ticklabels() if low <= label.get_position()[side] <= high]


def heights(axes):
    return [bar.get_height() for bar in axes.patches]


@pytest.fixture
def softness():
    scalings = ("1", "1/√d_k", "1/d_k")
    numbers = {
        name: [0.1 * (place + step) for step in range(3)] for place, name in enumerate(scalings)
    }
    return Softness(widths=(4, 16, 64), spread=numbers, top_weight=numbers, jacobian=numbers)


def test_softness_curves_draw_each_scaling_in_each_panel(softness):
    figure = softness_curves(softness)
    for axes, numbers in zip(
        figure.axes, (softness.spread, softness.top_weight, softness.jacobian), strict=True
    ):
        lines = {line.get_label(): list(line.get_ydata()) for line in axes.lines[:3]}
        assert lines == {f"× {name}": values for name, values in numbers.items()}
        assert (axes.get_xlabel(), bool(axes.get_ylabel())) == ("width d_k (log scale)", True)
    assert overlaps(figure) == []


def test_position_scores_draw_scores_around_zero_and_the_last_rows():
    scores = {
        name: torch.arange(9.0).reshape(3, 3) - shift
        for name, shift in (("rotary", 2), ("sinusoidal", 7))
    }
    rows = {name: torch.tensor([0.2, 0.3, 0.5]) for name in ("plain", "rotary", "alibi")}
    order = OrderInside(
        offset_error=0.0,
        sinusoidal_offset_error=1.0,
        norm_error=0.0,
        scores=scores,
        last_row=rows,
    )
    figure = position_scores(order)
    images = [axes.images[0] for axes in figure.axes[:2]]
    assert [image.get_array().tolist() for image in images] == [
        scores["rotary"].tolist(),
        scores["sinusoidal"].tolist(),
    ]
    assert [image.get_clim() for image in images] == [(-6, 6), (-7, 7)]
    drawn = [line.get_ydata().tolist() for line in figure.axes[2].lines]
    assert drawn == [pytest.approx([0.2, 0.3, 0.5])] * 3


def test_cut_bars_draw_weights_of_the_question_and_what_is_left_of_the_answer():
    weights = torch.eye(4)
    weights[-1] = torch.tensor([0.1, 0.7, 0.2, 0.0])
    page = Page(
        tokens=("Ann 2", "Ben 4", "Eva 1", "Ben?"),
        weights=weights,
        answer="4",
        probability=0.9,
        without=(0.9, 0.05, 0.85, 0.9),
        delivered=(0, 1, 0, 0),
    )
    figure = cut_bars([page, page])
    assert len(figure.axes) == 4
    for asked, left in (figure.axes[:2], figure.axes[2:]):
        assert heights(asked) == pytest.approx([0.1, 0.7, 0.2, 0.0])
        assert heights(left) == pytest.approx([0.9, 0.05, 0.85, 0.9])
        assert left.lines[0].get_ydata() == [0.9, 0.9]
        assert left.get_title(loc="left") == "Ben? Answer: “4”"
    assert overlaps(figure) == []


def test_digit_bars_put_the_same_place_of_all_three_side_by_side():
    figure = digit_bars(
        {"plain": [0.1, 0.2, 0.3], "reversed": [0.6, 0.5, 0.4], "no_positions": [0.9, 0.8, 0.7]}
    )
    (axes,) = figure.axes
    assert heights(axes) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["hundreds", "tens", "units"]
    assert axes.get_xlabel() == "place in the sum"
    assert overlaps(figure) == []


def luminance(colour):
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in colour[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def test_stream_tables_write_every_number_of_every_word():
    steps = stream_of(paper_model(), torch.tensor([0, 1]))
    figure = stream_tables(steps, WORDS[:2], ["1", "2", "3", "4"])
    for place, axes in enumerate(figure.axes[:2]):
        written = [float(text.get_text().replace("−", "-")) for text in axes.texts]
        numbers = torch.stack([vectors[place] for vectors in steps.values()]).flatten()
        torch.testing.assert_close(torch.tensor(written), numbers, atol=0.006, rtol=0)
        assert axes.images[0].get_clim() == pytest.approx((-3, 3), abs=1e-4)
        for text, number in zip(axes.texts, numbers.tolist(), strict=True):
            paper = luminance(axes.images[0].to_rgba(number))
            assert contrast(luminance(to_rgb(text.get_color())), paper) > 3.9
    assert overlaps(figure) == []


def test_step_bars_put_before_and_after_side_by_side():
    before, after = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]]), torch.full((2, 3), 1 / 3)
    figure = step_bars(before, after, WORDS, WORDS[1:])
    for place, axes in enumerate(figure.axes):
        assert heights(axes) == pytest.approx([*before[place].tolist(), *after[place].tolist()])
        assert axes.get_xlabel() == "next word"
        assert axes.get_title(loc="left").endswith(f"right is “{WORDS[place + 1]}”")
    assert overlaps(figure) == []


def test_maps_in_training_stand_in_their_order_with_the_steps_above_and_one_scale():
    maps = {0: torch.full((3, 3), 1 / 3), 7: torch.eye(3).flip(0)}
    figure = maps_in_training(maps, "abc", "Turning around")
    *panels, scale = figure.axes
    assert [axes.get_title(loc="left") or axes.get_title() for axes in panels] == [
        "after 0 steps",
        "after 7 steps",
    ]
    assert scale.get_ylabel() == "weight"
    for axes, weights in zip(panels, maps.values(), strict=True):
        (image,) = axes.images
        assert image.get_clim() == (0, 1)
        torch.testing.assert_close(torch.tensor(image.get_array()), weights, check_dtype=False)
