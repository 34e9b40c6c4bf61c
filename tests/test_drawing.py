"""Tests of the shared pictures: they hold the data they were given, and nothing overlaps."""

import io
import itertools
import math

import matplotlib as mpl
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import colors
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from transformer_course.diagram import LIGHTS, LIT, PLAIN, model_diagram
from transformer_course.drawing import (
    KEY,
    MASKED,
    QUERY,
    SIGNED,
    VALUE,
    WEIGHTS,
    LossCurve,
    ink_on,
    loss_curve,
    png,
    spread,
    token_label,
    weights_heat_map,
)

BANK = ["The", "bank", "of", "the", "river", "was", "crowded", ",", "but", "empty", "!"]
BASELINES = {"5-gram": 1.652, "ln V": 4.344, "4-gram": 1.765, "bigram": 2.496}
TRAINING = {step: 1.6 + 3 / step for step in range(1, 301)}
VALIDATION = {100: 1.9, 200: 1.75, 300: 1.7}


def causal_weights(length):
    mask = torch.ones(length, length).tril().bool()
    scores = torch.randn(length, length, generator=torch.Generator().manual_seed(length))
    return scores.masked_fill(~mask, -math.inf).softmax(-1), mask


def heat_map(length):
    weights, mask = causal_weights(length)
    return weights_heat_map(weights, BANK[:length], mask=mask)


def texts(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    found = figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_visible())
    return [text for text in found if text.get_text().strip()], canvas.get_renderer()


def overlapping(figure):
    """Return pairs of texts whose boxes overlap, and texts that stick out of the figure."""
    found, renderer = texts(figure)
    # Of an annotation, the words without the line that leads to them.
    boxes = {text: Text.get_window_extent(text, renderer).padded(-0.5) for text in found}
    pairs = itertools.combinations(boxes.items(), 2)
    meeting = [
        (one.get_text(), other.get_text())
        for (one, box), (other, other_box) in pairs
        if box.overlaps(other_box) and not one.get_rotation() == other.get_rotation() == 45
    ]
    x_end, y_end = figure.bbox.size
    cut = [
        text.get_text()
        for text, box in boxes.items()
        if box.x0 < 0 or box.y0 < 0 or box.x1 > x_end or box.y1 > y_end
    ]
    return meeting + cut


# Heat map


@pytest.mark.parametrize(
    ("length", "numbered", "count"), [(8, None, 36), (9, None, 0), (9, True, 45), (3, False, 0)]
)
def test_numbers_stand_in_small_maps_and_wherever_they_are_asked_for(length, numbered, count):
    weights, mask = causal_weights(length)
    figure = weights_heat_map(weights, BANK[:length], mask=mask, numbered=numbered)
    assert len(figure.axes[0].texts) == count
    assert overlapping(figure) == []


def test_a_heat_map_shows_the_weights_it_was_given():
    weights, _ = causal_weights(5)
    figure = heat_map(5)
    (image,) = figure.axes[0].images
    torch.testing.assert_close(torch.tensor(image.get_array().data), weights)
    assert image.get_cmap().name == "cividis"


@pytest.mark.parametrize("weights", [torch.full((2, 3), 1 / 3), torch.eye(2, 3)])
def test_all_heat_maps_have_one_scale(weights):
    (image,) = weights_heat_map(weights, ["to", "be"], ["a", "b", "c"]).axes[0].images
    assert image.get_clim() == (0, 1)


def test_rows_of_a_heat_map_are_queries_and_columns_keys():
    axes = weights_heat_map(torch.full((2, 3), 1 / 3), ["to", "be"], ["a", "b", "c"]).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["to", "be"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b", "c"]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("asks (query)", "answers (key)")


def test_masked_cells_are_hatched_and_no_others():
    axes = heat_map(5).axes[0]
    (hidden,) = axes.collections
    corners = {tuple(path.vertices[0] + 0.5) for path in hidden.get_paths()}
    assert corners == {(key, query) for query in range(5) for key in range(query + 1, 5)}
    assert hidden.get_hatch() == MASKED["hatch"]


@pytest.mark.parametrize(("length", "numbers"), [(7, 28), (8, 36), (9, 0)])
def test_up_to_eight_tokens_have_their_numbers_in_the_visible_cells(length, numbers):
    assert len(heat_map(length).axes[0].texts) == numbers


def test_the_numbers_in_the_cells_are_the_weights():
    weights, _ = causal_weights(3)
    for text in heat_map(3).axes[0].texts:
        key, query = text.get_position()
        assert text.get_text() == f"{weights[query, key]:.2f}"


@pytest.mark.parametrize("length", [2, 5, 8, 11])
def test_no_words_of_a_heat_map_overlap(length):
    assert overlapping(heat_map(length)) == []


@pytest.mark.parametrize("length", [11, 29, 61])
def test_neighbouring_labels_of_a_long_text_have_room(length):
    weights, mask = causal_weights(length)
    figure = weights_heat_map(weights, (BANK * 6)[:length], mask=mask)
    FigureCanvasAgg(figure).draw()
    axes = figure.axes[0]
    for axis, lean in ((axes.xaxis, math.sin(math.pi / 4)), (axes.yaxis, 1)):
        first, second = axis.get_ticklocs()[:2]
        places = axes.transData.transform([(first, first), (second, second)])
        distance = abs(places[1] - places[0])[0 if axis is axes.xaxis else 1] * lean
        height = axis.get_ticklabels()[0].get_fontsize() * figure.dpi / 72
        assert distance >= height * 0.9


def test_tokens_are_drawn_as_they_are_and_never_as_formulas():
    labels = weights_heat_map(torch.eye(2), ["$x^2$", "</script>"]).axes[0].get_yticklabels()
    assert [label.get_text() for label in labels] == ["$x^2$", "</script>"]
    assert not any(label.get_parse_math() for label in labels)


def test_what_cannot_be_seen_in_a_token_is_made_visible():
    assert token_label(" the\n\t") == "·the⏎⇥"
    assert token_label("a\x00\U0001f9ec") == "aU+0000U+1F9EC"


def test_a_heat_map_needs_a_label_for_each_row_and_column():
    with pytest.raises(ValueError, match=r"2 queries and 3 keys .* shape \(2, 2\)"):
        weights_heat_map(torch.eye(2), ["a", "b"], ["a", "b", "c"])


def test_scores_are_no_weights():
    with pytest.raises(ValueError, match=r"weights from -0.5 to 3 are outside \[0, 1\]"):
        weights_heat_map(torch.tensor([[-0.5, 3.0]]), ["a"], ["b", "c"])


def test_a_mask_that_the_weights_were_not_computed_with_is_refused():
    with pytest.raises(ValueError, match=r"a masked weight is 0\.25, expected 0"):
        weights_heat_map(torch.full((4, 4), 0.25), BANK[:4], mask=torch.eye(4).bool())


# Loss curve


def test_a_loss_curve_holds_the_losses_it_was_given():
    figure = loss_curve(TRAINING, VALIDATION, baselines=BASELINES, num_steps=300)
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    for name, losses in (("training", TRAINING), ("validation", VALIDATION)):
        assert list(lines[name].get_xdata()) == list(losses)
        assert list(lines[name].get_ydata()) == list(losses.values())
    assert lines["validation"].get_marker() == "o"


def test_each_baseline_is_a_line_named_with_its_loss():
    axes = loss_curve(TRAINING, {}, baselines=BASELINES, num_steps=300).axes[0]
    heights = {line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "--"}
    assert heights == set(BASELINES.values())
    names = {text.get_text() for text in axes.texts}
    assert names == {f"{name} {loss:.2f}" for name, loss in BASELINES.items()}


@pytest.mark.parametrize("num_steps", [2, 12, 300, 2_000, 100_000])
def test_no_words_of_a_loss_curve_overlap(num_steps):
    close = {"trigram": 1.70, "4-gram": 1.69, "5-gram": 1.68, "6-gram": 1.68, "unigram": 3.307}
    assert overlapping(loss_curve({1: 3.0}, {}, baselines=close, num_steps=num_steps)) == []


def test_names_of_baselines_stand_in_the_order_of_their_lines():
    axes = loss_curve(TRAINING, {}, baselines=BASELINES, num_steps=300).axes[0]
    by_height = sorted(axes.texts, key=lambda text: text.get_position()[1])
    assert [text.get_text()[:4] for text in by_height] == ["5-gr", "4-gr", "bigr", "ln V"]


def test_the_axes_are_labelled_with_their_units():
    axes = loss_curve(TRAINING, {}, baselines={}, num_steps=300).axes[0]
    assert axes.get_xlabel() == "step (square-root scale)"
    assert axes.get_ylabel() == "loss (nats a character)"


def test_the_first_hundredth_of_the_steps_gets_a_tenth_of_the_width():
    axes = LossCurve(10_000, {})._axes
    places = axes.transAxes.inverted().transform(axes.transData.transform([(100, 1), (10_000, 1)]))
    assert places[:, 0].tolist() == pytest.approx([0.1, 1.0])


def test_every_loss_has_room_and_one_that_is_not_finite_harms_nothing():
    losses = {1: 9.3, 2: math.inf, 3: math.nan, 4: 0.01}
    axes = loss_curve(losses, {}, baselines=BASELINES, num_steps=4).axes[0]
    low, high = axes.get_ylim()
    assert 0 <= low < 0.01
    assert 9.3 < high < 10


def test_a_loss_curve_without_any_loss_can_be_drawn():
    assert Image.open(io.BytesIO(LossCurve(7, {}).frame())).size == (740, 400)


def test_a_frame_shows_what_the_figure_drawn_at_once_shows():
    curve = LossCurve(300, BASELINES)
    curve.frame()  # keeps the background, which the next update has to give up
    curve.update(TRAINING, VALIDATION)
    curve.frame()
    curve.update(TRAINING, {**VALIDATION, 250: 5.9})
    fresh = LossCurve(300, BASELINES)
    fresh.update(TRAINING, {**VALIDATION, 250: 5.9})
    assert curve.frame() == fresh.frame()


def test_a_frame_that_changes_no_axis_draws_the_background_only_once(monkeypatch):
    curve = LossCurve(300, BASELINES)
    drawn = []
    draw = curve._canvas.draw
    monkeypatch.setattr(curve._canvas, "draw", lambda: drawn.append(draw()))
    for step in (2, 3, 5):
        curve.update({step: 2.0}, {})
        curve.frame()
    assert len(drawn) == 1


@given(st.lists(st.floats(0, 1), max_size=7).map(sorted), st.floats(0.01, 0.5))
def test_spreading_keeps_the_order_the_mean_and_the_gap(places, gap):
    moved = spread(places, gap)
    assert sum(moved) == pytest.approx(sum(places), abs=1e-9)
    assert all(after - before >= gap - 1e-9 for before, after in itertools.pairwise(moved))
    if all(after - before >= gap for before, after in itertools.pairwise(places)):
        assert moved == pytest.approx(places)


# The diagram of the whole model


def words_of(figure):
    return {text.get_text(): text for text in figure.axes[0].texts if text.get_text()}


def lit_words(figure):
    return {word for word, text in words_of(figure).items() if text.get_weight() == LIT.weight}


@pytest.mark.parametrize(
    ("lit", "words"),
    [
        ("tokens", {"tokens", "The", "bank", "was"}),
        ("embedding", {"embedding"}),
        ("positions", {"positions"}),
        ("attention", {"attention", "q", "k", "v"}),
        ("heads", {"attention", "q", "k", "v", "h heads"}),
        ("feed_forward", {"feed-forward"}),
        ("norm", {"norm"}),
        ("head", {"head", "probabilities"}),
        ("training", {"loss", "gradients change every weight"}),
        (None, set()),
    ],
)
def test_a_diagram_lights_its_part_and_no_other(lit, words):
    assert lit_words(model_diagram(lit)) == words


def test_lighting_the_model_lights_all_but_its_training():
    unlit = set(words_of(model_diagram())) - lit_words(model_diagram("model"))
    assert unlit == lit_words(model_diagram("training"))
    assert lit_words(model_diagram("model_in_training")) == set(words_of(model_diagram()))


def test_a_lit_part_stands_out_without_its_colour():
    figure = model_diagram("embedding")
    widths = [patch.get_linewidth() for patch in figure.axes[0].patches if patch.get_linewidth()]
    assert widths.count(max(widths)) == 1
    assert LIT.width > PLAIN.width


@pytest.mark.parametrize("lit", [None, *LIGHTS])
def test_no_words_of_the_diagram_overlap(lit):
    assert overlapping(model_diagram(lit)) == []


def test_query_key_and_value_keep_their_colours_and_letters():
    found = words_of(model_diagram("attention"))
    shown = [colors.to_hex(found[letter].get_color()).upper() for letter in "qkv"]
    assert shown == [QUERY, KEY, VALUE]


def test_an_unknown_part_is_answered_with_the_parts_there_are():
    with pytest.raises(ValueError, match=r"lit='atention' is no part .*'attention', 'heads'"):
        model_diagram("atention")


# Files and settings


def test_a_long_scale_of_colours_is_kept_in_a_picture_of_256():
    figure = Figure(figsize=(4, 3))
    scale = figure.add_subplot().imshow(np.linspace(-1, 1, 500)[None], cmap=SIGNED, aspect="auto")
    figure.colorbar(scale)
    whole = io.BytesIO()
    figure.savefig(whole, dpi=100, format="png")
    colours = [
        np.asarray(Image.open(file).convert("RGB"), dtype=int)
        for file in (whole, io.BytesIO(png(figure, 100)))
    ]
    assert np.abs(colours[0] - colours[1]).max() <= 16


def test_a_picture_is_a_small_png_of_the_asked_resolution():
    file = png(model_diagram("block"), 100)
    assert Image.open(io.BytesIO(file)).size == (1020, 390)
    assert len(file) < 40_000


def test_drawing_leaves_the_learners_settings_as_they_were():
    before = dict(mpl.rcParams)
    heat_map(3)
    model_diagram()
    LossCurve(3, {}).frame()
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    "draw",
    [
        lambda: LossCurve(3, BASELINES).frame(),
        lambda: png(loss_curve(TRAINING, VALIDATION, baselines=BASELINES, num_steps=300), 50),
        lambda: png(heat_map(3), 50),
        lambda: png(model_diagram("heads"), 50),
    ],
)
def test_the_learners_settings_do_not_change_the_pictures(draw):
    plain = draw()
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "lines.linewidth": 9}):
        assert draw() == plain


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.45, 0.5, 0.7, 1.0])
def test_a_number_in_a_cell_stands_out_from_its_colour(weight):
    ink, colour = mpl.colors.to_rgb(ink_on(weight)), mpl.colormaps[WEIGHTS](weight)[:3]
    light, dark = sorted((luminance(ink), luminance(colour)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) > 4.5


def luminance(colour):
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
