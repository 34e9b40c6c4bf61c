"""Lesson 05's widget: what is drawn is what was computed, whatever is typed or handed in."""

import asyncio
import itertools
import math
import re

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from transformer_course.attention import scaled_dot_product_attention
from transformer_course.widgets import attention_candidate, attention_words
from transformer_course.widgets.attention import attention_explorer
from transformer_course.widgets.attention_candidate import UnfitAttentionError
from transformer_course.widgets.attention_frames import attention_frames, describe_frames
from transformer_course.widgets.attention_picture import LONGEST, MapPicture, PlanePicture
from transformer_course.widgets.attention_scene import (
    ALIBI,
    CAUSAL,
    NONE,
    ROPE,
    WINDOW,
    Setting,
    attend,
    describe,
    queries_and_keys,
)
from transformer_course.widgets.attention_words import ANSWERS, ASKS, HANDS_OUT, VECTORS, read_words
from transformer_course.widgets.controls import TYPING_SECONDS

BANK = read_words(attention_words.BANK_SENTENCE)
FIVE = ("river", "bank", "was", "empty", "bank")
HOSTILE = (
    *("</script>", "<img/onerror=x>", "&lt;", "$x^2$", "שלום", "مرحبا", "👩‍🚀", "中文字"),
    *("W" * 300, "\x00", "a" * 9, "i", "é" * 11, "…", "x\u0301" * 9, "mmmmmmmmm"),
)
DISTANCE = abs(np.arange(5)[:, None] - np.arange(5))
BOTH = pytest.mark.parametrize("kind", [MapPicture, PlanePicture])
OUTPUT, EYE = torch.zeros(5, 2), torch.eye(5)


def returning(*found):
    return lambda query, key, value, **options: found if len(found) > 1 else found[0]


def scene(words=FIVE, attention=scaled_dot_product_attention, **changes):
    return attend(Setting(words=words, **changes), attention)


def expected_weights(temperature=1.0, bias=0.0, mask=1):
    """Compute the weights in numpy, from the hand-made tables alone."""
    vectors = np.array([VECTORS[word] for word in FIVE])
    scores = (vectors @ ASKS) @ (vectors @ ANSWERS).T / math.sqrt(2)
    exponentials = np.exp((scores + bias) / temperature) * mask
    return torch.tensor(exponentials / exponentials.sum(1, keepdims=True), dtype=torch.float32)


def test_a_sentence_is_split_at_its_spaces_and_loses_all_that_is_no_word():
    sentence = "  “River”, bank;\tempty !\n \u202eevil\u2069 \ud83d"
    assert read_words(sentence) == ("River", "bank", "empty", "!", "evil", "?")


def test_every_word_has_its_query_and_key_in_the_plane():
    query, key = queries_and_keys((*VECTORS, *HOSTILE), NONE)
    assert max(query.norm(dim=1).max(), key.norm(dim=1).max()) <= LONGEST


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"temperature": 0.5}, {"temperature": 0.5}),
        ({"mask": CAUSAL}, {"mask": np.tri(5)}),
        ({"mask": WINDOW}, {"mask": DISTANCE <= 2}),
        ({"positions": ALIBI, "temperature": 2.0}, {"bias": -DISTANCE / 2, "temperature": 2}),
    ],
)
def test_weights_and_output_follow_the_formula_in_what_the_controls_ask_for(changes, expected):
    found, weights = scene(**changes), expected_weights(**expected)
    values = np.array([VECTORS[word] for word in FIVE]) @ HANDS_OUT
    torch.testing.assert_close(found.weights, weights)
    torch.testing.assert_close(found.output, weights @ torch.tensor(values, dtype=torch.float32))


def test_rope_turns_queries_and_keys_by_fifteen_degrees_a_place():
    plain, turned = scene(), scene(positions=ROPE)
    angles = np.radians(15 * np.arange(5))
    for before, after in ((plain.query, turned.query), (plain.key, turned.key)):
        as_complex = torch.view_as_complex(before) * torch.tensor(np.exp(1j * angles))
        torch.testing.assert_close(torch.view_as_complex(after), as_complex.to(torch.complex64))


def test_a_moved_query_stands_where_the_sliders_say_and_changes_its_row_only():
    before, after = scene(chosen=2), scene(chosen=2, moved=(120.0, 2.0))
    torch.testing.assert_close(after.query[2], torch.tensor([-1.0, math.sqrt(3)]))
    assert (before.weights == after.weights).all(dim=1).tolist() == [True, True, False, True, True]


@pytest.mark.parametrize(("positions", "sign"), [(NONE, 0), (ROPE, 1), (ALIBI, 1)])
def test_only_with_positions_each_bank_looks_most_at_its_own_neighbour(positions, sign):
    rows = scene(BANK, positions=positions).weights[[1, 10]]
    river, financial = rows[:, [4, 9]].T
    assert (river - financial).round(decimals=5).sign().tolist() == [sign, -sign]
    assert rows[:, [4, 9]].amax(dim=1).equal(rows.amax(dim=1))


def test_a_function_that_changes_what_it_is_given_does_not_change_what_is_drawn():
    def spoil(query, key, value, mask):
        returned = scaled_dot_product_attention(query, key, value, mask)
        for tensor in (query, key, value, mask):
            tensor.zero_()
        return returned

    found, expected = scene(attention=spoil, mask=CAUSAL), scene(mask=CAUSAL)
    for name in ("query", "key", "mask", "weights"):
        assert getattr(found, name).equal(getattr(expected, name))


@pytest.mark.parametrize(
    ("attention", "says"),
    [
        (returning(None), "returned nothing, expected two"),
        (returning(EYE), "returned one Tensor, expected two"),
        (returning(OUTPUT, EYE[:3]), r"weights .* shape \(3, 5\), expected \(5, 5\)"),
        (returning(EYE, OUTPUT), r"output .* shape \(5, 5\), expected \(5, 2\)"),
        (returning(OUTPUT, EYE * math.nan), r"row of “river” \(word 1\) has numbers that are not"),
        (returning(OUTPUT, -EYE), r"“river” \(word 1\) runs from −1.00 to 0.00"),
        (returning(OUTPUT, 0.79 * EYE), r"sums to 0.79, expected 1"),
        (returning(OUTPUT, torch.full((5, 5), 0.2)), r"gives 0.20 where the mask is False"),
        (lambda query, key, value, mask: query @ key, r"in its line `.*query @ key.*`: RuntimeErr"),
    ],
)
def test_what_is_no_attention_is_told_so(attention, says):
    with pytest.raises(UnfitAttentionError, match=says):
        scene(attention=attention, mask=CAUSAL)


def test_a_function_without_an_end_is_ended(monkeypatch):
    monkeypatch.setattr(attention_candidate, "SECONDS", 0.05)

    def endless(query, key, value):
        while True:
            pass

    with pytest.raises(UnfitAttentionError, match="look for a loop without an end"):
        scene(attention=endless)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"chosen": 1}, "“bank” (word 2) looks most at “river” (word 1): 0.82."),
        ({"mask": CAUSAL}, "“river” (word 1) looks most at itself: 1.00."),
        ({"moved": (0.0, 0.0)}, "“river” (word 1) looks at 5 words alike: 0.20 each."),
        (
            {"chosen": 1, "mask": CAUSAL, "moved": (0.0, 0.0)},
            "“bank” (word 2) looks at “river” (word 1) and itself alike: 0.50 each.",
        ),
        ({"chosen": 1}, "The 2 rows of “bank” are the same: one vector, one query, one row."),
        (
            {"chosen": 1, "mask": CAUSAL, "moved": (0.0, 3.0), "positions": ROPE},
            "The 2 rows of “bank” differ by up to 0.86: its query was moved and the mask depends "
            "on the place and RoPE tells places apart.",
        ),
        (
            {"chosen": 1, "attention": returning(OUTPUT, EYE)},
            "The 2 rows of “bank” differ by up to 1.00: this attention tells equal words apart.",
        ),
        ({"attention": returning(OUTPUT - 9, EYE)}, "What it receives: water −9.00, money −9.00."),
        (
            {"words": ("otter", "eel", "Eel", "bank", "heron", "newt")},
            "Not in our table, so made of letters: “otter”, “eel”, “Eel”, 2 more.",
        ),
    ],
)
def test_what_is_said_of_the_chosen_word_is_true(changes, says):
    assert says in describe(scene(**changes))


def in_the_way(figure):
    """Return the texts that stick out of the figure, and the pairs of level texts that overlap."""
    FigureCanvasAgg(figure).draw()
    texts = figure.findobj(lambda part: isinstance(part, Text) and part.get_visible())
    boxes = [(text, text.get_window_extent()) for text in texts if text.get_text().strip()]
    room = [(text, min(*box.min, *(figure.bbox.size - box.max))) for text, box in boxes]
    cut = [text.get_text() for text, least in room if least < 0]
    level = [(text, box.padded(-1)) for text, box in boxes if text.get_rotation() != 45]
    return cut + [
        (one.get_text(), other.get_text())
        for (one, box), (other, other_box) in itertools.combinations(level, 2)
        if box.overlaps(other_box)
    ]


def test_the_map_shows_the_last_scenes_weights_numbers_and_mask_and_frames_the_chosen_row():
    picture, shown = MapPicture(), scene(chosen=3, mask=CAUSAL)
    picture.draw(scene(mask=WINDOW))
    picture.draw(shown)
    masked, frame = picture.axes.patches
    assert torch.tensor(np.array(picture.axes.images[0].get_array())).equal(shown.weights)
    assert frame.get_y() == 2.5
    assert [label.get_text() for label in picture.axes.get_yticklabels()] == list(FIVE)
    numbers = {text.get_position()[::-1]: text.get_text() for text in picture.axes.texts}
    seen = [place for place in itertools.product(range(5), repeat=2) if shown.mask[place]]
    assert numbers == {place: f"{shown.weights[place]:.2f}" for place in seen}
    for query, key in itertools.product(range(5), repeat=2):
        assert masked.get_path().contains_point((key, query)) == ((query, key) not in seen)


@BOTH
@pytest.mark.parametrize(
    "changes",
    [{"temperature": 0.5}, {"mask": WINDOW}, {"moved": (0.0, 0.0)}, {"chosen": 4}, {"words": BANK}],
)
def test_a_figure_used_again_looks_like_a_new_one(kind, changes):
    used = kind()
    used.draw(scene())
    assert used.draw(scene(**changes)) == kind().draw(scene(**changes))


def test_the_plane_shows_keys_and_query_as_they_met_and_where_the_dot_product_is_0():
    picture, shown = PlanePicture(), scene(chosen=1, positions=ROPE)
    picture.draw(shown)
    keys = [line.get_xydata() for line in picture.axes.lines if line.get_marker() == "s"]
    torch.testing.assert_close(torch.tensor(np.concatenate(keys)), shown.key, check_dtype=False)
    (arrow,) = (patch for patch in picture.axes.patches if hasattr(patch, "set_arrowstyle"))
    assert arrow._posA_posB == [(0, 0), pytest.approx(shown.query[1].tolist())]
    (dashed,) = (line for line in picture.axes.lines if line.get_linestyle() == "--")
    assert dashed.get_xydata() @ shown.query[1].numpy() == pytest.approx([0, 0], abs=1e-5)


def test_each_key_is_named_with_its_weight_masked_ones_without_and_the_largest_in_bold():
    picture, shown = PlanePicture(), scene(chosen=2, mask=CAUSAL)
    picture.draw(shown)
    row = [f"{weight:.2f}" for weight in shown.weights[2, :3].tolist()]
    labels = {text.get_text(): text.get_fontweight() for text in picture.axes.texts}
    names = [f"{word} {says}" for word, says in zip(FIVE, [*row, "–", "–"], strict=True)]
    assert set(labels) == {"Q", *names}
    assert [name for name in names if labels[name] == "bold"] == [f"bank {max(row)}"]


@BOTH
@pytest.mark.parametrize("words", [FIVE, BANK, HOSTILE, ("financial",) * 16, HOSTILE[3:12]])
@pytest.mark.parametrize("changes", [{}, {"mask": CAUSAL, "positions": ROPE, "moved": (90.0, 3.0)}])
def test_no_word_of_a_picture_is_cut_off_or_covers_another(kind, words, changes):
    picture = kind()
    picture.draw(scene(words, **changes))
    assert in_the_way(picture.figure) == []


@BOTH
def test_the_learners_settings_do_not_change_the_pictures(kind):
    plain = kind().draw(scene())
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "lines.linewidth": 9}):
        assert kind().draw(scene()) == plain


@pytest.fixture
def explorer():
    def noted(query, key, value, **options):
        calls.append((options, scaled_dot_product_attention(query, key, value, **options)))
        return calls[-1][1]

    calls = []
    explorer = attention_explorer(noted)
    calls.clear()
    explorer.calls = calls
    return explorer


def drawn(explorer):
    return explorer.map.value, explorer.plane.value, explorer.words.value


@pytest.mark.parametrize(
    ("control", "value", "changes", "options"),
    [
        ("sentence", "river bank", {"words": ("river", "bank")}, set()),
        ("temperature", 0.5, {"temperature": 0.5}, {"scale"}),
        ("mask", WINDOW, {"mask": WINDOW}, {"mask"}),
        ("positions", ROPE, {"positions": ROPE}, set()),
        ("positions", ALIBI, {"positions": ALIBI}, {"bias"}),
        ("word", 4, {"chosen": 4}, set()),
        ("angle", -60.0, {"moved": (-60.0, 1.8 * math.sqrt(2))}, set()),
        ("length", 0.5, {"moved": (45.0, 0.5)}, set()),
    ],
)
def test_each_control_changes_its_part_by_one_call_that_names_no_more_than_was_asked_for(
    explorer, control, value, changes, options
):
    before = drawn(explorer)
    getattr(explorer, control).value = value
    ((given, (_, weights)),) = explorer.calls
    assert set(given) == options
    assert explorer.scene.weights.equal(weights)
    setting = Setting(**{"words": BANK, "chosen": 1, **changes})
    wanted = attend(setting, scaled_dot_product_attention)
    torch.testing.assert_close((weights, explorer.scene.query), (wanted.weights, wanted.query))
    assert all(one != other for one, other in zip(before, drawn(explorer), strict=True))


@pytest.mark.parametrize(
    ("control", "value"), [("word", 10), ("positions", ROPE), ("sentence", "river bank empty")]
)
def test_another_word_sentence_or_position_brings_the_own_query_back(explorer, control, value):
    explorer.angle.value, explorer.length.value = -60.0, 0.5
    getattr(explorer, control).value = value
    assert explorer.scene.setting.moved is None
    turn, length = math.radians(explorer.angle.value), explorer.length.value
    own = explorer.scene.query[explorer.word.value]
    assert own.tolist() == pytest.approx([length * math.cos(turn), length * math.sin(turn)])


def test_the_button_brings_the_own_query_back(explorer):
    before = drawn(explorer)
    explorer.angle.value = -60.0
    explorer.own.click()
    assert drawn(explorer) == before


def test_a_slider_that_the_page_moves_to_a_whole_step_moves_no_query(explorer):
    explorer.length.value = 2.5  # its own is 2.546
    assert explorer.scene.setting.moved is None


def test_a_sentence_that_does_not_fit_is_told_and_no_control_does_anything(explorer):
    explorer.sentence.value = "bank"
    told = explorer.words.value
    explorer.temperature.value, explorer.angle.value = 3.0, 10.0
    explorer.mask.value, explorer.positions.value, explorer.word.value = CAUSAL, ROPE, 3
    explorer.own.click()
    assert "The sentence has 1 word, expected 2 to 16; add some." in told
    assert explorer.words.value == told
    assert explorer.map.layout.visibility == explorer.plane.layout.visibility == "hidden"
    assert explorer.calls == []


def test_a_sentence_that_is_typed_is_read_once_after_a_pause_and_its_last_word_chosen(explorer):
    async def type_words():
        for length in range(1, len("bank empty river") + 1):
            explorer.sentence.value = "bank empty river"[:length]
        assert len(explorer.calls) == 1
        await asyncio.sleep(3 * TYPING_SECONDS)

    explorer.word.value = 12
    asyncio.run(type_words())
    assert len(explorer.calls) == 2
    assert explorer.scene.setting == Setting(words=("bank", "empty", "river"), chosen=2)


def test_an_attention_that_raises_is_told_in_words_and_may_work_again():
    def no_mask(query, key, value):
        return scaled_dot_product_attention(query, key, value)

    explorer = attention_explorer(no_mask)
    explorer.mask.value = CAUSAL
    assert "Your attention stopped: TypeError" in explorer.words.value
    assert "Traceback" not in explorer.words.value
    assert explorer.map.layout.visibility == "hidden"
    explorer.mask.value = NONE
    assert explorer.map.layout.visibility == "visible"


def test_words_and_complaints_are_shown_as_text(explorer):
    def hostile(query, key, value):
        raise ValueError("<img src=x onerror=alert(1)>")

    explorer.sentence.value = "</script> <img/onerror=x>"
    explorer.word.value = 0
    assert "“&lt;/script&gt;” (word 1)" in explorer.words.value
    assert "<img" not in explorer.words.value + attention_explorer(hostile).words.value


def test_what_a_reader_without_widgets_sees_is_the_same_on_all_machines(explorer):
    words = "Who looks at whom: run this cell to try it; pictures of it stand below."
    assert explorer._repr_mimebundle_()["text/plain"] == words


def test_the_frames_show_temperature_mask_positions_and_a_turned_query_as_is_said_of_them():
    turned = scene(BANK, chosen=1, moved=(-45.0, 1.8 * 2**0.5)).weights[1]
    masked, near = scene(BANK, mask=CAUSAL).weights, scene(BANK, positions=ALIBI).weights
    plain = {heat: scene(BANK, temperature=heat).weights[1] for heat in (0.25, 1.0, 4.0)}
    expected = [list(plain.values()), masked[[1, 10]], near[[1, 10]], [plain[1.0], turned]]
    figure = attention_frames()
    assert in_the_way(figure) == []
    frames = [axes.images[0].get_array() for axes in figure.axes]
    for rows, frame in zip(expected, frames, strict=True):
        torch.testing.assert_close(torch.tensor(np.array(frame)), torch.stack([*rows]))


def test_the_numbers_said_of_the_frames_are_drawn_in_them():
    heats, masked, near, turned = (axes.images[0].get_array() for axes in attention_frames().axes)
    said = [float(number) for number in re.findall(r"\d\.\d\d(?= each|\)| at)", describe_frames())]
    tops = [near[0, 4], near[1, 9], turned[1, 12]]
    assert tops == [*near.max(axis=1), turned[1].max()]
    assert said == [round(float(weight), 2) for weight in (*heats[:, 4], *masked[0, :2], *tops)]
    assert list(heats[:, 4]) == pytest.approx(list(heats[:, 9]))
