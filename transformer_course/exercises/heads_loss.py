"""What lesson 07 asks for second: the loss of an answer, and a unit that all models share.

Builds on: heads, engine.  Lacks: pooling (heads), what is drawn from (heads_sampling).
"""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import ROUNDING, gradient

IGNORED_TARGET = -100
LARGE = 1_000.0
"""A logit so far above the right one that its loss cannot be had from a probability."""

cross_entropy = Exercise(
    "heads.cross_entropy",
    lesson="07",
    level=2,
    minutes=10,
    lends=("heads.IGNORED_TARGET",),
    forbidden=(nn.functional.cross_entropy, nn.functional.nll_loss),
    stub="""def cross_entropy(logits, targets):
    # logits (…, classes): tensor of scores; targets (…): the number of the right class of each
    # → the mean of −log p(target), one number as a tensor
    # targets equal to IGNORED_TARGET (−100: padding) do not count, neither in the sum nor the mean
    # (F.cross_entropy is what you write)
    ...
""",
    start="Begin with one row of logits: what is the log of its softmax, and which entry counts?",
    hints=(
        "Three moves: log-probabilities of all classes, the one of each target picked out, the "
        "mean of minus these. Leave the ignored ones for last.",
        "log(softmax(x)) is −∞ once e to the x is too small to be kept. logits.log_softmax(-1) "
        "never is. gather(-1, targets[..., None]) picks one number a row.",
        "−100 is no place to gather from: put 0 in its place first (masked_fill), set those losses "
        "to 0 afterwards, and divide by the number of targets that count.",
    ),
    unlocks="From now on your loss measures this lesson's models; lesson 08's training step "
    "calls it.",
    mistakes=(
        Mistake(
            "softmax first and its log afterwards: −∞ where a probability is too small to be kept",
            "In the case “large logits” the right class has e to the −1000. What is that, as a "
            "number that torch keeps?",
            {"logits.log_softmax(-1)": "logits.softmax(-1).log()"},
            source="https://github.com/allenai/allennlp/issues/2797",
        ),
        Mistake(
            "the exponential of a large logit is more than a number can hold",
            "Softmax is the same after the largest logit is subtracted from all. How large can e "
            "to the rest become?",
            {
                "logits.log_softmax(-1)": ("(logits - logits.exp().sum(-1, keepdim=True).log())"),
            },
        ),
        Mistake(
            "softmax runs over the first axis, not over the classes",
            "The probabilities of which things have to sum to 1?",
            {"log_softmax(-1)": "log_softmax(0)"},
            source="trap 7",
        ),
        Mistake(
            "softmax runs over axis 1, and the classes are the last one",
            "In a batch of texts axis 1 are positions. Which axis are the classes, however many "
            "there are?",
            {"log_softmax(-1)": "log_softmax(1)"},
            source="trap 7",
        ),
        Mistake(
            "softmax is missing: the logits themselves are taken for log-probabilities",
            "Logits may be any numbers. What makes probabilities of them, before the log?",
            {"logits.log_softmax(-1)": "logits"},
        ),
        Mistake(
            "the log is missing: minus the probability is not minus its log",
            "What should a certainty cost, and what a probability of nearly 0?",
            {"log_softmax(-1)": "softmax(-1)"},
        ),
        Mistake(
            "all classes are averaged, not the right one alone",
            "A model that gives the right class 1 should pay nothing. What does yours ask of it?",
            {
                ".gather(-1, chosen[..., None]).squeeze(-1)": ".mean(-1)",
            },
        ),
        Mistake(
            "the sign is missing",
            "A probability is below 1. Is its log positive?",
            {"-logits.log_softmax": "logits.log_softmax"},
        ),
        Mistake(
            "the losses are added up, not averaged",
            "Should twice as many tokens make a model twice as bad?",
            {" / counts.sum()": ""},
        ),
        Mistake(
            "ignored positions still count in the mean",
            "The sum leaves them out. Over how many targets is the mean?",
            {"/ counts.sum()": "/ targets.numel()"},
            source="https://github.com/huggingface/transformers/pull/34191",
        ),
        Mistake(
            "ignored positions are charged as if class 0 were their target",
            "Which losses have to become 0 before you add up?",
            {"losses.masked_fill(~counts, 0.0)": "losses", "/ counts.sum()": "/ targets.numel()"},
            source="trap 21",
        ),
        Mistake(
            "targets of class 0 are left out along with padding",
            "Which number stands for padding, and which ones are below every class?",
            {"targets != IGNORED_TARGET": "targets > 0"},
        ),
        Mistake(
            "the loss is counted in bits, not in nats",
            "Which logarithm is asked for: to the base 2 or e?",
            {"/ counts.sum()": "/ counts.sum() / math.log(2)"},
        ),
    ),
)


@cross_entropy.inputs
def _scored(rng: Generator) -> dict[str, dict[str, Any]]:
    def case(*shape: int, dtype: torch.dtype = torch.float64) -> dict[str, Any]:
        logits = torch.tensor(rng.normal(size=shape), dtype=dtype)
        return {"logits": logits, "targets": torch.tensor(rng.integers(shape[-1], size=shape[:-1]))}

    ignoring, long = case(5, 3), case(2, 7, 11, dtype=torch.float32)
    ignoring["targets"][torch.tensor([1, 4])] = IGNORED_TARGET
    long["targets"][1, 3:] = IGNORED_TARGET
    return {
        "two rows of four classes": case(2, 4),
        "five rows, two of them ignored": ignoring,
        "a batch of texts": case(2, 3, 5),
        "large logits": {
            "logits": torch.tensor([[LARGE, 0.0, -3.0], [-20.0, 1.0, 0.5]], dtype=torch.float64),
            "targets": torch.tensor([1, 0]),
        },
        "a batch of texts with padding": long,
    }


@cross_entropy.probe
def _loss_and_gradient(candidate: Any, *, logits: Tensor, targets: Tensor) -> dict[str, Any]:
    leaf = logits.clone().requires_grad_()
    loss = candidate(leaf, targets)
    return {"loss": loss, "gradient": gradient(loss, leaf)}


@cross_entropy.property("one number, of at least 0")
def _one_number(_: SimpleNamespace, found: Any) -> str | None:
    loss = np.asarray(found["loss"])
    if loss.size != 1:
        return f"it returns {loss.size} numbers"
    return None if loss >= 0 else f"the loss is {float(loss):.2f}"


@cross_entropy.property("even a hopeless class pays its whole −log")
def _pays_in_full(given: SimpleNamespace, found: Any) -> str | None:
    if given.logits.max() < LARGE:
        return None
    gaps = given.logits.max(-1) - np.take_along_axis(given.logits, given.targets[:, None], -1)[:, 0]
    least = float(gaps.mean())
    loss = float(found["loss"])
    if not 0 <= loss < least - ROUNDING:
        return None
    return (
        f"the loss is {loss:.1f}, and classes as unlikely as these cost more than {least:.0f} "
        "(is something added to the probabilities, or are they cut off?)"
    )


@cross_entropy.property("ignored rows change nothing")
def _ignored_rows(given: SimpleNamespace, found: Any) -> str | None:
    if found["gradient"] is None:
        return None
    reached = np.abs(found["gradient"][0])[given.targets == IGNORED_TARGET]
    if not reached.size or reached.max() == 0:
        return None
    return "the loss changes with the logits of an ignored row"


@cross_entropy.property("one number added to all logits of a row changes nothing")
def _only_differences_count(_: SimpleNamespace, found: Any) -> str | None:
    if found["gradient"] is None:
        return None
    # Softmax over the classes has each row's gradient sum to 0; nan is another matter.
    drift = np.abs(found["gradient"][0].sum(-1)).max()
    if not drift > ROUNDING:
        return None
    return (
        "the loss changes when 1 is added to all logits of a row; has softmax run over the "
        "classes, the last axis?"
    )


@cross_entropy.workload
def _loss_in_training(candidate: Any) -> Any:
    logits = torch.ones(12, 64, 69, requires_grad=True)
    return candidate(logits, torch.arange(12 * 64).view(12, 64) % 69)


bits_per_character = Exercise(
    "heads.bits_per_character",
    lesson="07",
    level=1,
    minutes=5,
    stub="""def bits_per_character(loss, num_tokens, num_characters):
    # loss: mean of −ln p over the tokens of a text, in nats a token
    # num_tokens: how many tokens; num_characters: how many characters they stand for
    # → the same in bits a character
    ...
""",
    start="Begin with the whole text: how many nats do all its tokens cost together?",
    hints=(
        "A mean times a count is a total. The total does not care how the text was cut up.",
        "The total in nats, shared out among the characters. Then nats become bits: how many "
        "nats are one bit, the choice between two equal chances?",
        "One bit is ln 2 = 0.693… nats, so there are more bits than nats. math.log is ln.",
    ),
    unlocks="From now on this lesson's losses are told in bits a character by your function.",
    mistakes=(
        Mistake(
            "nats a character, not yet bits",
            "A choice between two equal chances costs ln 2 nats. How many bits should it be?",
            {" / math.log(2)": ""},
            source="trap 26",
        ),
        Mistake(
            "multiplied by ln 2, not divided",
            "One bit is 0.693 nats. Are there more bits or more nats in the same text?",
            {"/ math.log(2)": "* math.log(2)"},
        ),
        Mistake(
            "the logarithm is that to the base 10",
            "One bit is 0.693 nats. What does math.log10(2) give, and what math.log(2)?",
            {"math.log(2)": "math.log10(2)"},
        ),
        Mistake(
            "characters and tokens are swapped",
            "A token stands for several characters. Which costs more, a token or a character?",
            {"* num_tokens / num_characters": "* num_characters / num_tokens"},
        ),
        Mistake(
            "bits a token: the number of characters is not used",
            "Two models cut the same text into different tokens. What do they still share?",
            {" * num_tokens / num_characters": ""},
        ),
        Mistake(
            "the total of the whole text, not shared out among its characters",
            "Should a text of twice the length cost twice as much a character?",
            {" / num_characters": ""},
        ),
        Mistake(
            "the perplexity is converted, not the loss",
            "e to the loss is a number of choices. Are choices added up, token by token?",
            {"return loss": "return math.exp(loss)"},
        ),
    ),
)


@bits_per_character.inputs
def _losses(rng: Generator) -> dict[str, dict[str, Any]]:
    return {
        "one bit a character": {"loss": math.log(2), "num_tokens": 8, "num_characters": 8},
        "four tokens of ten characters": {"loss": 2.5, "num_tokens": 4, "num_characters": 10},
        "a play": {
            "loss": float(rng.uniform(2, 4)),
            "num_tokens": int(rng.integers(40_000, 50_000)),
            "num_characters": int(rng.integers(90_000, 130_000)),
        },
    }


@bits_per_character.property("one fair coin a character is one bit a character")
def _one_bit(given: SimpleNamespace, found: Any) -> str | None:
    fair = abs(given.loss - math.log(2)) < ROUNDING and given.num_tokens == given.num_characters
    if not fair or abs(float(found) - 1) < 1e-5:
        return None
    return f"it says {float(found):.6g} bits, and 1 is expected"
