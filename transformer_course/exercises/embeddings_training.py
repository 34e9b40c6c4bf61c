"""What lesson 03 asks for, second half: the loss of skip-gram, and the pairs that it is taught.

Builds on: word_vectors, engine.  Lacks: lookup and neighbours (embeddings).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch.overrides import TorchFunctionMode

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import gradient

skip_gram_loss = Exercise(
    "word_vectors.skip_gram_loss",
    lesson="03",
    level=2,
    minutes=10,
    stub="""def skip_gram_loss(centre, context, noise, num_negatives=5.0):
    # centre, context (pairs, d_model): row i of both is a pair that stood together in the text
    # noise (noise words, d_model): words drawn at random; every pair meets all of them
    # → one number: the mean over the pairs of
    #   −log σ(centre · context) − num_negatives · (mean over the noise of log σ(−centre · noise))
    ...
""",
    start="Begin with the real pairs: one dot product for each, row by row.",
    hints=(
        "Two tables of scores: one number a pair for what is real, one number for each pair and "
        "noise word for what was drawn. Which one is a matrix product?",
        "(centre * context).sum(-1) has a score a pair, centre @ noise.T one for each pair and "
        "noise word. F.logsigmoid is log σ and stays finite where σ itself is 0.",
        "Real scores are to be high, drawn ones low: the drawn get a minus inside logsigmoid. "
        "Mean over the noise (axis −1), times num_negatives; add the real ones; mean over the "
        "pairs; minus all of it.",
    ),
    unlocks="From here on this lesson's vectors are trained by your loss.",
    mistakes=(
        Mistake(
            "the noise is pulled near, as real pairs are",
            "σ(score) is the probability that a pair is real. What is wanted of the noise?",
            {"-centre @ noise.T": "centre @ noise.T"},
            source="https://github.com/kefirski/pytorch_NEG_loss/issues/5",
        ),
        Mistake(
            "log and sigmoid are taken one after the other",
            "What is σ(−200) in a computer, and its logarithm? One function does both at once.",
            {
                "F.logsigmoid((centre * context).sum(-1))": (
                    "torch.sigmoid((centre * context).sum(-1)).log()"
                ),
                "F.logsigmoid(-centre @ noise.T)": "torch.sigmoid(-centre @ noise.T).log()",
            },
            source="https://github.com/pytorch/pytorch/issues/1835",
        ),
        Mistake(
            "the noise is compared with the words beside, not with those in the middle",
            "Both the real and the drawn words come from one table. Who is paired with them?",
            {"-centre @ noise.T": "-context @ noise.T"},
        ),
        Mistake(
            "every word in the middle meets the contexts of all pairs",
            "Pair 1 stood in the text; word 1 beside the context of pair 2 did not.",
            {"(centre * context).sum(-1)": "centre @ context.T"},
        ),
        Mistake(
            "the noise is summed, not averaged",
            "With twice as many noise words, should they weigh twice as much?",
            {".mean(-1)": ".sum(-1)"},
        ),
        Mistake(
            "the scores of the noise are averaged before logsigmoid",
            "Each noise word is a question of its own. What is averaged: scores or logarithms?",
            {
                "F.logsigmoid(-centre @ noise.T).mean(-1)": (
                    "F.logsigmoid((-centre @ noise.T).mean(-1))"
                )
            },
            source="https://github.com/DSKSD/DeepNLP-models-Pytorch/issues/15",
        ),
        Mistake(
            "the factor `num_negatives` is left out",
            "How many noise words is a real pair weighed against?",
            {"num_negatives * drawn": "drawn"},
        ),
        Mistake(
            "the noise weighs 5, whatever `num_negatives` says",
            "5 is what num_negatives is if nobody says otherwise. Who says how much it is?",
            {"num_negatives * drawn": "5.0 * drawn"},
        ),
        Mistake(
            "the loss is summed over the pairs",
            "With twice the batch, should a step be twice as long?",
            {"drawn).mean()": "drawn).sum()"},
        ),
        Mistake(
            "the sign is turned: the better the vectors, the higher the loss",
            "An optimiser goes downhill. What is a logarithm of a probability at best?",
            {"return -(real": "return (real"},
        ),
        Mistake(
            "the logarithm is left out",
            "Probabilities of 0.01 and 0.0001 are both wrong. Which of the two should cost more?",
            {
                "F.logsigmoid((centre * context).sum(-1))": (
                    "torch.sigmoid((centre * context).sum(-1))"
                ),
                "F.logsigmoid(-centre @ noise.T)": "torch.sigmoid(-centre @ noise.T)",
            },
        ),
    ),
)


@skip_gram_loss.inputs
def _pairs_and_noise(rng: Generator) -> dict[str, dict[str, Any]]:
    def draw(*shape: int) -> torch.Tensor:
        return torch.tensor(rng.normal(size=shape), dtype=torch.float64)

    def case(pairs: int, noise: int, width: int, **more: Any) -> dict[str, Any]:
        vectors = {"centre": draw(pairs, width), "context": draw(pairs, width)}
        return {**vectors, "noise": draw(noise, width), **more}

    large = case(3, 2, 4)
    large["context"] = -500 * large["centre"]
    return {
        "one pair, one noise word": case(1, 1, 2, num_negatives=1.0),
        "three pairs, five noise words": case(3, 5, 4),
        "two pairs, against 15 noise words each": case(2, 3, 5, num_negatives=15.0),
        "real pairs with scores far below 0": large,
    }


@skip_gram_loss.probe
def _loss_and_gradients(
    candidate: Any, *, centre: Any, context: Any, noise: Any, **options: Any
) -> dict[str, Any]:
    leaves = [tensor.clone().requires_grad_() for tensor in (centre, context, noise)]
    loss = candidate(*leaves, **options)
    flown = gradient(loss, *leaves) or [None] * len(leaves)
    return {
        "loss": loss,
        "flows": [one is not None for one in flown],
        "gradients": [
            torch.zeros_like(leaf) if one is None else one
            for leaf, one in zip(leaves, flown, strict=True)
        ],
    }


@skip_gram_loss.property("above 0, and finite")
def _positive(_: SimpleNamespace, found: Any) -> str | None:
    loss = float(found["loss"])
    if not np.isfinite(loss):
        return f"the loss is {loss}"
    return None if loss > 0 else f"the loss is {loss:.3f}"


@skip_gram_loss.property("gradients flow to all three")
def _flows(_: SimpleNamespace, found: Any) -> str | None:
    names = ("centre", "context", "noise")
    lost = [name for name, flows in zip(names, found["flows"], strict=True) if not flows]
    if len(lost) == len(names):
        return "no gradient flows back from the loss"
    return f"no gradient reaches `{lost[0]}`" if lost else None


@skip_gram_loss.workload
def _loss_in_training(candidate: Any) -> Any:
    centre, context = (draw.requires_grad_() for draw in torch.ones(2, 4096, 64))
    return candidate(centre, context, torch.ones(64, 64, requires_grad=True))


_LOOP = """    pairs = [torch.empty((2, 0), dtype=ids.dtype)]
    for distance in range(1, int(reach.max()) + 1):
        for beside in (places - distance, places + distance):
            kept = (beside >= 0) & (beside < len(ids)) & (reach >= distance)
            pairs.append(torch.stack((ids[kept], ids[beside[kept]])))
    centres, contexts = torch.cat(pairs, dim=1)
"""

_TABLE = """    distance = (places[:, None] - places).abs()
    near = (distance > 0) & (distance <= reach[:, None])
    middle, beside = near.nonzero(as_tuple=True)
    centres, contexts = ids[middle], ids[beside]
"""

LONG = 2_000
"""Words of the longest text: few enough to try a table of all against all, and tell of it."""

PLAYS = 515_606
"""Words of the plays once the frequent ones are thinned out, in the first pass of lesson 03."""

window_pairs = Exercise(
    "word_vectors.window_pairs",
    lesson="03",
    level=3,
    minutes=12,
    stub="""def window_pairs(ids, reach):
    # ids (length): a text in numbers
    # reach (length): how many places to either side each word looks
    # → two tensors (pairs): the word in the middle and the word beside it, for every pair;
    #   the order of the pairs is free
    # reach may be longer than the text, and the text half a million words:
    #   no table of all words against all words, no Python loop over the words
    ...
""",
    start="Begin with distance 1, to the right: word 0 with word 1, word 1 with word 2, …",
    hints=(
        "Take one distance at a time, and all words at once: torch.arange(len(ids)) are the "
        "places, places + distance those beside them.",
        "Three conditions keep a pair: the place beside is not below 0, not beyond the end, and "
        "the word in the middle reaches that far.",
        "For each distance from 1 to reach.max() and for both sides: beside = places ± distance; "
        "kept = the three conditions; collect ids[kept] and ids[beside[kept]], and join them with "
        "torch.cat at the end.",
    ),
    unlocks="From here on this lesson's vectors are trained on the pairs that yours finds.",
    mistakes=(
        Mistake(
            "each word is paired with itself, too",
            "At which distance does a word meet itself?",
            {"[torch.empty((2, 0), dtype=ids.dtype)]": "[torch.stack((ids, ids))]"},
        ),
        Mistake(
            "each word is paired with itself, too, and twice",
            "At which distance does a word meet itself, and that on both sides?",
            {"range(1, int": "range(0, int"},
        ),
        Mistake(
            "the largest distance is left out",
            "range(1, 5) ends with 4. Where does yours have to end?",
            {"int(reach.max()) + 1": "int(reach.max())"},
        ),
        Mistake(
            "the last place of the window to the right is left out",
            "range(a, b) ends before b. Which word is the last one to the right?",
            {"(reach >= distance)": "(reach >= distance + (beside > places).long())"},
        ),
        Mistake(
            "places in the text are returned, not words",
            "A place tells where; which word stands there?",
            {"ids[kept], ids[beside[kept]]": "places[kept], beside[kept]"},
        ),
        Mistake(
            "a table of all words against all words is made",
            "Few words are near a word. How can all words be looked at, one distance at a time?",
            {_LOOP: _TABLE},
        ),
        Mistake(
            "only words to the right are paired",
            "A word is known by its company on both sides.",
            {"(places - distance, places + distance)": "(places + distance,)"},
        ),
        Mistake(
            "the text is bent into a ring: its first words meet its last",
            "What is at place −1 of a text, and what does Python take it for?",
            {
                "(beside >= 0) & (beside < len(ids)) & (reach >= distance)": "reach >= distance",
                "ids[beside[kept]]": "ids[beside[kept] % len(ids)]",
            },
        ),
        Mistake(
            "middle and beside have changed roles: the reach of the word beside decides",
            "Does reach belong to the word in the middle, and does that one come first in what "
            "you return?",
            {"return centres, contexts": "return contexts, centres"},
        ),
        Mistake(
            "the window is one place too narrow",
            "With a reach of 1, is the word next door seen?",
            {"(reach >= distance)": "(reach > distance)"},
        ),
        Mistake(
            "every word looks as far as the one that looks farthest",
            "reach has a number for each word. Where does it enter?",
            {" & (reach >= distance)": ""},
        ),
    ),
)


@window_pairs.inputs
def _texts(rng: Generator) -> dict[str, dict[str, Any]]:
    def text(length: int, *reach: int) -> dict[str, Any]:
        return {"ids": torch.arange(length) + 10, "reach": torch.tensor(reach)}

    return {
        "three words, one place to either side": text(3, 1, 1, 1),
        "five words of unlike reach": text(5, 1, 3, 1, 2, 1),
        "two words that look farther than the text is long": text(2, 4, 4),
        "fifteen words, some of them the same": {
            "ids": torch.tensor(rng.integers(6, size=15)),
            "reach": torch.tensor(rng.integers(1, 5, size=15)),
        },
        f"{LONG:,} words, too many for a loop over all pairs of them": {
            "ids": torch.tensor(rng.integers(97, size=LONG)),
            "reach": torch.tensor(rng.integers(1, 6, size=LONG)),
        },
    }


class _LargestTensor(TorchFunctionMode):
    """Notes how many numbers the largest tensor has that is made inside of it."""

    largest = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.largest = max(self.largest, result.numel())
        return result


@window_pairs.probe
def _sorted_pairs(candidate: Any, *, ids: Any, reach: Any) -> dict[str, Any]:
    with _LargestTensor() as made:
        middle, beside = candidate(ids, reach)
    kinds = [type(one).__name__ for one in (middle, beside)]
    lists = [
        one.tolist() if isinstance(one, torch.Tensor) else list(one) for one in (middle, beside)
    ]
    # Sizes of honest tables differ, and are nobody's business.
    squared = len(ids) == LONG and made.largest >= len(ids) ** 2 / 2
    return {
        "kinds": kinds,
        # In one order, whichever they were found in.
        "pairs": sorted(map(list, zip(*lists, strict=True))),
        "largest table": made.largest if squared else 0,
    }


@window_pairs.property("two tensors")
def _two_tensors(_: SimpleNamespace, found: Any) -> str | None:
    other = [kind for kind in found["kinds"] if kind != "Tensor"]
    return f"it returns a {other[0]} where a tensor is asked for" if other else None


@window_pairs.property("as many pairs as the windows hold")
def _how_many(given: SimpleNamespace, found: Any) -> str | None:
    length, pairs = len(given.ids), len(found["pairs"])
    wanted = sum(
        min(reach, place) + min(reach, length - 1 - place)
        for place, reach in enumerate(given.reach.tolist())
    )
    return None if pairs == wanted else f"{pairs} pairs, where the windows hold {wanted}"


@window_pairs.property("no table of all words against all words")
def _no_square(given: SimpleNamespace, found: Any) -> str | None:
    size, length = found["largest table"], len(given.ids)
    if not size:
        return None
    whole = size * PLAYS**2 // length**2
    return (
        f"for {length:,} words a table of {size:,} numbers is made; for {PLAYS:,} words it "
        f"would have {whole / 1e9:.0f} billion"
    )


@window_pairs.workload
def _pairs_in_training(candidate: Any) -> Any:
    ids, reach = torch.arange(20_000) % 97, torch.arange(20_000) % 5 + 1
    middle, beside = candidate(ids, reach)
    table = torch.ones(97, requires_grad=True)
    return (table[middle] * table[beside]).sum()
