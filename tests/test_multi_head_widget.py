"""Lesson 06's widget: what is drawn is what MiniLM computed, whatever is typed or chosen."""

import asyncio
import re

import pytest
import torch
from matplotlib.figure import Figure
from test_experiment_plots import overlaps, smallest
from torch.nn.functional import cosine_similarity

from transformer_course.drawing import in_course_style
from transformer_course.experiments.multi_head_scores import without_heads
from transformer_course.experiments.multi_head_sentences import BANKS, minilm
from transformer_course.widgets.controls import TYPING_SECONDS
from transformer_course.widgets.multi_head import (
    OTHER_SENTENCE,
    START,
    describe_frames,
    explorer_frames,
    head_explorer,
)
from transformer_course.widgets.multi_head_picture import draw_grid, draw_maps
from transformer_course.widgets.multi_head_scene import (
    MOST_TOKENS,
    Choice,
    Reader,
    describe,
    same_token,
    token_named,
)

HOSTILE = "<img src=x> &lt; $x^2$ של"


@pytest.fixture(scope="module")
def reader():
    return Reader(minilm())


@pytest.fixture(scope="module")
def explorer():
    return head_explorer()


@pytest.fixture
def fresh(explorer):
    """Return the one explorer, put back to its start: a new one takes a second to draw."""
    explorer.silent.value = False
    explorer.first.value, explorer.second.value = BANKS, OTHER_SENTENCE
    explorer.layer.value, explorer.head.value = START.layer, START.head
    explorer.asks.value, explorer.answers.value = START.asks, START.answers
    return explorer


def test_a_scene_holds_the_weights_that_minilm_computed(reader):
    scene = reader.scene(BANKS, OTHER_SENTENCE, START)
    for number, sentence in enumerate((BANKS, OTHER_SENTENCE)):
        alone = minilm().read(sentence)
        assert scene.sentences[number].tokens == alone.tokens
        assert torch.equal(scene.map_of(number), alone.output.attention_weights[0][0, 4])
    assert scene.grid.shape == (6, 12)
    assert scene.grid[3, 9] == scene.sentences[0].weights[3, 9, START.asks, START.answers]
    assert scene.turns is None


def test_without_a_head_earlier_maps_stay_and_later_ones_and_vectors_move(reader):
    choice = Choice(layer=2, head=4, asks=14, answers=7, silent=True)
    scene = reader.scene(BANKS, OTHER_SENTENCE, choice)
    assert not scene.grid[:3].any()
    assert (scene.grid[3:] > 0).all()
    before = reader.read(BANKS).vector
    with without_heads(minilm().model, [(2, 4)]):
        after = minilm().read(BANKS).output.hidden[0].mean(0)
    expected = 1 - cosine_similarity(before, after, dim=0).item()
    assert scene.turns[0] == pytest.approx(expected, abs=1e-6)


def test_the_model_is_as_before_once_a_head_was_silent(reader):
    weight = minilm().model.encoder.blocks[1].attention.output.weight
    before = weight.clone()
    reader.scene(BANKS, BANKS, Choice(layer=1, head=3, asks=2, answers=5, silent=True))
    assert torch.equal(weight, before)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  ", "the sentence is empty, expected some words; type one"),
        ("bank " * 30, f"the sentence has 32 tokens, expected at most {MOST_TOKENS}; shorten it"),
    ],
)
def test_a_sentence_that_cannot_be_shown_is_refused(reader, text, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        reader.read(text)


def test_what_is_said_is_what_there_is_to_see(reader):
    said = describe(reader.scene(BANKS, OTHER_SENTENCE, START))
    assert said == (
        "Head 0.4 looks from “bank” (2) to “river” (5) with the weight 0.65.",
        "Of all 72 heads, 0.4 puts most there: 0.65.",
        "In the second sentence “bank” (2) looks most at “river” (5): 0.51.",
    )


def test_a_word_that_the_second_sentence_lacks_is_not_spoken_of(reader):
    scene = reader.scene(BANKS, "Hello", START)
    assert len(describe(scene)) == 2


def test_the_second_bank_here_is_compared_with_the_second_there():
    tokens = ("a", "bank", "the", "bank")
    assert same_token(tokens, 3, ("bank", "x", "bank", "bank")) == 2
    assert same_token(tokens, 3, ("x", "bank")) == 1
    assert same_token(tokens, 0, ("x", "bank")) is None
    assert token_named(tokens, 3) == "“bank” (3)"


def test_each_control_changes_what_is_drawn_and_said(fresh):
    for control, value in (
        (fresh.layer, 2),
        (fresh.head, 9),
        (fresh.asks, 12),
        (fresh.answers, 11),
        (fresh.silent, True),
        (fresh.second, "The bank was closed."),
    ):
        before = (fresh.grid.value, fresh.maps.value, fresh.words.value)
        control.value = value
        assert (fresh.grid.value, fresh.maps.value, fresh.words.value) != before
    assert "Head 2.9 looks from “bank” (12) to “financial” (11)" in fresh.words.value
    assert bytes(fresh.grid.value).startswith(b"\x89PNG")


def test_a_shorter_sentence_keeps_the_chosen_places_as_far_as_it_goes(fresh):
    fresh.asks.value = 15
    fresh.first.value = "The bank was empty."
    assert [label for label, _ in fresh.asks.options] == [
        "0 [CLS]",
        "1 the",
        "2 bank",
        "3 was",
        "4 empty",
        "5 .",
        "6 [SEP]",
    ]
    assert (fresh.asks.value, fresh.answers.value) == (6, 5)


@pytest.mark.parametrize("sentence", ["", "bank " * 30])
def test_a_problem_is_said_in_place_of_the_pictures_and_they_come_back(fresh, sentence):
    for box in (fresh.first, fresh.second):
        good = box.value
        box.value = sentence
        assert "The sentence" in fresh.words.value
        assert (fresh.scene, fresh.grid.layout.visibility) == (None, "hidden")
        box.value = good
        assert fresh.maps.layout.visibility == "visible"
        assert fresh.scene is not None


def test_hostile_text_is_shown_as_text(fresh):
    fresh.first.value = HOSTILE
    fresh.asks.value = 1
    assert "&lt;" in fresh.words.value
    assert "<img" not in fresh.words.value
    assert fresh.grid.layout.visibility == "visible"


def test_typing_is_read_once_it_pauses(fresh):
    async def type_two():
        fresh.first.value = "The bank was"
        fresh.first.value = "The bank was open"
        at_once = fresh.scene.sentences[0].tokens
        await asyncio.sleep(3 * TYPING_SECONDS)
        return at_once

    before = fresh.scene.sentences[0].tokens
    assert asyncio.run(type_two()) == before
    assert fresh.scene.sentences[0].tokens[-2] == "open"


def test_it_says_what_it_is_where_it_cannot_be_shown(explorer):
    assert repr(explorer) == (
        "Heads of MiniLM: run this cell to try them; pictures of it stand below."
    )


@in_course_style
def drawn(draw):
    figure = Figure(figsize=(9, 4), layout="constrained")
    draw(figure)
    figure.draw_without_rendering()
    return figure


def test_the_grid_writes_each_heads_number_and_rings_the_chosen_one(reader):
    scene = reader.scene(BANKS, OTHER_SENTENCE, START)
    axes = drawn(lambda figure: draw_grid(figure.add_subplot(), scene)).axes[0]
    numbers = [text.get_text() for text in axes.texts]
    assert numbers == [f"{number:.2f}" for number in scene.grid.flatten().tolist()]
    (ring,) = axes.patches
    assert ring.get_xy() == pytest.approx((3.53, -0.45))
    assert axes.get_title(loc="left") == "Weight from “bank” (2) to “river” (5)"


def test_the_maps_draw_both_sentences_and_ring_the_chosen_cell(reader):
    scene = reader.scene(BANKS, OTHER_SENTENCE, START)
    left, right = drawn(lambda figure: draw_maps(figure, scene)).axes
    for number, axes in enumerate((left, right)):
        shown = torch.tensor(axes.images[0].get_array().data)
        torch.testing.assert_close(shown, scene.map_of(number))
        assert smallest(axes) >= 9
    (ring,) = left.patches
    assert ring.get_xy() == (4.5, 1.5)
    assert not right.patches


def test_the_numbers_of_a_short_sentence_can_be_read_and_stand_apart(reader):
    scene = reader.scene("The bank was full.", "A bank was empty now.", START)
    figure = drawn(lambda figure: draw_maps(figure, scene))
    assert [len(axes.texts) for axes in figure.axes] == [49, 64]
    assert smallest(figure) >= 9
    assert overlaps(figure) == []


def test_the_frames_show_the_head_that_is_asked_for_and_the_same_head_silent():
    figure = explorer_frames()
    assert smallest(figure) >= 9
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]
    assert titles == [
        "Weight from “bank” (12) to “financial” (11)",
        "Head 0.2, first sentence",
        "Head 0.2, second sentence",
        "Without head 0.2: how far each map moves",
    ]
    said = describe_frames()
    assert "“bank” (12) looks most at “other” (11): 1.00" in said
    assert re.search(r"0\.2 puts most there: 1\.00.* turns by 0\.00\d\d \(1 − cosine\)", said)
