"""Lesson 07's widget and pictures: what is drawn is what was computed, whatever is handed in."""

import asyncio
import itertools
import math
import re

import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from transformer_course.experiments import heads_plots
from transformer_course.experiments.heads_digits import read_digits
from transformer_course.experiments.heads_folds import METHODS, read_folds
from transformer_course.experiments.heads_next import Reliability
from transformer_course.experiments.heads_tasks import MODELS, read_tasks
from transformer_course.heads import next_token_probabilities
from transformer_course.trained import load_trained
from transformer_course.widgets.controls import TYPING_SECONDS
from transformer_course.widgets.heads import next_token_explorer
from transformer_course.widgets.heads_picture import (
    FRAMES,
    control_frames,
    draw_bars,
    frame_choices,
    written_tokens,
)
from transformer_course.widgets.heads_scene import (
    NUM_DRAWS,
    NUM_SHOWN,
    Controls,
    UnfitProbabilitiesError,
    choose_next,
    describe,
    next_logits,
)

LOGITS = torch.linspace(3, -3, 20)[torch.randperm(20, generator=torch.Generator().manual_seed(0))]
TOKENS = [f"t{number}" for number in range(20)]


@pytest.fixture(scope="module")
def writer():
    return load_trained("shakespeare")


def in_the_way(figure):
    """Return the texts that stick out of the figure, and the pairs of level texts that overlap."""
    FigureCanvasAgg(figure).draw()
    texts = figure.findobj(lambda part: isinstance(part, Text) and part.get_visible())
    unseen = {
        id(tick.label1)
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    }
    boxes = [
        (text, text.get_window_extent())
        for text in texts
        if text.get_text().strip() and id(text) not in unseen
    ]
    cut = [
        text.get_text() for text, box in boxes if min(*box.min, *(figure.bbox.size - box.max)) < -1
    ]
    level = [(text, box.padded(-1)) for text, box in boxes if text.get_rotation() == 0]
    return cut + [
        (one.get_text(), other.get_text())
        for (one, box), (other, other_box) in itertools.combinations(level, 2)
        if box.overlaps(other_box)
    ]


@pytest.mark.parametrize(
    "controls",
    [Controls(), Controls(temperature=0), Controls(top_k=3), Controls(temperature=2.0, top_p=0.7)],
    ids=str,
)
def test_a_choice_shows_the_likeliest_tokens_with_their_probabilities_and_draws(controls):
    choice = choose_next(LOGITS, TOKENS, controls)
    left = next_token_probabilities(LOGITS, controls.temperature, controls.top_k, controls.top_p)
    order = sorted(range(20), key=lambda number: -LOGITS[number].item())[:NUM_SHOWN]
    assert choice.tokens == [TOKENS[number] for number in order]
    torch.testing.assert_close(choice.left, left[order])
    torch.testing.assert_close(choice.own, LOGITS.softmax(-1)[order])
    assert choice.num_left == int((left > 0).sum())
    assert (choice.drawn[choice.left == 0] == 0).all()
    spread = (choice.left * (1 - choice.left) / NUM_DRAWS).sqrt()
    assert ((choice.drawn / NUM_DRAWS - choice.left).abs() <= 5 * spread).all()


def test_a_choice_is_told_in_its_own_numbers():
    said = describe(choose_next(LOGITS, TOKENS, Controls(top_k=3)))
    best = TOKENS[int(LOGITS.argmax())]
    assert f"At temperature 1, top-k 3, 3 of 20 tokens stay. Likeliest: “{best}” with 0." in said
    assert "all 20 tokens stay" in describe(choose_next(LOGITS, TOKENS, Controls()))
    assert (
        str(Controls(temperature=0.5, top_k=2, top_p=0.9)) == "temperature 0.5, top-k 2, top-p 0.9"
    )


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda *controls: 1 / 0, "your probabilities stopped: ZeroDivisionError"),
        (lambda *controls: [0.5, 0.5], "your probabilities are list, expected a tensor (20,)"),
        (lambda logits, *controls: logits[:3], "your probabilities are (3,), expected a tensor"),
        (lambda logits, *controls: logits, "one is negative or nan, or all are 0"),
        (lambda logits, *controls: logits * math.nan, "cannot be drawn from"),
        (lambda logits, *controls: torch.zeros(20), "cannot be drawn from"),
    ],
)
def test_probabilities_that_cannot_be_drawn_from_are_told(function, words):
    with pytest.raises(UnfitProbabilitiesError, match=re.escape(words)):
        choose_next(LOGITS, TOKENS, Controls(), function)


def test_a_function_that_writes_into_the_logits_spoils_nothing():
    before = LOGITS.clone()
    choose_next(LOGITS, TOKENS, Controls(), lambda logits, *rest: logits.zero_() + 1 / 20)
    assert torch.equal(LOGITS, before)


def test_the_models_own_logits_of_the_last_token_are_taken(writer):
    ids = writer.tokenizer.encode("I pray")
    with torch.no_grad():
        expected = writer.model(torch.tensor([ids])).logits[0, -1]
    torch.testing.assert_close(next_logits(writer, "I pray"), expected)
    assert next_logits(writer, "the " * 2_000).shape == expected.shape


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "the text is empty; type what"), ("café", "é stands in no play that the model has read")],
)
def test_a_text_that_cannot_be_read_is_told(writer, text, words):
    with pytest.raises(ValueError, match=words):
        next_logits(writer, text)


def test_bars_are_what_is_left_and_grey_ones_what_is_cut():
    choice = choose_next(LOGITS, TOKENS, Controls(top_k=4))
    axes = Figure().add_subplot()
    draw_bars(axes, choice)
    kept, cut = axes.containers
    assert [bar.get_height() for bar in kept] == pytest.approx(choice.left[:4].tolist())
    assert len(cut) == NUM_SHOWN - 4
    assert {bar.get_hatch() for bar in cut} == {"////"}
    assert len({bar.get_height() for bar in cut}) == 1
    assert {bar.get_hatch() for bar in kept} == {None}
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == list(choice.tokens)


def test_every_token_has_a_name(writer):
    tokens = written_tokens(writer)
    assert len(tokens) == writer.tokenizer.vocab_size
    assert tokens[writer.tokenizer.encode("you")[0]].startswith("y")


def test_the_strip_shows_four_settings_as_they_are_said_of_it(writer):
    choices = frame_choices(writer, "I pray")
    assert [choice.controls for choice in choices] == list(FRAMES)
    # What the lesson's text says of it.
    left = dict(zip(choices[3].tokens, choices[3].left.tolist(), strict=True))
    assert [token for token, share in left.items() if share] == ["·you", "·thee"]
    assert int((choices[2].left > 0).sum()) == 4
    assert in_the_way(control_frames(writer, "I pray")) == []


@pytest.fixture
def explorer(writer):
    return next_token_explorer(writer, prompt="I pray")


def test_each_control_reaches_the_probabilities(writer):
    calls = []

    def noting(logits, temperature, top_k, top_p):
        calls.append((temperature, top_k, top_p))
        return next_token_probabilities(logits, temperature, top_k, top_p)

    explorer = next_token_explorer(writer, noting, "I pray")
    explorer.temperature.value = 0.5
    explorer.top_k.value = 3
    explorer.top_p.value = 0.95
    assert calls == [(1, None, 1), (0.5, None, 1), (0.5, 3, 1), (0.5, 3, 0.95)]
    assert explorer.choice.controls == Controls(temperature=0.5, top_k=3, top_p=0.95)


def test_another_control_or_text_changes_picture_and_words(explorer):
    seen = {bytes(explorer.bars.value)}
    for change in (
        lambda: setattr(explorer.temperature, "value", 2.0),
        lambda: setattr(explorer.text, "value", "Good m"),
        lambda: setattr(explorer.top_p, "value", 0.5),
        explorer.again.click,
    ):
        change()
        assert bytes(explorer.bars.value) not in seen
        seen.add(bytes(explorer.bars.value))
    assert "top-p 0.5" in explorer.words.value


def test_a_text_that_does_not_fit_is_told_and_no_control_does_anything(explorer):
    explorer.text.value = "<img src=x>"
    told = explorer.words.value
    assert "&lt; stands in no play" in told
    explorer.temperature.value = 0.1
    explorer.again.click()
    assert explorer.words.value == told
    assert explorer.bars.layout.visibility == "hidden"
    assert explorer.choice is None
    explorer.text.value = "I pray"
    assert explorer.bars.layout.visibility == "visible"


def test_probabilities_that_stop_are_told_as_text(writer):
    def hostile(*controls):
        raise ValueError("<img src=x onerror=alert(1)>")

    said = next_token_explorer(writer, hostile).words.value
    assert "Your probabilities stopped: ValueError" in said
    assert "<img" not in said


def test_a_text_that_is_typed_is_read_once_after_a_pause(explorer, monkeypatch):
    reads, logits = [], next_logits(explorer.writer, "Good")
    monkeypatch.setattr(
        "transformer_course.widgets.heads.next_logits",
        lambda _, text: reads.append(text) or logits,
    )

    async def type_words():
        for length in range(1, 7):
            explorer.text.value = "Good m"[:length]
        assert reads == []
        await asyncio.sleep(3 * TYPING_SECONDS)

    asyncio.run(type_words())
    assert reads == ["Good m"]


def test_a_reader_without_widgets_sees_words(explorer):
    words = "What comes next? Run this cell to try it; pictures of it stand below."
    assert explorer._repr_mimebundle_()["text/plain"] == words


def test_word_bars_write_each_share_and_cross_out_what_is_cut():
    figure = heads_plots.word_bars(["a", "b", "c"], {"one": [0.5, 0.3, 0.2], "two": [1.0, 0, 0]})
    one, two = figure.axes
    assert [text.get_text() for text in one.texts] == ["0.50", "0.30", "0.20"]
    assert [text.get_text() for text in two.texts] == ["1.00", "cut", "cut"]
    assert in_the_way(figure) == []


def test_bits_are_ranked_and_ours_is_lit():
    figure = heads_plots.bits_bars({"few": 2.0, "ours": 1.5, "many": 6.0}, "ours")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["many", "few", "ours"]
    assert [bar.get_width() for bar in axes.patches] == [6.0, 2.0, 1.5]
    colours = [bar.get_facecolor() for bar in axes.patches]
    assert colours[0] == colours[1] != colours[2]
    assert in_the_way(figure) == []


def test_reliability_is_drawn_as_it_was_measured():
    found = Reliability((0.1, 0.5), (0.2, 0.4), (200, 300))
    figure = heads_plots.reliability_curves({"one": found, "two": found})
    diagonal, one, two = figure.axes[0].lines
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())
    for line in (one, two):
        assert tuple(line.get_xdata()) == found.given
        assert tuple(line.get_ydata()) == found.came
    assert in_the_way(figure) == []


def test_draws_stand_in_a_row_a_control():
    pair = torch.tensor([0.6, 0.3, 0.1, 0.0]), torch.tensor([0.58, 0.29, 0.13, 0.0])
    rows = {"temperature": {"1": pair, "2": pair}, "top-k": {"2": pair, "3": pair}}
    figure = heads_plots.draws_grid({0: "a", 1: " b", 3: "\n"}, rows)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["temperature 1", "temperature 2", "top-k 2", "top-k 3"]
    for axes in figure.axes:
        heights = [bar.get_height() for bar in axes.patches]
        assert heights[:2] == pytest.approx([0.6, 0.3])
        assert axes.patches[2].get_hatch() == "////"
        assert list(axes.lines[0].get_ydata()) == pytest.approx([0.58, 0.29])
    assert in_the_way(figure) == []


def test_each_method_stands_at_its_share():
    folds = read_folds()
    figure = heads_plots.genre_shares(folds)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(METHODS)
    points = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 1]
    assert points == pytest.approx([folds.share(method) for method in METHODS])
    assert in_the_way(figure) == []


def test_digits_are_drawn_as_they_are():
    digits = read_digits()[1]
    figure = heads_plots.digit_patches(digits, 3)
    assert [axes.get_title(loc="center") for axes in figure.axes] == [
        str(label) for label in digits.labels[:3].tolist()
    ]
    picture = torch.tensor(figure.axes[1].images[0].get_array())
    corner = picture[:2, :2].flatten() * 16
    assert int((corner * 17 ** torch.arange(4)).sum()) == int(digits.words[1, 0])
    assert in_the_way(figure) == []


def test_the_table_writes_every_score():
    tasks = read_tasks()
    figure = heads_plots.task_table(tasks)
    written = [text.get_text() for text in figure.axes[0].texts]
    assert len(written) == 2 * 5 * len(MODELS)
    assert f"{tasks.rows['digits']['MLP'].score:.2f}" in written
    assert f"{tasks.rows['Shakespeare']['GRU'].score:.2f} bits" in written
    assert in_the_way(figure) == []


def test_no_prompt_is_needed(writer):
    assert next_token_explorer(writer).choice is not None
