"""What lesson 07 asks for first: many vectors of a text made one, whatever padding holds.

Builds on: heads, engine.  Lacks: the loss (heads_loss), what is drawn from (heads_sampling).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import ROUNDING, gradient

mean_pooling = Exercise(
    "heads.mean_pooling",
    lesson="07",
    level=1,
    minutes=6,
    stub="""def mean_pooling(hidden, padding_mask):
    # hidden (batch, length, d_model): tensor, one vector a token
    # padding_mask (batch, length) of bool: True for real tokens, False for padding
    # → (batch, d_model), of hidden's dtype: of each text the mean over its real tokens
    ...
""",
    start="Begin with one text without padding: which axis do the tokens stand on?",
    hints=(
        "A mean is a sum divided by a count. Which vectors belong to the sum, and what is counted?",
        "Multiplied by 0, a vector adds nothing. The mask has two axes and hidden has three: "
        "padding_mask[..., None] has a third.",
        "The sum over axis 1 of hidden times the mask, divided by the mask's own sum over axis 1: "
        "the number of real tokens of each text.",
    ),
    unlocks="From now on this lesson's classifier sums a speech up with your function.",
    mistakes=(
        Mistake(
            "padding counts in the mean",
            "Does padding belong to the text? In which of the two, sum and count, does it still "
            "stand?",
            {"(hidden * real).sum(1) / real.sum(1)": "hidden.mean(1)"},
            source="https://github.com/huggingface/transformers/issues/17463",
        ),
        Mistake(
            "the sum is divided by the full length, padding included",
            "Two texts of three words, one padded to five. Over how many words is the mean?",
            {"/ real.sum(1)": "/ hidden.shape[1]"},
            source="trap 21",
        ),
        Mistake(
            "padding stands in the sum, and only the count leaves it out",
            "What has to become 0 before you add up?",
            {"(hidden * real).sum(1)": "hidden.sum(1)"},
            source="trap 21",
        ),
        Mistake(
            "the mask is read the other way round",
            "Here True means a real token. Some libraries' masks say True for padding.",
            {"padding_mask[..., None]": "(~padding_mask)[..., None]"},
            source="trap 4",
        ),
        Mistake(
            "the vectors are added up, not averaged",
            "Should a text of twice as many words have a vector twice as long?",
            {" / real.sum(1)": ""},
        ),
        Mistake(
            "every text is divided by the number of real tokens in the whole batch",
            "Whose tokens are counted: those of one text, or of all?",
            {"real.sum(1)": "real.sum()"},
        ),
        Mistake(
            "the mean runs over the features of each token, not over the tokens",
            "Axis 0 are texts, 1 tokens, 2 features. Which one has to disappear?",
            {"(hidden * real).sum(1) / real.sum(1)": "(hidden * real).mean(2)"},
        ),
        Mistake(
            "the mean runs over the texts of the batch, not over the tokens of each",
            "Axis 0 are texts, 1 tokens, 2 features. Which one has to disappear?",
            {"(hidden * real).sum(1) / real.sum(1)": "hidden.mean(0)"},
        ),
        Mistake(
            "real tokens whose vector is all 0 are left out like padding",
            "“The” had the vector (0, 0), and is a word. What alone says who is padding?",
            {"padding_mask[..., None]": "(padding_mask & hidden.any(-1))[..., None]"},
        ),
    ),
)


@mean_pooling.inputs
def _padded_texts(rng: Generator) -> dict[str, dict[str, Any]]:
    def case(batch: int, lengths: list[int], d_model: int, *, left: bool = False) -> dict[str, Any]:
        longest = max(lengths)
        hidden = torch.tensor(rng.normal(size=(batch, longest, d_model)), dtype=torch.float32)
        places = torch.arange(longest)
        count = torch.tensor(lengths)[:, None]
        mask = places >= longest - count if left else places < count
        return {"hidden": hidden, "padding_mask": mask}

    with_zeros = case(2, [5, 3], 4)
    with_zeros["hidden"][:, 0] = 0
    return {
        "one text of three tokens": case(1, [3], 2),
        "two texts, the second one shorter": case(2, [4, 2], 3),
        "two texts whose first vector is all 0": with_zeros,
        "three texts, padded in front": case(3, [5, 1, 3], 2, left=True),
        "four texts of 64-bit numbers": {
            name: value.double() if name == "hidden" else value
            for name, value in case(4, [7, 2, 6, 5], 11).items()
        },
    }


@mean_pooling.probe
def _pooled_and_gradient(candidate: Any, *, hidden: Tensor, padding_mask: Tensor) -> dict[str, Any]:
    leaf = hidden.clone().requires_grad_()
    pooled = candidate(leaf, padding_mask)
    return {"pooled": pooled, "gradient": gradient(pooled, leaf)}


@mean_pooling.property("padding changes nothing")
def _padding_does_not_reach(given: SimpleNamespace, found: Any) -> str | None:
    if found["gradient"] is None:
        return None
    reached = np.abs(found["gradient"][0])[~given.padding_mask]
    if not reached.size or reached.max() == 0:
        return None
    return "the result changes when a padding vector does"


@mean_pooling.property("a mean lies between its smallest and largest")
def _between(given: SimpleNamespace, found: Any) -> str | None:
    real = given.padding_mask[..., None]
    low = np.where(real, given.hidden, np.inf).min(1) - ROUNDING
    high = np.where(real, given.hidden, -np.inf).max(1) + ROUNDING
    outside = ~((found["pooled"] >= low) & (found["pooled"] <= high))  # nan is outside, too
    if not outside.any():
        return None
    text, feature = (int(place) for place in np.argwhere(outside)[0])
    return (
        f"feature {feature} of text {text} is {found['pooled'][text, feature]:.2f}, and its real "
        f"tokens have {low[text, feature]:.2f} to {high[text, feature]:.2f}"
    )


@mean_pooling.workload
def _pooling_in_training(candidate: Any) -> Any:
    hidden = torch.ones(32, 64, 128, requires_grad=True)
    return candidate(hidden, torch.arange(64) < torch.arange(33, 65)[:, None]).sum()
