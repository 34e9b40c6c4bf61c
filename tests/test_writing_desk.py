"""The desk at which a trained model writes: what it says, that it stops, and that nothing runs."""

import asyncio
import time

import pytest
import torch
from small_runs import model_config

from transformer_course.generation import generate
from transformer_course.model import Transformer
from transformer_course.tokenization import BytePairTokenizer, CharacterTokenizer
from transformer_course.trained import TrainedWriter
from transformer_course.widgets import writing
from transformer_course.widgets.writing import unreadable, writing_desk

LETTERS = "\n !&:<>abcdefghijklmno"


@pytest.fixture
def writer():
    model = Transformer(
        model_config(vocab_size=len(LETTERS)), generator=torch.Generator().manual_seed(3)
    )
    return TrainedWriter(
        model=model.eval(),
        tokenizer=CharacterTokenizer(LETTERS),
        characters=frozenset(LETTERS),
        steps=0,
    )


@pytest.fixture
def desk(writer):
    desk = writing_desk(writer)
    desk.prompt.value = "abc:\n"
    desk.length.value = 50
    return desk


def said(desk):
    return desk.status.value


def test_it_writes_what_generate_writes_with_these_settings(desk, writer):
    desk.temperature.value, desk.seed.value = 1.3, 5
    asyncio.run(desk.compose())
    (ids,) = generate(
        writer.model,
        [writer.tokenizer.encode("abc:\n")],
        50,
        temperature=1.3,
        generator=torch.Generator().manual_seed(5),
    )
    assert desk.text == "abc:\n" + writer.tokenizer.decode(ids)
    assert "finished: 50 tokens" in said(desk)
    assert "seed 5" in said(desk)


def test_another_seed_writes_another_text_and_temperature_0_always_the_same(desk):
    texts = []
    for temperature, seed in ((1.0, 1), (1.0, 2), (0.0, 1), (0.0, 2)):
        desk.temperature.value, desk.seed.value = temperature, seed
        asyncio.run(desk.compose())
        texts.append(desk.text)
    assert texts[0] != texts[1]
    assert texts[2] == texts[3]


def test_what_is_typed_and_written_is_escaped(desk):
    desk.prompt.value = "<b>&<m>"
    desk.temperature.value = 2
    asyncio.run(desk.compose())
    inside = desk.page.value.partition("<b>")[2].rpartition("</pre>")[0]
    assert inside.startswith("&lt;b&gt;&amp;&lt;m&gt;</b>")
    assert "<" not in inside.partition("</b>")[2]


@pytest.mark.parametrize(
    ("beginning", "words"),
    [
        ("", "The beginning is empty: give at least one character"),
        ("ab é", "The plays hold no “é”: the model has never met it; write without it."),
        ("é∑é", "The plays hold none of “é” “∑”: the model has never met them"),
        ("a\x00", "The plays hold no U+0000"),
    ],
)
def test_a_beginning_that_it_cannot_read_is_one_sentence(desk, beginning, words):
    desk.prompt.value = beginning
    asyncio.run(desk.compose())
    assert words in said(desk)
    assert "Nothing is written" in desk.page.value
    assert not desk.write.disabled


def test_an_older_text_does_not_stand_below_a_beginning_that_was_refused(desk):
    asyncio.run(desk.compose())
    assert "abc:" in desk.page.value
    desk.prompt.value = "é"
    asyncio.run(desk.compose())
    assert "abc:" not in desk.page.value
    assert desk.text == ""


def test_a_beginning_of_known_characters_is_readable():
    assert unreadable("ROMEO:", frozenset("ROME:")) is None


async def started(desk):
    desk.write.click()
    while not desk.text:
        await asyncio.sleep(0.01)


@pytest.fixture
def slow(monkeypatch):
    """Make every token take a while, so that there is time for a click."""

    def slowly(*arguments, on_token, **options):
        def take(row, token):
            time.sleep(0.02)
            on_token(row, token)

        return generate(*arguments, on_token=take, **options)

    monkeypatch.setattr(writing, "generate", slowly)


@pytest.mark.usefixtures("slow")
def test_stop_ends_it_and_keeps_what_is_written(desk):
    async def click_twice():
        await started(desk)
        assert (desk.write.disabled, desk.stop.disabled) == (True, False)
        desk.stop.click()
        await desk.task

    desk.length.value = 600
    asyncio.run(click_twice())
    assert "stopped: " in said(desk)
    assert len(desk.text) < 600
    assert (desk.write.disabled, desk.stop.disabled) == (False, True)


@pytest.mark.usefixtures("slow")
def test_a_second_click_on_write_starts_nothing(desk):
    async def click_twice():
        await started(desk)
        first = desk.task
        desk.write.click()
        assert desk.task is first
        desk.stop.click()
        await first

    asyncio.run(click_twice())


@pytest.mark.usefixtures("slow")
def test_text_grows_while_other_things_go_on(desk):
    async def watch():
        await started(desk)
        lengths = []
        for _ in range(6):
            lengths.append(len(desk.text))
            await asyncio.sleep(0.1)
        desk.stop.click()
        await desk.task
        return lengths

    lengths = asyncio.run(watch())
    assert lengths == sorted(lengths)
    assert len(set(lengths)) > 2


@pytest.mark.usefixtures("slow")
def test_a_wait_that_is_cancelled_ends_the_writing(desk):
    async def cancel():
        await started(desk)
        desk.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await desk.task

    desk.length.value = 600
    begin = time.monotonic()
    asyncio.run(cancel())  # waits for the thread
    assert time.monotonic() - begin < 5
    assert not desk.write.disabled


def test_a_model_that_fails_is_told_of_and_can_be_tried_again(desk, monkeypatch):
    def fail(*arguments, **options):
        raise ValueError("width 3 met <4>")

    monkeypatch.setattr(writing, "generate", fail)
    asyncio.run(desk.compose())
    assert "the model stopped with ValueError: width 3 met &lt;4&gt;" in said(desk)
    assert not desk.write.disabled


def test_half_a_character_is_held_back(desk, writer):
    tokenizer = BytePairTokenizer.train("aé" * 9, 256)
    desk.writer = TrainedWriter(
        model=writer.model, tokenizer=tokenizer, characters=frozenset("aé"), steps=0
    )
    desk._show("a", tokenizer.encode("é")[:1])
    assert desk.text == "a"
    desk._show("a", tokenizer.encode("é"))
    assert desk.text == "aé"


def test_its_plain_form_says_what_to_do(desk):
    assert repr(desk).startswith("The finished model, playing: run this cell")
