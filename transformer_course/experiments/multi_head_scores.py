"""What heads look at, and what they are worth: scores by role, and the cost of going without one.

Both take any model of the course. A score says where a head looks; only the cost says whether it
matters that it does.

Builds on: multi_head.  Lacks: the models that are read (multi_head_repeats, multi_head_minilm).
Source: Olsson et al. 2022 (previous-token and induction heads); Michel et al. 2019, section 2.3
(a head is taken out by setting what it hands over to 0).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from transformer_course.multi_head import MultiHeadAttention, check_head, silence_head

ROLES: Mapping[str, str] = {
    "itself": "itself",
    "previous": "the token before",
    "same": "an earlier token of the same kind",
    "first": "the first token",
    "induction": "what followed an earlier token of the same kind",
}
"""What each role looks at."""

SilenceFunction = Callable[[Tensor, int, int], Tensor]


def role_keys(ids: Int[Tensor, "batch length"]) -> dict[str, Bool[Tensor, "batch length length"]]:
    """Return for each role which keys (last axis) each query is to look at, its future left out.

    The first query and the second are left out of "first": to the second the first token is the
    one before.
    """
    length = ids.shape[1]
    past = torch.ones(length, length, dtype=torch.bool).tril(-1)
    same = (ids[:, :, None] == ids[:, None, :]) & past
    after_same = torch.zeros_like(same)
    after_same[:, :, 1:] = same[:, :, :-1]
    keys = {
        "itself": torch.eye(length, dtype=torch.bool),
        "previous": past & ~past.tril(-2),
        "same": same,
        "first": past.tril(-2) & (torch.arange(length) == 0),
        # A token that repeats the one before it would find itself.
        "induction": after_same & past,
    }
    return {role: keys[role].expand(len(ids), length, length) for role in ROLES}


def role_scores(
    attention_weights: Sequence[Float[Tensor, "batch head length length"]],
    ids: Int[Tensor, "batch length"],
) -> dict[str, Float[Tensor, "layer head"]]:
    """Return how much weight each head puts, on average, where its role would have it look.

    Args:
        attention_weights: Of each layer, of a model that looks back only.
        ids: What the model read.

    Raises:
        ValueError: If a role has no key to look at, as in a text without repeats.
    """
    weights = torch.stack(tuple(attention_weights))
    return {role: _mean_weight(weights, keys, role) for role, keys in role_keys(ids).items()}


def _mean_weight(
    weights: Float[Tensor, "layer batch head length length"],
    keys: Bool[Tensor, "batch length length"],
    role: str,
) -> Float[Tensor, "layer head"]:
    """Average over the queries that have a key of the role."""
    asked = keys.any(-1)
    if not asked.any():
        raise ValueError(
            f"no token of this text can look at {ROLES[role]}; give a longer text, with repeats"
        )
    received = (weights * keys[:, None]).sum(-1)
    return (received * asked[:, None]).sum((1, 3)) / asked.sum()


def role_chances(ids: Int[Tensor, "batch length"]) -> dict[str, float]:
    """Return the scores of a head that looks back everywhere alike."""
    length = ids.shape[1]
    alike = torch.ones(length, length).tril()
    alike = (alike / alike.sum(-1, keepdim=True)).expand(len(ids), 1, length, length)
    return {role: score.item() for role, score in role_scores([alike], ids).items()}


def attention_layers(model: nn.Module) -> list[MultiHeadAttention]:
    """Return a model's attention layers, from the first to the last."""
    return [module for module in model.modules() if isinstance(module, MultiHeadAttention)]


@contextmanager
def without_heads(
    model: nn.Module,
    heads: Sequence[tuple[int, int]],
    silence: SilenceFunction = silence_head,
) -> Iterator[None]:
    """Let a model compute without some heads, and give them back afterwards.

    Args:
        model: Any model of the course.
        heads: Layer and head, both counted from 0.
        silence: What sets a head's columns to 0, in place of `silence_head`.

    Raises:
        ValueError: If there is no such layer or head; the model is as before then.
    """
    layers = _layers_with(model, heads)
    kept = {layer: layers[layer].output.weight.detach().clone() for layer, _ in heads}
    try:
        with torch.no_grad():
            for layer, head in heads:
                weight = layers[layer].output.weight
                weight.copy_(silence(weight.detach(), head, layers[layer].num_heads))
        yield
    finally:
        with torch.no_grad():
            for layer, weight in kept.items():
                layers[layer].output.weight.copy_(weight)


@contextmanager
def at_their_means(model: nn.Module, heads: Sequence[tuple[int, int]]) -> Iterator[None]:
    """Let some heads hand over their mean over all texts and places that are read, and no more.

    A head at 0 also takes away what it always says, which the layers after it may count on.

    Args:
        model: Any model of the course.
        heads: Layer and head, both counted from 0.

    Raises:
        ValueError: If there is no such layer or head.
    """
    layers = _layers_with(model, heads)
    hooks = []
    for layer, head in heads:
        output = layers[layer].output
        d_head = output.in_features // layers[layer].num_heads
        own = slice(head * d_head, (head + 1) * d_head)
        hooks.append(output.register_forward_pre_hook(partial(_averaged, own)))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _averaged(own: slice, _: nn.Module, inputs: tuple[Tensor]) -> Tensor:
    """Return what the output projection is to read: merged heads, one of them at its mean."""
    merged = inputs[0].clone()
    merged[..., own] = merged[..., own].mean((0, 1))
    return merged


def _layers_with(model: nn.Module, heads: Sequence[tuple[int, int]]) -> list[MultiHeadAttention]:
    """Return a model's attention layers, once the heads are known to be in them."""
    layers = attention_layers(model)
    for layer, head in heads:
        if layer not in range(len(layers)):
            raise ValueError(
                f"layer={layer} is none of {len(layers)}; choose 0 to {len(layers) - 1}"
            )
        check_head(layers[layer].output.in_features, head, layers[layer].num_heads)
    return layers


def ablation_costs(
    model: nn.Module, measure: Callable[[], float], silence: SilenceFunction = silence_head
) -> Float[Tensor, "layer head"]:
    """Measure a model without each of its heads in turn; return by how much the measure rises.

    Args:
        model: Any model of the course.
        measure: Reads the model, for example its loss.
        silence: What sets a head's columns to 0, in place of `silence_head`.
    """
    return _costs(model, measure, lambda heads: without_heads(model, heads, silence))


def mean_ablation_costs(
    model: nn.Module, measure: Callable[[], float]
) -> Float[Tensor, "layer head"]:
    """Do as `ablation_costs`, with each head in turn at its mean in place of 0."""
    return _costs(model, measure, lambda heads: at_their_means(model, heads))


def _costs(
    model: nn.Module,
    measure: Callable[[], float],
    ablate: Callable[[Sequence[tuple[int, int]]], AbstractContextManager[None]],
) -> Float[Tensor, "layer head"]:
    whole = measure()
    costs = torch.zeros(len(attention_layers(model)), attention_layers(model)[0].num_heads)
    for layer, head in torch.cartesian_prod(*map(torch.arange, costs.shape)).tolist():
        with ablate([(layer, head)]):
            costs[layer, head] = measure() - whole
    return costs


def named(layer: int, head: int) -> str:
    """Name a head by its layer and its number, both from 0: "2.4"."""
    return f"{layer}.{head}"


def best(scores: Float[Tensor, "layer head"]) -> tuple[int, int]:
    """Return the layer and the number of the head with the highest score."""
    layer, head = divmod(int(scores.argmax()), scores.shape[1])
    return layer, head
