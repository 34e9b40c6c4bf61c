"""Lesson 08's checks: of two slips at once, of a wrong type, of a crash, a step is still named."""

import pytest

from transformer_course.engine.answers import verdict_on
from transformer_course.engine.catalogue import find_exercise
from transformer_course.engine.sources import build, slipped
from transformer_course.engine.verdict import State

BEFORE = "inputs = self.attention_residual.before(hidden)"
READS = "self.feed_forward(self.feed_forward_residual.before(hidden))"
JOIN = "self.attention_residual.after(hidden, attended.output)"
WORK = """\
        update = self.feed_forward(self.feed_forward_residual.before(hidden))
        hidden = self.feed_forward_residual.after(hidden, update)
"""
ROOT = "(variance + self.epsilon).sqrt()"
CLEAR = "        optimizer.zero_grad(set_to_none=True)\n"
READ = "model(newest, cache=cache)"
BEHIND = "torch.cat((ids, newest), dim=1)"


def verdict(name, slip):
    exercise = find_exercise(name)
    return verdict_on(exercise, build(slipped(exercise.answer, slip), "a try", exercise.lent()))


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        ({BEFORE: "inputs = 2 * hidden"}, "attention does not read"),
        ({JOIN: "hidden", READS: "self.feed_forward(hidden)"}, "the feed-forward does not read"),
        ({"(inputs, **attending)": "(inputs)", JOIN: "hidden + attended.output"}, "key_mask, bias"),
        ({"**attending)\n        h": "need_weights=True)\n        h"}, "did not come in attending"),
        ({WORK: ""}, "reads 0 vectors, and there are 3"),
        ({WORK: 2 * WORK}, "reads 6 vectors, and there are 3"),
        ({WORK: f"{WORK}        hidden = hidden + update\n"}, "feed_forward_residual.after makes"),
    ],
)
def test_an_unknown_slip_in_a_block_names_the_sublayer(slip, words):
    found = verdict("blocks.TransformerBlock", slip)
    assert found.state is State.NOT_YET
    assert words in found.seen


def test_a_block_that_returns_a_list_is_as_right_as_one_that_returns_a_tuple():
    slip = {"return hidden, attended.weights": "return [hidden, attended.weights]"}
    assert verdict("blocks.TransformerBlock", slip).state is State.PASSED


@pytest.mark.parametrize(
    ("name", "slip", "words"),
    [
        ("blocks.TransformerBlock", {"super().__init__()": "pass"}, "has to come first"),
        (
            "blocks.TransformerBlock",
            {"        update": "        hidden = hidden @ hidden\n        update"},
            "batch and height of the second have to be [1, 4], and are [1, 3]",
        ),
        ("generation.extend", {BEHIND: "torch.cat((ids, newest))"}, "joined along axis 0"),
    ],
)
def test_a_crash_is_told_in_plain_words(name, slip, words):
    found = verdict(name, slip)
    assert found.state is State.STOPPED
    assert words in found.seen


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        ({", unbiased=False": "", ROOT: "variance.sqrt()"}, "variance that is off by 0.25"),
        ({" + self.bias": " - self.bias"}, "the result is not normal · weight + bias"),
        (
            {"return normal * self.weight + self.bias": "return 3"},
            "a fresh layer's answer is a num",
        ),
    ],
)
def test_an_unknown_slip_in_a_norm_names_what_does_not_hold(slip, words):
    found = verdict("blocks.LayerNorm", slip)
    assert found.state is State.NOT_YET
    assert words in found.seen


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        ({CLEAR: "", "loss.item()": "loss.item() + 1"}, "the first loss is"),
        (
            {CLEAR: "", " / len(batches)": "", "return total,": "return total / len(batches),"},
            "in step 2 an optimiser reads another gradient",
        ),
        ({"        loss.backward()\n": ""}, "in step 1, optimiser 1 finds no gradient"),
        ({"gradient_norm.item()": "0.0"}, "the first length is 0.000"),
        ({"return total, gradient_norm.item()": "return total"}, "is not two numbers"),
        ({"return total, gradient_norm.item()": "return 'ok'"}, "is not two numbers"),
    ],
)
def test_an_unknown_slip_in_a_step_names_what_does_not_hold(slip, words):
    found = verdict("training.training_step", slip)
    assert found.state is State.NOT_YET
    assert words in found.seen


@pytest.mark.parametrize(
    ("name", "slip"),
    [
        ("generation.extend", {"    return ids": "    pass"}),
        ("training.training_step", {"    return total, gradient_norm.item()": "    pass"}),
    ],
)
def test_an_answer_without_a_return_is_told_so(name, slip):
    assert "returns nothing" in verdict(name, slip).seen


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        ({READ: "model(ids)", BEHIND: "torch.cat((newest, ids), dim=1)"}, "does not begin with"),
        ({READ: "model(ids, cache=cache)", "= chosen": "= chosen * 0"}, "not what choose returned"),
        ({"= chosen": "= (chosen + 1) % 11"}, "is not what choose returned"),
        ({"choose(logits)": "choose(-logits)"}, "in turn 1, choose gets other logits"),
        (
            {"for _ in range(max_new_tokens)": "while True"},
            "`choose` is called 100 times, expected 1",
        ),
    ],
)
def test_an_unknown_slip_in_the_loop_names_what_does_not_hold(slip, words):
    found = verdict("generation.extend", slip)
    assert found.state is State.NOT_YET
    assert words in found.seen
