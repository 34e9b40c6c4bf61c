"""The transformer block: attention gathers from other positions, feed-forward works on each one.

Builds on: multi_head.  Lacks: embeddings and the stack of blocks (model).
Source: Vaswani et al. 2017, sections 3.1 and 3.3; pre-norm: Xiong et al. 2020, section 3;
RMSNorm: Zhang and Sennrich 2019, section 3; SwiGLU: Shazeer 2020, section 2;
squared ReLU: So et al. 2021, section 4.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


def rms_norm(
    vectors: Float[Tensor, "*batch d_model"], weight: Float[Tensor, " d_model"], epsilon: float
) -> Float[Tensor, "*batch d_model"]:
    """Scale each vector to a mean square of 1, then by what is learned; no mean is taken off."""
    mean_square = vectors.square().mean(-1, keepdim=True)
    return vectors * (mean_square + epsilon).rsqrt() * weight


class LayerNorm(nn.Module):
    """Brings each vector to mean 0 and variance 1, then scales and shifts by what is learned.

    The variance is the biased one (divided by d_model) and epsilon stands inside the root.
    """

    def __init__(self, d_model: int, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))
        self.epsilon = epsilon

    def forward(self, vectors: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Normalise each vector."""
        mean = vectors.mean(-1, keepdim=True)
        variance = vectors.var(-1, keepdim=True, unbiased=False)
        normal = (vectors - mean) / (variance + self.epsilon).sqrt()
        return normal * self.weight + self.bias


class FusedLayerNorm(LayerNorm):
    """The same by torch's kernel, in one pass over memory: what a model takes."""

    def forward(self, vectors: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Normalise each vector."""
        width = self.weight.shape
        return nn.functional.layer_norm(vectors, width, self.weight, self.bias, self.epsilon)


class RMSNorm(nn.Module):
    """`rms_norm` with a learned weight, by torch's own kernel."""

    def __init__(self, d_model: int, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))
        self.epsilon = epsilon

    def forward(self, vectors: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Normalise each vector."""
        return nn.functional.rms_norm(vectors, self.weight.shape, self.weight, self.epsilon)


class PlainNorm(nn.Module):
    """LayerNorm without learned numbers: the matrix that comes next can do all the scaling.

    On a CPU it is also the quickest norm: torch has one kernel for it, where RMSNorm is several
    passes over memory, and a step of a small model spends a tenth of its time or more on norms.
    """

    def __init__(self, d_model: int, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.d_model = d_model
        self.epsilon = epsilon

    def forward(self, vectors: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Normalise each vector."""
        return nn.functional.layer_norm(vectors, (self.d_model,), eps=self.epsilon)


def squared_relu(inputs: Tensor) -> Tensor:
    """Return max(0, x)²: as cheap as ReLU, and smooth where it starts."""
    # One product less than relu(x).square() in the backward pass.
    return inputs.relu() * inputs


class FeedForward(nn.Module):
    """Two linear layers with a nonlinearity between, the same at every position.

    Args:
        d_model: Width of inputs and outputs.
        d_feed_forward: Width in between, usually four times d_model.
        activation: A name of `ACTIVATIONS`.
        bias: Whether the layers add a bias.

    Raises:
        ValueError: If the activation is unknown.
    """

    def __init__(
        self, d_model: int, d_feed_forward: int, activation: str = "gelu", *, bias: bool = True
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"activation={activation!r} is unknown; choose one of {list(ACTIVATIONS)}"
            )
        self.expand = nn.Linear(d_model, d_feed_forward, bias=bias)
        self.contract = nn.Linear(d_feed_forward, d_model, bias=bias)
        self.activation = ACTIVATIONS[activation]

    def forward(
        self, hidden: Float[Tensor, "batch length d_model"]
    ) -> Float[Tensor, "batch length d_model"]:
        """Work on each position by itself."""
        return self.contract(self.activation(self.expand(hidden)))


class GatedFeedForward(nn.Module):
    """SwiGLU: a third linear layer decides, element by element, how much gets through."""

    def __init__(self, d_model: int, d_feed_forward: int, *, bias: bool = True) -> None:
        super().__init__()
        self.gate = nn.Linear(d_model, d_feed_forward, bias=bias)
        self.expand = nn.Linear(d_model, d_feed_forward, bias=bias)
        self.contract = nn.Linear(d_feed_forward, d_model, bias=bias)

    def forward(
        self, hidden: Float[Tensor, "batch length d_model"]
    ) -> Float[Tensor, "batch length d_model"]:
        """Work on each position by itself."""
        return self.contract(nn.functional.silu(self.gate(hidden)) * self.expand(hidden))


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": nn.functional.gelu,
    "relu": nn.functional.relu,
    "squared_relu": squared_relu,
}


class PreNorm(nn.Module):
    """x + sublayer(norm(x)): the path from input to output stays free of norms."""

    def __init__(self, norm: nn.Module, dropout: float) -> None:
        super().__init__()
        self.norm = norm
        self.dropout = nn.Dropout(dropout)

    def before(self, hidden: Tensor) -> Tensor:
        """Return what the sublayer sees."""
        return self.norm(hidden)

    def after(self, hidden: Tensor, update: Tensor) -> Tensor:
        """Join the sublayer's update to its input."""
        return hidden + self.dropout(update)


class PostNorm(nn.Module):
    """norm(x + sublayer(x)): the original transformer's and BERT's order."""

    def __init__(self, norm: nn.Module, dropout: float) -> None:
        super().__init__()
        self.norm = norm
        self.dropout = nn.Dropout(dropout)

    def before(self, hidden: Tensor) -> Tensor:
        """Return what the sublayer sees."""
        return hidden

    def after(self, hidden: Tensor, update: Tensor) -> Tensor:
        """Join the sublayer's update to its input, then normalise."""
        return self.norm(hidden + self.dropout(update))


Residual = PreNorm | PostNorm


class TransformerBlock(nn.Module):
    """Attention, then feed-forward, each with its residual.

    The parts are handed over, so that the block is only their order.
    """

    def __init__(
        self,
        *,
        attention: nn.Module,
        attention_residual: Residual,
        feed_forward: nn.Module,
        feed_forward_residual: Residual,
    ) -> None:
        super().__init__()
        self.attention = attention
        self.attention_residual = attention_residual
        self.feed_forward = feed_forward
        self.feed_forward_residual = feed_forward_residual

    def forward(
        self,
        hidden: Float[Tensor, "batch length d_model"],
        **attending: Any,  # noqa: ANN401 (typed by MultiHeadAttention.forward)
    ) -> tuple[
        Float[Tensor, "batch length d_model"], Float[Tensor, "batch head length key"] | None
    ]:
        """Gather, then work.

        Args:
            hidden: One vector a position.
            attending: What else attention takes: memory, key_mask, bias, rotation, cache,
                need_weights.

        Returns:
            The vectors, and the attention weights, None unless need_weights asks for them.
        """
        inputs = self.attention_residual.before(hidden)
        attended = self.attention(inputs, **attending)
        hidden = self.attention_residual.after(hidden, attended.output)
        update = self.feed_forward(self.feed_forward_residual.before(hidden))
        hidden = self.feed_forward_residual.after(hidden, update)
        return hidden, attended.weights


class CrossAttentionBlock(nn.Module):
    """Self-attention, and behind it a block whose attention looks at another text, the memory.

    These are the three sublayers of a decoder that has an encoder beside it: self-attention,
    cross-attention, feed-forward.
    """

    def __init__(
        self, *, attention: nn.Module, attention_residual: Residual, memory_block: nn.Module
    ) -> None:
        super().__init__()
        self.attention = attention
        self.attention_residual = attention_residual
        self.memory_block = memory_block

    def forward(
        self,
        hidden: Float[Tensor, "batch length d_model"],
        *,
        memory: Float[Tensor, "batch memory d_model"],
        memory_mask: Bool[Tensor, "batch memory"] | None = None,
        need_weights: bool = False,
        **attending: Any,  # noqa: ANN401 (typed by MultiHeadAttention.forward)
    ) -> tuple[
        Float[Tensor, "batch length d_model"],
        Float[Tensor, "batch head length key"] | None,
        Float[Tensor, "batch head length memory"] | None,
    ]:
        """Gather, look at the memory, then work.

        Args:
            hidden: One vector a position.
            memory: The encoder's vectors.
            memory_mask: True where a position of the memory is real.
            need_weights: Whether to return the weights of both attentions.
            attending: What else self-attention takes: key_mask, bias, rotation, cache.

        Returns:
            The vectors; the weights of the self-attention; those of the cross-attention. Weights
            are None unless asked for.
        """
        inputs = self.attention_residual.before(hidden)
        attended = self.attention(inputs, need_weights=need_weights, **attending)
        hidden = self.attention_residual.after(hidden, attended.output)
        hidden, cross_weights = self.memory_block(
            hidden, memory=memory, key_mask=memory_mask, need_weights=need_weights
        )
        return hidden, attended.weights, cross_weights
