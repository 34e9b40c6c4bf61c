"""What lesson 03 asks for third: the loss of skip-gram with negative sampling.

Builds on: word_vectors, engine.  Lacks: the pairs that it is taught (embeddings_pairs).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import gradient

FAR = 100.0
"""Of scores farther off than this the logarithm of σ is next to the score itself."""

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
    unlocks="From here on it trains this lesson's vectors, unless it is much slower than ours.",
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
            "there is one number a pair, not one for all of them",
            "Gradients are of one number. How do the losses of the pairs become one?",
            {"drawn).mean()": "drawn)"},
        ),
        Mistake(
            "the word in the middle is cut off from the noise",
            "The loss is right. Whom does a noise word push away if .detach() stands between?",
            {"-centre @ noise.T": "-centre.detach() @ noise.T"},
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

    large, loud = case(3, 2, 4), case(1, 2, 4)
    large["context"] = -500 * large["centre"]
    loud["noise"] = torch.tensor([[500.0], [300.0]], dtype=torch.float64) * loud["centre"]
    return {
        "one pair, one noise word": case(1, 1, 2, num_negatives=1.0),
        "three pairs, five noise words": case(3, 5, 4),
        "two pairs, against 15 noise words each": case(2, 3, 5, num_negatives=15.0),
        "real pairs with scores far below 0": large,
        "noise with scores far above 0": loud,
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


@skip_gram_loss.property("a score far on the wrong side costs what it is off")
def _not_cut_off(given: SimpleNamespace, found: Any) -> str | None:
    real = (given.centre * given.context).sum(-1)
    drawn = given.centre @ given.noise.T
    off = max(-real.min(), drawn.max())
    # −log σ(x) is never below −x. Near 0 this says nothing.
    least = np.maximum(-real, 0).mean() + 5 * np.maximum(drawn, 0).mean()
    loss = float(found["loss"])
    if off < FAR or loss >= 0.999 * least:
        return None
    return f"scores that are off by up to {off:,.0f} cost {loss:,.1f}, and −log σ(−x) is above x"


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
