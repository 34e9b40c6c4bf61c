"""Whatever an answer returns, and in however few cases: a check ends in a sentence."""

import functools
from itertools import count

import numpy as np
import pytest

from transformer_course import learn
from transformer_course.engine import answers
from transformer_course.engine.answers import unfit_for_training, verdict_on
from transformer_course.engine.catalogue import exercises, find_exercise
from transformer_course.engine.pages import Page
from transformer_course.engine.sources import build
from transformer_course.engine.verdict import State

pytestmark = pytest.mark.usefixtures("unchecked")

ODD = ((0, 3.5), (0, np.array(["a", "b"])), (1, None), (1, []))
"""From which call on, and what is returned then."""
DO_THE_WORK = {"forward", "train", "encode", "decode"}


def right(exercise):
    return build(exercise.answer, f"{exercise.name}, another", exercise.lent())


def odd_from(function, calls, first_odd, value):
    @functools.wraps(function)
    def sometimes(*arguments, **options):
        result = function(*arguments, **options)
        return value if next(calls) >= first_odd else result

    return sometimes


def sometimes_odd(exercise, first_odd, value):
    """Return a right answer that returns this value from a certain call on."""
    answer = right(exercise)
    if not isinstance(answer, type):
        return odd_from(answer, count(), first_odd, value)
    for name in DO_THE_WORK & vars(answer).keys():
        own = vars(answer)[name]
        if isinstance(own, classmethod):
            changed = classmethod(odd_from(own.__func__, count(), first_odd, value))
        else:
            changed = odd_from(own, count(), first_odd, value)
        setattr(answer, name, changed)
    return answer


@pytest.mark.parametrize("exercise", exercises().values(), ids=exercises())
def test_an_answer_that_returns_odd_things_now_and_then_gets_a_verdict(exercise):
    for first_odd, value in ODD:
        verdict = verdict_on(exercise, sometimes_odd(exercise, first_odd, value))
        assert verdict.state is not State.PASSED
        assert verdict.seen


LEAVES = "        if chosen is None:\n            break\n"


@pytest.mark.parametrize(
    "ending",
    [
        {LEAVES: "        if chosen is None:\n            return\n"},
        {LEAVES: "        if chosen is None:\n            return chosen\n"},
        {LEAVES: "        if chosen is None:\n            return ids\n", "    return ids\n": ""},
    ],
)
def test_a_loop_that_returns_nothing_in_some_cases_is_told_so(ending):
    extend = find_exercise("generation.extend")
    source = extend.answer
    for old, new in ending.items():
        place = source.rindex(old)
        source = source[:place] + new + source[place + len(old) :]
    verdict = verdict_on(extend, build(source, "a try", extend.lent()))
    assert "`extend` returns nothing (in the case" in verdict.seen
    assert verdict.next_step == "Is a `return` missing on one of the ways out?"


def test_a_block_that_returns_in_some_cases_only_is_told_so():
    block = find_exercise("blocks.TransformerBlock")
    source = block.answer.replace(
        "        return hidden", "        if not attending:\n            return hidden"
    )
    verdict = verdict_on(block, build(source, "a try", {}))
    assert verdict.seen == "`forward` returns nothing (in the case “with weights, mask and bias”)"


def test_a_step_that_returns_for_one_batch_only_is_told_what_it_should_return():
    step = find_exercise("training.training_step")
    source = step.answer.replace(
        "    return total", "    if len(batches) == 1:\n        return total"
    )
    seen = verdict_on(step, build(source, "a try", step.lent())).seen
    assert "`training_step` returns nothing" in seen


def test_attending_without_its_stars_is_told_about_them():
    block = find_exercise("blocks.TransformerBlock")
    source = block.answer.replace("**attending)\n        hidden", "attending)\n        hidden")
    assert source != block.answer
    verdict = verdict_on(block, build(source, "a try", {}))
    assert "two stars, **, unpack it" in verdict.seen


def test_a_step_that_hands_over_the_whole_list_is_told_what_a_model_reads():
    step = find_exercise("training.training_step")
    source = step.answer.replace("model(batch.inputs)", "model(batches)")
    assert (
        "model reads batch.inputs, one batch"
        in verdict_on(step, build(source, "t", step.lent())).seen
    )


def test_gradients_alone_that_differ_are_called_so():
    norm = find_exercise("blocks.LayerNorm")
    source = norm.answer.replace("vectors - mean", "vectors - mean.detach()")
    seen = verdict_on(norm, build(source, "a try", {})).seen
    assert seen.startswith("the numbers are right, but the gradients differ")


PARTS_IN_USE = {
    "characters.CharacterTokenizer": (
        "        return [self.ids[character] for character in text]",
        "        ids = []\n        for character in text:\n"
        "            ids = ids + [self.ids[character]]\n        return ids",
    ),
    "training.training_step": (
        "        loss.backward()",
        "        for _ in range(300):\n            loss.exp().item(), model(batch.inputs)\n"
        "        loss.backward()",
    ),
}


@pytest.mark.parametrize("name", PARTS_IN_USE)
def test_a_tokenizer_and_a_step_that_are_far_too_slow_stay_out_of_a_lesson(name, monkeypatch):
    monkeypatch.setattr(answers, "ROUNDS", 2)
    exercise = find_exercise(name)
    old, new = PARTS_IN_USE[name]
    slow = exercise.answer.replace(old, new)
    assert slow != exercise.answer
    reason = unfit_for_training(exercise, build(slow, "slow", exercise.lent()))
    assert "times as long as the course's own" in reason


def test_a_check_of_an_odd_answer_stands_on_the_page(monkeypatch):
    shown = []
    monkeypatch.setattr(Page, "publish", lambda page: shown.append(page.as_text()))
    learn.check("generation.extend", sometimes_odd(find_exercise("generation.extend"), 2, None))
    assert "returns nothing" in shown[-1]
