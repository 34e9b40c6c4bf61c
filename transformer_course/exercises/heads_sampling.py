"""What lesson 07 asks for with three stars: the probabilities that the next token is drawn from.

Builds on: heads, engine.  Lacks: the drawing itself, which is torch's.
"""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import ROUNDING

AT_ZERO = """\
    if temperature < torch.finfo(logits.dtype).tiny:
        return torch.zeros_like(logits).scatter(-1, logits.argmax(-1, keepdim=True), 1.0)
"""
TOP_K = """\
    if top_k is not None and top_k < logits.shape[-1]:
        kept = logits.topk(top_k).indices
        logits = torch.full_like(logits, -math.inf).scatter(-1, kept, logits.gather(-1, kept))
"""
"""Lines of the answer that several mistakes change."""

next_token_probabilities = Exercise(
    "heads.next_token_probabilities",
    lesson="07",
    level=3,
    minutes=15,
    stub="""def next_token_probabilities(logits, temperature=1.0, top_k=None, top_p=1.0):
    # logits (…, vocab): tensor of scores, −inf for what is forbidden
    # temperature divides the logits; at 0 one token, the likeliest, has probability 1
    # top_k: only the k likeliest tokens stay (None, or k beyond the vocabulary: all)
    # top_p: of what is left, only the smallest set of the likeliest that holds at least top_p
    # of equals any may be kept; of use: topk, sort, cumsum, scatter
    # → probabilities (…, vocab) that sum to 1 after every cut
    ...
""",
    start="Begin without the cuts: logits divided by the temperature, then softmax.",
    hints=(
        "The order is temperature, top-k, softmax, top-p. Temperature 0 is a case of its own: "
        "nothing can be divided by it.",
        "Top-k before softmax: what leaves gets the logit −∞, and softmax shares its part among "
        "the others. logits.topk(k).indices says who stays; scatter puts them back in place.",
        "Top-p: sort(descending=True) the probabilities and add them up with cumsum. A token "
        "stays if what stands before it (cumsum minus its own) is less than top_p; then divide "
        "by the new sum.",
    ),
    unlocks="From now on this lesson's tokens are drawn from your probabilities, and lesson 08's "
    "text can be, too.",
    mistakes=(
        Mistake(
            "the logits are multiplied by the temperature, not divided",
            "Should a high temperature make the probabilities sharper or flatter?",
            {"/ temperature).softmax": "* temperature).softmax"},
            source="trap 22",
        ),
        Mistake(
            "temperature 0 divides by 0",
            "What is 0 / 0? Which token is meant to get everything?",
            {
                AT_ZERO: "",
            },
            source="https://github.com/google-deepmind/gemma/issues/562",
        ),
        Mistake(
            "temperature 0 divides by 0, and neither cut is there yet",
            "What is 0 / 0? Which token is meant to get everything? After that comes top-k.",
            {
                AT_ZERO: "",
                "    if top_k is not None and": "    if False and",
                "    if top_p < 1:": "    if False:",
            },
        ),
        Mistake(
            "at temperature 0 two equal logits share, and one token is to have probability 1",
            "Divided by a tiny number, equals stay equal. What names one token, whatever the "
            "others have?",
            {
                AT_ZERO: (
                    "    temperature = max(temperature, 1e-6)\n"
                ),
            },
        ),
        Mistake(
            "temperature 0 changes nothing, as if it were 1",
            "Which token does temperature 0 take, and how often?",
            {
                AT_ZERO: "",
                "/ temperature).softmax": "/ (temperature or 1.0)).softmax",
            },
        ),
        Mistake(
            "top_k is not used",
            "With top_k=2, how many tokens can be drawn?",
            {"    if top_k is not None and": "    if False and"},
        ),
        Mistake(
            "top_p is not used",
            "With top_p=.8 on shares of .6, .3 and less, how many tokens can be drawn?",
            {"    if top_p < 1:": "    if False:"},
        ),
        Mistake(
            "top-p chooses before top-k has cut, so that p is not of what is left",
            "Which cut comes first? What do the probabilities sum to when p is asked for?",
            {
                TOP_K: "",
                "    return probabilities": (
                    "    if top_k is not None and top_k < logits.shape[-1]:\n"
                    "        kept = probabilities.topk(top_k).indices\n"
                    "        left = torch.zeros_like(probabilities).scatter("
                    "-1, kept, probabilities.gather(-1, kept))\n"
                    "        probabilities = left / left.sum(-1, keepdim=True)\n"
                    "    return probabilities"
                ),
            },
        ),
        Mistake(
            "top-k comes after softmax, and what is left no longer sums to 1",
            "The others' share is struck out. Who gets it?",
            {
                TOP_K: "",
                "    if top_p < 1:\n": (
                    "    if top_k is not None:\n"
                    "        kept = probabilities.topk(min(top_k, logits.shape[-1])).indices\n"
                    "        stays = torch.zeros_like(probabilities).scatter(-1, kept, 1.0)\n"
                    "        probabilities = probabilities * stays\n"
                    "    if top_p < 1:\n"
                ),
            },
            source="trap 22",
        ),
        Mistake(
            "what top-p leaves no longer sums to 1",
            "The others' share is struck out. Who gets it?",
            {"nucleus / nucleus.sum(-1, keepdim=True)": "nucleus"},
            source="trap 22",
        ),
        Mistake(
            "top-p drops the token that crosses p, and what stays holds less than p",
            "Of .6 and .3, which are needed to hold .8? Is the second one still there?",
            {"descending.cumsum(-1) - descending < top_p": "descending.cumsum(-1) <= top_p"},
            source="https://github.com/rasbt/reasoning-from-scratch/issues/164",
        ),
        Mistake(
            "top-p drops the token that crosses p or meets it, and what stays holds less than p",
            "Of .6 and .3, which are needed to hold .8? Is the second one still there?",
            {"descending.cumsum(-1) - descending < top_p": "descending.cumsum(-1) < top_p"},
        ),
        Mistake(
            "top-p drops the token that crosses p, even where it is the only one",
            "Say the likeliest holds more than p by itself: who is left to draw from?",
            {
                "descending.cumsum(-1) - descending < top_p": "descending.cumsum(-1) <= top_p",
                "        stays[..., 0] = True\n": "",
            },
        ),
        Mistake(
            "top-p drops the token that crosses p or meets it, even where it is the only one",
            "Say the likeliest holds more than p by itself: who is left to draw from?",
            {
                "descending.cumsum(-1) - descending < top_p": "descending.cumsum(-1) < top_p",
                "        stays[..., 0] = True\n": "",
            },
        ),
        Mistake(
            "top-p looks at the probabilities before the temperature has changed them",
            "What is drawn from are the probabilities after the temperature. Which ones does p "
            "speak of?",
            {
                "    if top_p < 1:\n        descending, order = probabilities.sort": (
                    "    if top_p < 1:\n"
                    "        untouched, order = logits.softmax(-1).sort"
                ),
                "        stays = descending.cumsum(-1) - descending < top_p": (
                    "        descending = probabilities.gather(-1, order)\n"
                    "        stays = untouched.cumsum(-1) - untouched < top_p"
                ),
            },
            source="trap 22",
        ),
        Mistake(
            "top-p keeps the least likely tokens",
            "Sorted which way round? The first one has to be the likeliest.",
            {"descending=True": "descending=False"},
        ),
        Mistake(
            "the probabilities stay sorted, and no longer belong to their tokens",
            "Token 0 is still the first logit. Where does the sorted row put it?",
            {"torch.zeros_like(probabilities).scatter(-1, order, descending * stays)": (
                "descending * stays"
            )},
        ),
        Mistake(
            "one token too many stays under top-k",
            "With top_k=1, how many tokens can be drawn?",
            {"logits.topk(top_k)": "logits.topk(top_k + 1)"},
        ),
        Mistake(
            "what is as likely as the last of the top k stays, too",
            "Logits 2, 1, 1 and 0, top_k=2: how many are at least as large as the second? "
            "topk also gives indices.",
            {
                "        kept = logits.topk(top_k).indices\n"
                "        logits = torch.full_like(logits, -math.inf).scatter("
                "-1, kept, logits.gather(-1, kept))\n": (
                    "        least = logits.topk(top_k).values[..., -1:]\n"
                    "        logits = logits.masked_fill(logits < least, -math.inf)\n"
                ),
            },
        ),
        Mistake(
            "top-p goes on where p is already held, by one token too many",
            "Four tokens of .25, top_p=.5: how many hold it? Is that “less than” or “at most”?",
            {"- descending < top_p": "- descending <= top_p"},
        ),
        Mistake(
            "top-p asks each token for p by itself, not the likeliest for p together",
            "Of .6, .3 and less, none has .8. Which ones have it together?",
            {
                "descending.cumsum(-1) - descending < top_p": "descending >= top_p",
                "        stays[..., 0] = True\n": "",
            },
        ),
        Mistake(
            "top-p asks each token for p by itself, and keeps the likeliest if none has it",
            "Of .6, .3 and less, none has .8. Which ones have it together?",
            {"descending.cumsum(-1) - descending < top_p": "descending >= top_p"},
        ),
        Mistake(
            "the probabilities are added up as they stand, without being sorted first",
            "Top-p keeps the fewest. Which tokens have to come first in the sum?",
            {
                "probabilities.sort(descending=True, stable=True)": (
                    "(probabilities, torch.arange(probabilities.shape[-1])"
                    ".expand_as(probabilities))"
                )
            },
        ),
    ),
)  # fmt: skip


@next_token_probabilities.inputs
def _controls(rng: Generator) -> dict[str, dict[str, Any]]:
    def draw(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
        return torch.tensor(rng.normal(scale=2, size=shape), dtype=dtype)

    # The likeliest holds .6 and the second .3 in an order that changes: 0.8 needs both.
    shares = np.array([0.05, 0.6, 0.03, 0.3, 0.02])[rng.permutation(5)]
    known = torch.tensor(np.log(shares))
    return {
        "four logits, no control": {"logits": draw(4)},
        "temperature 0.5": {"logits": draw(5), "temperature": 0.5},
        "temperature 3": {"logits": draw(5), "temperature": 3.0},
        # 32 bits, as in the lesson: a one-hot vector by .float() is right there.
        "temperature 0": {"logits": draw(2, 5, dtype=torch.float32), "temperature": 0.0},
        "the two likeliest of six": {"logits": draw(6), "top_k": 2},
        "top_k beyond the vocabulary": {"logits": draw(3), "top_k": 7},
        "the likeliest alone": {"logits": draw(2, 6), "top_k": 1},
        "shares of .6, .3 and less, top_p .8": {"logits": known, "top_p": 0.8},
        # Of all five, .6 and .3 do not hold .92; of the three that are left, they do.
        "shares of .6, .3 and less, top_k 3, top_p .92": {
            "logits": known,
            "top_k": 3,
            "top_p": 0.92,
        },
        "top_p .8 at temperature 3": {"logits": known, "temperature": 3.0, "top_p": 0.8},
        "top_p too small for any token": {"logits": draw(4), "top_p": 1e-6},
        "logits 2, 1, 1 and 0, top_k 2": {"logits": _double(2, 1, 1, 0), "top_k": 2},
        "four equal logits, top_p .5": {"logits": _double(1, 1, 1, 1), "top_p": 0.5},
        "two equal logits, temperature 0": {
            "logits": _double(1, 1, 0).float(),
            "temperature": 0.0,
        },
        "a forbidden token": {
            "logits": torch.tensor([1.0, -math.inf, 0.3, -2.0], dtype=torch.float64),
            "temperature": 2.0,
        },
        "a batch of 2 × 3 with all three": {
            "logits": draw(2, 3, 11, dtype=torch.float32),
            "temperature": 1.7,
            "top_k": 7,
            "top_p": 0.9,
        },
    }


def _double(*falling: float) -> torch.Tensor:
    return torch.tensor(falling, dtype=torch.float64)


@next_token_probabilities.probe
def _sorted_where_logits_are_equal(
    candidate: Any, *, logits: torch.Tensor, **controls: float
) -> Any:
    """Which of several equals is kept is free: there, the logits fall, and so do the results."""
    found = candidate(logits, **controls)
    if logits.ndim > 1 or len(logits.unique()) == len(logits) or not torch.is_tensor(found):
        return found
    return found.sort(descending=True).values


@next_token_probabilities.property("probabilities sum to 1")
def _sum_to_one(_: SimpleNamespace, found: Any) -> str | None:
    if np.isnan(found).any():
        return "a probability is nan"
    sums = found.sum(-1)
    worst = np.abs(sums - 1).argmax()
    wrong = sums.reshape(-1)[worst]
    return None if abs(wrong - 1) <= ROUNDING else f"they sum to {wrong:.2f}"


@next_token_probabilities.property("the likeliest token stays the likeliest")
def _order_is_kept(given: SimpleNamespace, found: Any) -> str | None:
    top = given.logits.argmax(-1)
    kept = np.take_along_axis(found, top[..., None], -1)[..., 0] >= found.max(-1) - ROUNDING
    if kept.all():
        return None
    return f"token {int(top.reshape(-1)[0])} has the highest logit, and another one most"


@next_token_probabilities.property("no more than top_k tokens are left")
def _at_most_k(given: SimpleNamespace, found: Any) -> str | None:
    allowed = getattr(given, "top_k", None)
    if allowed is None:
        return None
    most = int((found > 0).sum(-1).max())
    return None if most <= allowed else f"{most} tokens can be drawn, top_k is {allowed}"
