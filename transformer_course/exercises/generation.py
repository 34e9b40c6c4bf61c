"""What lesson 08 asks for, with three stars: writing with a cache.

Builds on: generation, engine.  Lacks: sampling (heads).
"""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from transformer_course.engine.exercise import Exercise, Mistake

extend = Exercise(
    "generation.extend",
    lesson="08",
    level=3,
    minutes=15,
    stub="""def extend(model, ids, max_new_tokens, choose):
    # ids (batch, length): what there is to read
    # choose(logits of the last position, (batch, vocab)) → (batch, 1): the next tokens
    # model.new_cache(capacity) makes a cache for so many tokens
    # model(new_ids, cache=cache).logits (batch, new, vocab): reads new_ids after all it has read
    # → ids with max_new_tokens more, or fewer if choose returns None, which ends the text
    ...
""",
    start="Make a cache that has room for all, read the ids with it, and look at the last logits.",
    hints=(
        "The first reading takes the whole of ids. What has the model not read yet when it is to "
        "write the second token?",
        "Keep two things: ids, which grows by one token each time, and the newest, which is all "
        "that goes into the model. One cache lasts for the whole text.",
        "In a loop of max_new_tokens turns: logits of the last position, [:, -1]; choose; leave "
        "if it is None; torch.cat along axis 1.",
    ),
    unlocks="From now on this lesson's model writes with your loop.",
    mistakes=(
        Mistake(
            "what was read already is read again, into the same cache",
            "The cache knows all earlier tokens. Which ids are new at the second turn?",
            {"model(newest, cache=cache)": "model(ids, cache=cache)"},
            source="trap 22",
        ),
        Mistake(
            "the text is right, but its last token is read as well, for nothing",
            "Nobody asks what comes after it, and in a full context it has no room left: read "
            "first in each turn, then choose.",
            {
                "    newest = ids\n": (
                    "    newest = ids\n    logits = model(newest, cache=cache).logits[:, -1]\n"
                ),
                "        logits = model(newest, cache=cache).logits[:, -1]\n        chosen": (
                    "        chosen"
                ),
                "        ids = torch.cat((ids, newest), dim=1)\n": (
                    "        ids = torch.cat((ids, newest), dim=1)\n"
                    "        logits = model(newest, cache=cache).logits[:, -1]\n"
                ),
            },
        ),
        Mistake(
            "the whole text is read again for every token, without the cache",
            "The right text, but each token costs as much as all before it. Who remembers them?",
            {"model(newest, cache=cache)": "model(ids)"},
            source="trap 22",
        ),
        Mistake(
            "every turn starts with an empty cache, and each new token stands alone",
            "Where did the old cache go, and what was in it?",
            {
                "cache=cache": "cache=model.new_cache(ids.shape[1] + max_new_tokens)",
            },
            source="trap 22",
        ),
        Mistake(
            "the cache has room for 64 tokens, whatever the lengths",
            "How long does the text become? ids and max_new_tokens say so.",
            {"model.new_cache(ids.shape[1] + max_new_tokens)": "model.new_cache(64)"},
        ),
        Mistake(
            "it looks at the first position's logits",
            "Which position says what comes after the whole text?",
            {".logits[:, -1]": ".logits[:, 0]"},
            source="trap 21",
        ),
        Mistake(
            "it always takes the likeliest token",
            "Who was to choose? The caller may want to draw.",
            {"        newest = chosen": "        newest = logits.argmax(-1, keepdim=True)"},
            source="trap 21",
        ),
        Mistake(
            "new tokens are put in front of the text",
            "In which order does torch.cat join what it is given?",
            {"torch.cat((ids, newest), dim=1)": "torch.cat((newest, ids), dim=1)"},
        ),
        Mistake(
            "the new tokens come back without the text before them",
            "ids grows. What is returned at the end?",
            {"    return ids": "    return ids[:, -max_new_tokens:]"},
        ),
        Mistake(
            "only what was written is returned, without the text that was read",
            "ids grows. What is returned at the end?",
            {
                "    newest = ids\n": "    newest, read = ids, ids.shape[1]\n",
                "    return ids": "    return ids[:, read:]",
            },
        ),
        Mistake(
            "one token too many",
            "How many turns does the loop make?",
            {"range(max_new_tokens)": "range(max_new_tokens + 1)"},
        ),
        Mistake(
            "one token too few",
            "How many turns does the loop make?",
            {"range(max_new_tokens)": "range(max_new_tokens - 1)"},
        ),
    ),
)

VOCAB_SIZE = 11


@extend.inputs
def _texts(rng: Generator) -> dict[str, dict[str, Any]]:
    def case(batch: int, length: int, max_new_tokens: int, **rest: int) -> dict[str, Any]:
        return {
            "ids": torch.tensor(rng.integers(VOCAB_SIZE, size=(batch, length))),
            "max_new_tokens": max_new_tokens,
            "mixing": torch.tensor(rng.normal(size=(VOCAB_SIZE, VOCAB_SIZE))),
            "rank": 0,
            "turns": 99,
            **rest,
        }

    return {
        "one new token": case(1, 3, 1),
        "four new tokens": case(1, 3, 4),
        "from a single token": case(1, 1, 5),
        "three texts at once": case(3, 4, 4),
        "the second likeliest token each time": case(2, 4, 3, rank=1),
        "a text that ends after two tokens": case(1, 3, 5, turns=2),
        "more than 64 tokens": case(2, 60, 9),
    }


@dataclass
class _Cache:
    """Stands in for a cache: what was read, and how much of it there may be."""

    capacity: int
    ids: Tensor | None = None

    @property
    def length(self) -> int:
        """Number of tokens read, as in the model's own."""
        return 0 if self.ids is None else self.ids.shape[1]


class _Reader:
    """Stands in for a model: its logits depend on all tokens read, and it notes what it reads."""

    def __init__(self, mixing: Tensor) -> None:
        self.mixing = mixing
        self.read: list[int] = []
        self.too_many = 0

    def new_cache(self, capacity: int) -> _Cache:
        return _Cache(capacity)

    def __call__(self, ids: Tensor, cache: Any = None) -> SimpleNamespace:
        self.read.append(ids.shape[1])
        known = None if cache is None else cache.ids
        whole = ids if known is None else torch.cat((known, ids), dim=1)
        if cache is not None:
            cache.ids = whole
            self.too_many = max(self.too_many, whole.shape[1] - cache.capacity)
        age = torch.arange(1, whole.shape[1] + 1, dtype=self.mixing.dtype)[:, None]
        state = (self.mixing[whole] * age.sqrt()).cumsum(1)
        return SimpleNamespace(logits=(state @ self.mixing)[:, -ids.shape[1] :])


@extend.probe
def _written(
    candidate: Any, *, ids: Tensor, max_new_tokens: int, mixing: Tensor, rank: int, turns: int
) -> dict[str, Any] | None:
    reader = _Reader(mixing)
    left = iter(range(turns))
    asked: list[Tensor] = []
    chosen: list[Tensor] = []

    def choose(logits: Tensor) -> Tensor | None:
        best = logits.argsort(-1, descending=True)[:, rank : rank + 1]
        asked.append(logits)
        if next(left, None) is None:
            return None
        chosen.append(best)
        return best

    written = candidate(reader, ids, max_new_tokens, choose)
    if written is None:
        return None
    return {
        "ids": written,
        "read": reader.read,
        "too many": max(0, reader.too_many),
        "asked": asked,
        "chosen": chosen,
    }


@extend.property("one token is chosen a turn", form=True)
def _one_a_turn(given: SimpleNamespace, found: Any) -> str | None:
    times, wanted = len(found["asked"]), min(given.max_new_tokens, given.turns + 1)
    if times == wanted:
        return None
    often = {0: "never called", 1: "called once"}.get(times, f"called {times} times")
    return f"`choose` is {often}, expected {wanted}"


@extend.property("each token is read once")
def _read_once(given: SimpleNamespace, found: Any) -> str | None:
    first, *rest = found["read"] or [0]
    if first != given.ids.shape[1]:
        return f"the first reading took {first} tokens of {given.ids.shape[1]}"
    if any(count != 1 for count in rest):
        return f"it read {found['read']} tokens, turn by turn"
    return None


@extend.property("the cache has room for all tokens")
def _room(_: SimpleNamespace, found: Any) -> str | None:
    too_many = found["too many"]
    return f"the cache was handed {too_many} more than it has room for" if too_many else None


@extend.property("what was read stands first, what was chosen behind it")
def _written_behind(given: SimpleNamespace, found: Any) -> str | None:
    length = given.ids.shape[1]
    if not np.array_equal(found["ids"][:, :length], given.ids):
        return "what is returned does not begin with the ids that were given"
    if not np.array_equal(found["ids"][:, length:], np.concatenate(found["chosen"], axis=1)):
        return "what stands behind the given ids is not what choose returned"
    return None


@extend.property("choose gets the last position's logits")
def _logits_of_the_last(given: SimpleNamespace, found: Any) -> str | None:
    whole = np.concatenate((given.ids, *found["chosen"]), axis=1)
    age = np.arange(1, whole.shape[1] + 1)[:, None]
    logits = (given.mixing[whole] * np.sqrt(age)).cumsum(1) @ given.mixing
    for turn, asked in enumerate(found["asked"]):
        if not np.allclose(asked, logits[:, given.ids.shape[1] + turn - 1]):
            return (
                f"in turn {turn + 1}, choose gets other logits than the last position's, after "
                "all that was read and written"
            )
    return None
