"""What lesson 08 asks for: the block that puts the parts in order.

Builds on: blocks, engine.  Lacks: its norm (blocks_norm), the stack, which the model builds.
"""

from types import SimpleNamespace
from typing import Any

import torch
from numpy.random import Generator
from torch import Tensor, nn

from transformer_course.blocks import PostNorm, PreNorm
from transformer_course.engine.exercise import Exercise
from transformer_course.engine.properties import gradient
from transformer_course.exercises.blocks_mistakes import MISTAKES

block = Exercise(
    "blocks.TransformerBlock",
    lesson="08",
    level=2,
    minutes=15,
    stub="""class TransformerBlock(nn.Module):
    def __init__(
        self,
        *,
        attention,
        attention_residual,
        feed_forward,
        feed_forward_residual,
        cross_attention=None,
        cross_attention_residual=None,
    ):
        super().__init__()
        self.attention = attention
        self.attention_residual = attention_residual
        self.cross_attention = cross_attention
        self.cross_attention_residual = cross_attention_residual
        self.feed_forward = feed_forward
        self.feed_forward_residual = feed_forward_residual

    def forward(self, hidden, *, memory=None, memory_mask=None, need_weights=False, **attending):
        # residual.before(hidden): what a sublayer reads; residual.after(hidden, update): the sum
        # attention(inputs, need_weights=…, **attending) has .output and .weights;
        # cross_attention(inputs, memory, key_mask=memory_mask, need_weights=…) likewise
        # → hidden, the weights, the cross-attention's weights (None where there is none)
        ...
""",
    start="Begin with self-attention alone: before, attend, after. The rest repeats the pattern.",
    hints=(
        "Three sublayers, the second only where self.cross_attention is there. Each reads what "
        "its own residual makes of the stream, and its answer goes back by the same residual.",
        "attended = self.attention(self.attention_residual.before(hidden), …), then hidden = "
        "self.attention_residual.after(hidden, attended.output). Which hidden does the "
        "feed-forward read?",
        "In cross-attention the stream asks and the memory answers; its mask is memory_mask. "
        "Return hidden, attended.weights, and the looked-up weights or None.",
    ),
    unlocks="From now on this lesson's model is a stack of your blocks.",
    mistakes=MISTAKES,
)

WIDTH = 4


class _Gather(nn.Module):
    """Attention reduced to what a block can notice: who asks, who answers, what is masked."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.matrix = nn.Parameter(matrix.clone())

    def forward(
        self,
        inputs: Tensor,
        memory: Tensor | None = None,
        *,
        key_mask: Tensor | None = None,
        bias: Tensor | None = None,
        need_weights: bool = False,
    ) -> SimpleNamespace:
        source = inputs if memory is None else memory
        scores = inputs @ self.matrix @ source.mT
        if bias is not None:
            scores = scores + bias
        if key_mask is not None:
            scores = scores.masked_fill(~key_mask[:, None], -1e9)
        weights = scores.softmax(-1)
        # One head, where attention has several.
        shown = weights[:, None] if need_weights else None
        return SimpleNamespace(output=weights @ source, weights=shown)


class _Scale(nn.Module):
    """Stands in for a norm: every residual has its own."""

    def __init__(self, scale: Tensor) -> None:
        super().__init__()
        self.scale = nn.Parameter(scale.clone())

    def forward(self, vectors: Tensor) -> Tensor:
        return vectors * self.scale


@block.inputs
def _streams(rng: Generator) -> dict[str, dict[str, Any]]:
    def draw(*shape: int) -> Tensor:
        return torch.tensor(rng.normal(size=shape))

    def case(batch: int, length: int, **rest: Any) -> dict[str, Any]:
        return {
            "hidden": draw(batch, length, WIDTH),
            "matrices": draw(3, WIDTH, WIDTH),
            "scales": draw(3, WIDTH) + 2,
            "post_norm": False,
            **rest,
        }

    real = torch.tensor([[True, True, True], [True, True, False]])
    return {
        "one sequence": case(1, 3),
        "with weights, mask and bias": case(
            2, 3, need_weights=True, key_mask=real, bias=draw(1, 3, 3)
        ),
        "the norm after the sum": case(2, 5, post_norm=True),
        "with a memory": case(2, 3, memory=draw(2, 4, WIDTH), need_weights=True),
        "with a memory, the norm after the sum": case(
            1, 3, memory=draw(1, 5, WIDTH), post_norm=True, need_weights=True
        ),
        "with a memory that is padded": case(
            2, 4, memory=draw(2, 3, WIDTH), memory_mask=real, need_weights=True
        ),
    }


@block.probe
def _passed_through(
    candidate: Any,
    *,
    hidden: Tensor,
    matrices: Tensor,
    scales: Tensor,
    post_norm: bool,
    **options: Any,
) -> Any:
    residuals = [
        (PostNorm if post_norm else PreNorm)(_Scale(scale), dropout=0.0) for scale in scales
    ]
    crossing = "memory" in options
    made = candidate(
        attention=_Gather(matrices[0]),
        attention_residual=residuals[0],
        feed_forward=nn.Sequential(_Scale(matrices[1, 0]), nn.Tanh()),
        feed_forward_residual=residuals[1],
        cross_attention=_Gather(matrices[2]) if crossing else None,
        cross_attention_residual=residuals[2] if crossing else None,
    )
    leaf = hidden.clone().requires_grad_()
    returned = made(leaf, **options)
    if returned is None:
        return None
    output = returned[0] if isinstance(returned, tuple) else returned
    return {"forward": returned, "gradient": gradient(output, leaf)}


@block.property("the stream is added to, not replaced")
def _stream_goes_on(_: SimpleNamespace, found: Any) -> str | None:
    if found["gradient"] is None:
        return "no gradient reaches the stream"
    return None


@block.workload
def _block_in_training(candidate: Any) -> Any:
    hidden = torch.ones(12, 64, 128, requires_grad=True)
    made = candidate(
        attention=_Gather(torch.ones(128, 128) / 1e4),
        attention_residual=PreNorm(nn.LayerNorm(128), dropout=0.0),
        feed_forward=nn.Sequential(nn.Linear(128, 512), nn.GELU(), nn.Linear(512, 128)),
        feed_forward_residual=PreNorm(nn.LayerNorm(128), dropout=0.0),
    )
    return made(hidden)[0].sum()
