"""What lesson 08 asks for first: a norm.

Builds on: blocks, engine.  Lacks: the block that uses it (blocks).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import ROUNDING, gradient

layer_norm = Exercise(
    "blocks.LayerNorm",
    lesson="08",
    level=1,
    minutes=8,
    forbidden=(
        nn.functional.layer_norm,
        torch.layer_norm,
        torch.native_layer_norm,
        torch.batch_norm,
    ),
    stub="""class LayerNorm(nn.Module):
    def __init__(self, d_model, epsilon=1e-5):
        super().__init__()
        # self.weight and self.bias: d_model learned numbers each, at first 1 and 0
        self.epsilon = epsilon

    def forward(self, vectors):
        # vectors (…, d_model) → each brought to mean 0 and variance 1, then · weight + bias
        ...
""",
    start="Begin with __init__: nn.Parameter makes a tensor that an optimiser will move.",
    hints=(
        "A vector of d_model numbers has one mean and one variance. Over which axis are they "
        "taken, and which shape do they need, to be subtracted again?",
        "vectors.mean(-1, keepdim=True), and .var likewise with unbiased=False: divided by "
        "d_model, not by d_model − 1.",
        "epsilon keeps the root away from 0, so it is added to the variance before the root is "
        "taken. The weight multiplies last, then the bias is added.",
    ),
    unlocks="From now on every norm of this lesson's model is yours, if it is quick enough.",
    mistakes=(
        Mistake(
            "the variance is divided by d_model − 1",
            "torch's var corrects for a sample unless it is told not to. What is wanted here?",
            {", unbiased=False": ""},
            source="trap 20",
        ),
        Mistake(
            "epsilon is added after the root",
            "What is the paper's denominator: √(σ² + ε), or √σ² + ε?",
            {"(variance + self.epsilon).sqrt()": "(variance.sqrt() + self.epsilon)"},
            source="trap 20",
        ),
        Mistake(
            "epsilon is added to the deviation, not to the variance",
            "What is the paper's denominator: √(σ² + ε), or σ + ε?",
            {
                "vectors.var(": "vectors.std(",
                "(variance + self.epsilon).sqrt()": "(variance + self.epsilon)",
            },
        ),
        Mistake(
            "mean and variance are taken over all numbers, not for each vector",
            "Each vector is brought to mean 0 by itself. Which axis are a vector's own numbers?",
            {
                "mean(-1, keepdim=True)": "mean()",
                "var(-1, keepdim=True, unbiased=False)": "var(unbiased=False)",
            },
        ),
        Mistake(
            "mean and variance let no gradient through",
            "The numbers are right. But a vector that changes changes its mean, too: no detach, "
            "no no_grad.",
            {"vectors.mean(": "vectors.detach().mean(", "vectors.var(": "vectors.detach().var("},
        ),
        Mistake(
            "epsilon is left out",
            "What becomes of a vector whose numbers are all the same?",
            {"(variance + self.epsilon).sqrt()": "variance.sqrt()"},
            source="trap 20",
        ),
        Mistake(
            "the root is missing: it divides by the variance",
            "Which of the two has the same unit as the numbers, variance or standard deviation?",
            {"(variance + self.epsilon).sqrt()": "(variance + self.epsilon)"},
        ),
        Mistake(
            "mean and variance run over the positions, not over the width",
            "Each vector is brought to mean 0 by itself. Which axis are a vector's own numbers?",
            {"mean(-1, ": "mean(-2, ", "var(-1, ": "var(-2, "},
            source="trap 20",
        ),
        Mistake(
            "the mean stays",
            "Without taking the mean off this is another norm, RMSNorm. What has to be 0?",
            {"(vectors - mean)": "vectors"},
            source="trap 20",
        ),
        Mistake(
            "the bias is not added",
            "Two things are learned. Where does the second one enter?",
            {" * self.weight + self.bias": " * self.weight"},
        ),
        Mistake(
            "weight and bias take no part in the result",
            "They are made in __init__. Where does forward use them?",
            {" * self.weight + self.bias": ""},
        ),
        Mistake(
            "the weight is not multiplied",
            "Two things are learned. Where does the first one enter?",
            {" * self.weight + self.bias": " + self.bias"},
        ),
        Mistake(
            "the bias is multiplied by the weight, too",
            "The weight multiplies first. What is added last, as it is?",
            {"normal * self.weight + self.bias": "(normal + self.bias) * self.weight"},
        ),
        Mistake(
            "weight and bias are one number each, not d_model",
            "Each of the d_model numbers is scaled and shifted by itself. How many are learned?",
            {"torch.ones(d_model)": "torch.ones(1)", "torch.zeros(d_model)": "torch.zeros(1)"},
        ),
        Mistake(
            "weight and bias are no parameters",
            "An optimiser moves what parameters() lists. What makes a tensor one of them?",
            {
                "nn.Parameter(torch.ones(d_model))": "torch.ones(d_model)",
                "nn.Parameter(torch.zeros(d_model))": "torch.zeros(d_model)",
            },
        ),
        Mistake(
            "the weight starts at 0",
            "What comes out of a norm whose weight is 0, and what can flow back through it?",
            {"torch.ones(d_model)": "torch.zeros(d_model)"},
        ),
    ),
)


@layer_norm.inputs
def _vectors(rng: Generator) -> dict[str, dict[str, Any]]:
    def case(*shape: int, epsilon: float = 1e-5, spread: float = 1.0) -> dict[str, Any]:
        return {
            "vectors": torch.tensor(spread * (rng.normal(size=shape) + 2), dtype=torch.float32),
            "weight": torch.tensor(rng.normal(size=shape[-1]), dtype=torch.float32),
            "bias": torch.tensor(rng.normal(size=shape[-1]), dtype=torch.float32),
            "epsilon": epsilon,
        }

    alike = case(2, 5)
    # Small, as it is multiplied by 1/√epsilon: right answers differ in how that is rounded.
    alike["vectors"] = torch.full((2, 5), 0.25)
    return {
        "three vectors of width 4": case(3, 4),
        "a batch of 2 × 5 vectors": case(2, 5, 6),
        "with a large epsilon": case(2, 3, 5, epsilon=0.5),
        "numbers that are all the same": alike,
    }


@layer_norm.probe
def _normed_and_gradients(
    candidate: Any, *, vectors: Tensor, weight: Tensor, bias: Tensor, epsilon: float
) -> dict[str, Any] | None:
    layer = candidate(vectors.shape[-1], epsilon)
    fresh = layer(vectors)
    if fresh is None:
        return None
    learned = dict(layer.named_parameters())
    shapes = sorted(f"{name} {tuple(number.shape)}" for name, number in learned.items())
    # In place of what is there, whatever its shape: a wrong one is to be seen, not to stop here.
    layer.weight.data, layer.bias.data = weight.clone(), bias.clone()
    leaf = vectors.clone().requires_grad_()
    output = layer(leaf)
    # In whichever order they were made.
    leaves = [leaf, *(learned[name] for name in sorted(learned))]
    gradients = gradient(output, *leaves)
    return {
        "a fresh layer's answer": fresh,
        "output": output,
        "learned": shapes,
        "gradients": gradients
        and [
            torch.zeros_like(one) if found is None else found
            for one, found in zip(leaves, gradients, strict=True)
        ],
    }


@layer_norm.property("weight and bias can be learned")
def _has_parameters(given: SimpleNamespace, found: Any) -> str | None:
    names = [name.partition(" ")[0] for name in found["learned"]]
    if names == ["bias", "weight"]:
        width = f"({given.vectors.shape[-1]},)"
        wrong = [shape for shape in found["learned"] if not shape.endswith(f" {width}")]
        return f"its shape is wrong: {' and '.join(wrong)}, not {width}" if wrong else None
    return f"parameters() lists {names or 'nothing'}"


@layer_norm.property("mean 0 at the start")
def _mean_zero(_: SimpleNamespace, found: Any) -> str | None:
    means = np.abs(found["a fresh layer's answer"].mean(-1))
    return None if means.max() <= ROUNDING else f"a fresh layer leaves a mean of {means.max():.2f}"


@layer_norm.property("variance 1 at the start")
def _variance_one(given: SimpleNamespace, found: Any) -> str | None:
    if given.epsilon > ROUNDING or np.ptp(given.vectors) == 0:
        return None
    # A vector of little variance is left with less than 1: epsilon is added to the variance.
    variance = given.vectors.var(-1)
    worst = np.abs(
        found["a fresh layer's answer"].var(-1) - variance / (variance + given.epsilon)
    ).max()
    return None if worst <= 1e-3 else f"a fresh layer leaves a variance that is off by {worst:.2f}"


@layer_norm.property("then · weight, then + bias")
def _scaled_and_shifted(given: SimpleNamespace, found: Any) -> str | None:
    if np.allclose(
        found["output"],
        found["a fresh layer's answer"] * given.weight + given.bias,
        atol=ROUNDING,
    ):
        return None
    return "with another weight and bias, the result is not normal · weight + bias"


@layer_norm.workload
def _norm_in_training(candidate: Any) -> Any:
    return candidate(128)(torch.ones(12, 64, 128, requires_grad=True)).sum()
