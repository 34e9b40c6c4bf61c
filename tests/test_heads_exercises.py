"""Answers to lesson 07's exercises as learners write them: what they are told is true."""

import math

import pytest
import torch

from transformer_course.engine.answers import verdict_on
from transformer_course.engine.catalogue import find_exercise
from transformer_course.engine.verdict import State


def told(name, answer):
    return verdict_on(find_exercise(f"heads.{name}"), answer)


def by_rank(logits, top_k):
    return logits.masked_fill(logits.argsort(-1, descending=True).argsort(-1) >= top_k, -math.inf)


def by_threshold(logits, top_k):
    least = logits.topk(min(top_k, logits.shape[-1])).values[..., -1:]
    return logits.masked_fill(logits < least, -math.inf)


def one_hot_of_32_bits(ids, size):
    return torch.nn.functional.one_hot(ids, size).float()


def sampler(*, stays, cut=by_rank, one_hot=one_hot_of_32_bits, coldest=0.0):
    """Build an answer: `cut` decides what top-k keeps, `stays` what top-p keeps."""

    def next_token_probabilities(logits, temperature=1.0, top_k=None, top_p=1.0):
        temperature = max(temperature, coldest)
        if temperature == 0:
            return one_hot(logits.argmax(-1), logits.shape[-1])
        logits = logits / temperature
        if top_k is not None:
            logits = cut(logits, top_k)
        ranked, order = logits.softmax(-1).sort(-1, descending=True)
        kept = torch.where(stays(ranked, top_p), ranked, 0)
        kept = kept / kept.sum(-1, keepdim=True)
        return torch.zeros_like(kept).scatter(-1, order, kept)

    return next_token_probabilities


def holds_p(ranked, top_p):
    return ranked.cumsum(-1) - ranked < top_p


def test_a_one_hot_vector_of_32_bits_is_right_at_temperature_0():
    assert told("next_token_probabilities", sampler(stays=holds_p)).state is State.PASSED


def test_a_one_hot_vector_of_whole_numbers_is_told_its_dtype():
    answer = sampler(one_hot=torch.nn.functional.one_hot, stays=holds_p)
    verdict = told("next_token_probabilities", answer)
    assert verdict.seen == (
        "it has dtype int64, expected a float, such as float32 (in the case “temperature 0”)"
    )


@pytest.mark.parametrize(
    ("stays", "mistake"),
    [
        (lambda ranked, _: ranked >= 0, "top_p is not used"),
        (
            lambda ranked, top_p: ranked.cumsum(-1) - ranked <= top_p,
            "top-p goes on where p is already held, by one token too many",
        ),
        (
            lambda ranked, top_p: ranked.cumsum(-1) <= top_p + 1e-9 * (top_p == 1),
            "top-p drops the token that crosses p, even where it is the only one",
        ),
    ],
)
def test_a_slip_of_top_p_in_other_words_has_its_name(stays, mistake):
    assert told("next_token_probabilities", sampler(stays=stays)).mistake == mistake


def test_p_of_all_tokens_and_not_of_those_that_top_k_left_has_its_name():
    def next_token_probabilities(logits, temperature=1.0, top_k=None, top_p=1.0):
        if temperature == 0:
            return torch.zeros_like(logits).scatter(-1, logits.argmax(-1, keepdim=True), 1.0)
        ranked, order = (logits / temperature).softmax(-1).sort(-1, descending=True)
        stays = ranked.cumsum(-1) - ranked < top_p
        if top_k is not None:
            stays = stays & (torch.arange(ranked.shape[-1]) < top_k)
        kept = ranked * stays
        kept = kept / kept.sum(-1, keepdim=True)
        return torch.zeros_like(kept).scatter(-1, order, kept)

    verdict = told("next_token_probabilities", next_token_probabilities)
    assert verdict.mistake == "top-p chooses before top-k has cut, so that p is not of what is left"


def loss_by(log_probabilities):
    def cross_entropy(logits, targets):
        counts = targets != -100
        chosen = log_probabilities(logits)[counts].gather(-1, targets[counts][:, None])
        return -chosen.mean()

    return cross_entropy


@pytest.mark.parametrize("least", [1e-9, 1e-12])
def test_something_added_to_probabilities_is_seen_where_they_are_small(least):
    verdict = told("cross_entropy", loss_by(lambda logits: (logits.softmax(-1) + least).log()))
    assert verdict.state is State.NOT_YET
    assert "cost more than 510 (is something added to the probabilities" in verdict.seen


def test_the_logarithm_of_a_sum_that_overflows_has_its_name():
    verdict = told("cross_entropy", loss_by(lambda x: x - x.exp().sum(-1, keepdim=True).log()))
    assert verdict.mistake == "the exponential of a large logit is more than a number can hold"


def test_the_logarithm_of_a_sum_after_the_largest_is_taken_off_is_right():
    def log_probabilities(logits):
        rest = logits - logits.amax(-1, keepdim=True)
        return rest - rest.exp().sum(-1, keepdim=True).log()

    assert told("cross_entropy", loss_by(log_probabilities)).state is State.PASSED


@pytest.mark.parametrize(("logarithm", "says"), [(0.693, "1.00021"), (0.6931, "1.00007")])
def test_a_rounded_logarithm_is_told_with_the_digits_that_show_it(logarithm, says):
    def bits_per_character(loss, num_tokens, num_characters):
        return loss * num_tokens / num_characters / logarithm

    verdict = told("bits_per_character", bits_per_character)
    assert verdict.seen.startswith(f"it says {says} bits, and 1 is expected")


def test_a_mean_over_no_token_is_told_to_be_nan():
    def mean_pooling(hidden, padding_mask):
        padding = ~padding_mask
        total = hidden.masked_fill(padding_mask[..., None], 0).sum(1)
        return total / padding.sum(1, keepdim=True)

    assert "feature 0 of text 0 is nan" in told("mean_pooling", mean_pooling).seen


def test_a_mask_turned_into_32_bits_is_told_how_to_follow_what_is_given():
    def mean_pooling(hidden, padding_mask):
        weights = padding_mask.float()
        return torch.einsum("bl,bld->bd", weights / weights.sum(1, keepdim=True), hidden)

    verdict = told("mean_pooling", mean_pooling)
    assert verdict.state is State.STOPPED
    assert "32-bit numbers met 64-bit ones in a product; `.to(x.dtype)`" in verdict.seen
    assert "four texts of 64-bit numbers" in verdict.next_step


def test_a_mean_in_32_bits_is_told_in_the_case_of_64_and_only_there():
    def mean_pooling(hidden, padding_mask):
        real = padding_mask[..., None].float()
        return (hidden.float() * real).sum(1) / real.sum(1)

    assert told("mean_pooling", mean_pooling).seen == (
        "it has dtype float32, expected float64 (`.float()` and new tensors are float32; "
        "`.to(x.dtype)` follows x) (in the case “four texts of 64-bit numbers”)"
    )


def test_a_real_token_of_zeros_is_no_padding():
    def mean_pooling(hidden, padding_mask):
        real = ((hidden != 0).any(-1) & padding_mask)[..., None].to(hidden.dtype)
        return (hidden * real).sum(1) / real.sum(1)

    assert told("mean_pooling", mean_pooling).mistake == (
        "real tokens whose vector is all 0 are left out like padding"
    )


@pytest.mark.parametrize(
    "log_probabilities",
    [
        lambda logits: logits.flatten(0, -2).log_softmax(0).view_as(logits),
        lambda logits: logits - logits.logsumexp(tuple(range(logits.ndim)), keepdim=True),
    ],
)
def test_a_softmax_that_does_not_run_over_the_classes_alone_is_seen(log_probabilities):
    verdict = told("cross_entropy", loss_by(log_probabilities))
    assert verdict.state is State.NOT_YET
    assert "when 1 is added to all logits of a row; has softmax run over the" in verdict.seen


def test_a_threshold_that_keeps_all_equals_is_told_so():
    verdict = told("next_token_probabilities", sampler(cut=by_threshold, stays=holds_p))
    assert verdict.mistake == "what is as likely as the last of the top k stays, too"
    assert "3 tokens can be drawn, top_k is 2" in verdict.seen


def test_the_first_step_alone_is_told_what_comes_next():
    def next_token_probabilities(logits, temperature=1.0, top_k=None, top_p=1.0):
        return (logits / temperature).softmax(-1)

    verdict = told("next_token_probabilities", next_token_probabilities)
    assert verdict.mistake == "temperature 0 divides by 0, and neither cut is there yet"


@pytest.mark.parametrize("least", [1e-6, 1e-4])
def test_a_tiny_temperature_in_the_place_of_0_has_its_name(least):
    verdict = told("next_token_probabilities", sampler(stays=holds_p, coldest=least))
    assert verdict.mistake == (
        "at temperature 0 two equal logits share, and one token is to have probability 1"
    )
