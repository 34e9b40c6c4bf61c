"""What learners are told of lesson 05's slips that are not the catalogue's own to the letter."""

import pytest

from transformer_course.engine.answers import verdict_on
from transformer_course.engine.catalogue import find_exercise
from transformer_course.engine.sources import build
from transformer_course.engine.verdict import State

IN_NUMPY = """def scaled_dot_product_attention_numpy(query, key, value, mask=None):
    scores = query @ np.swapaxes(key, -2, -1) / math.sqrt(query.shape[-1])
    allowed = True if mask is None else mask
    scores = np.where(allowed, scores, FILL)
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    weights = powers / powers.sum(-1, keepdims=True) * (STRUCK_OUT)
    return weights @ value, weights
"""
IN_TORCH = """def masked_softmax(scores, mask=None):
    allowed = torch.tensor(True) if mask is None else mask
    return scores.masked_fill(~allowed, FILL).softmax(-1) * (STRUCK_OUT)
"""
NUMBERS = """def causal_mask(length, past=0):
    return torch.ones(length, past + length).TRIANGLE
"""
BOTH = pytest.mark.parametrize(
    ("name", "source"),
    [("scaled_dot_product_attention_numpy", IN_NUMPY), ("masked_softmax", IN_TORCH)],
    ids=["numpy", "torch"],
)


def told(name, source):
    exercise = find_exercise(f"attention.{name}")
    return verdict_on(exercise, build(source, "a try", exercise.lent()))


@BOTH
@pytest.mark.parametrize(
    ("fill", "struck_out", "mistake"),
    [
        ("-10.0", "1", "masked scores are lowered, but not to −∞"),
        ("-100.0", "1", "masked scores are lowered far, but not to −∞"),
        ("-1e4", "1", "masked scores are lowered far, but not to −∞"),
        ("-1e9", "1", "a query that may look nowhere looks everywhere alike"),
        ("-50.0", "allowed", "masked scores are lowered, and their weights struck out"),
        ("-100.0", "allowed", "masked scores are lowered, and their weights struck out"),
        ("-1e4", "allowed", "masked scores are lowered, and their weights struck out"),
    ],
)
def test_a_number_in_the_place_of_minus_infinity_is_met_by_its_name(
    name, source, fill, struck_out, mistake
):
    verdict = told(name, source.replace("FILL", fill).replace("STRUCK_OUT", struck_out))
    assert (verdict.state, verdict.mistake) == (State.SLIP, mistake)


@BOTH
def test_a_number_below_all_scores_passes_if_forbidden_weights_are_struck_out(name, source):
    verdict = told(name, source.replace("FILL", "-1e30").replace("STRUCK_OUT", "allowed"))
    assert verdict.state is State.PASSED


def test_a_mask_of_numbers_is_met_by_its_name_and_shown_by_its_dtype():
    verdict = told("causal_mask", NUMBERS.replace("TRIANGLE", "tril(past)"))
    assert verdict.mistake == "the mask holds numbers, not True and False"
    assert "it has dtype float32, expected bool" in verdict.seen


def test_of_two_slips_in_a_mask_none_is_proved_by_the_other():
    verdict = told("causal_mask", NUMBERS.replace("TRIANGLE", "tril()"))
    assert (verdict.state, verdict.mistake) == (State.NOT_YET, None)
    assert verdict.seen.startswith("it has dtype float32, expected bool")
