"""What lesson 08 asks for: the block that puts the parts in order.

Builds on: blocks, engine.  Lacks: its norm (blocks_norm), the stack, which the model builds.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
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
    minutes=12,
    stub="""class TransformerBlock(nn.Module):
    def __init__(self, *, attention, attention_residual, feed_forward, feed_forward_residual):
        super().__init__()
        self.attention = attention
        self.attention_residual = attention_residual
        self.feed_forward = feed_forward
        self.feed_forward_residual = feed_forward_residual

    def forward(self, hidden, **attending):
        # residual.before(hidden): what a sublayer reads; residual.after(hidden, update): the sum
        # attention(inputs, **attending) has .output and .weights; feed_forward(inputs): a tensor
        # → the new stream, and the weights of the attention
        ...
""",
    start="Begin with attention alone: before, attend, after. Feed-forward repeats the pattern.",
    hints=(
        "Two sublayers. Each reads what its own residual makes of the stream, and its answer "
        "goes back by the same residual.",
        "attended = self.attention(self.attention_residual.before(hidden), **attending), then "
        "hidden = self.attention_residual.after(hidden, attended.output). Which hidden does the "
        "feed-forward read?",
        "The feed-forward reads the newest hidden, through feed_forward_residual.before, and "
        "returns the update itself. Return two things: hidden and attended.weights.",
    ),
    unlocks="From now on this lesson's model is a stack of your blocks.",
    mistakes=MISTAKES,
)

WIDTH = 4
BESIDES = ("memory", "key_mask", "bias", "need_weights")


class _Gather(nn.Module):
    """Attention reduced to what a block can notice: who asks, who answers, what is masked."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.matrix = nn.Parameter(matrix.clone())
        self.read: list[Tensor] = []
        self.said: list[Tensor] = []
        self.given: list[str] = []

    def forward(
        self,
        inputs: Tensor,
        memory: Tensor | None = None,
        *,
        key_mask: Tensor | None = None,
        bias: Tensor | None = None,
        need_weights: bool = False,
    ) -> SimpleNamespace:
        if isinstance(memory, dict):
            raise TypeError("attending was handed on as one dict; two stars, **, unpack it")
        source = inputs if memory is None else memory
        scores = inputs @ self.matrix @ source.mT
        if bias is not None:
            scores = scores + bias
        if key_mask is not None:
            scores = scores.masked_fill(~key_mask[:, None], -1e9)
        weights = scores.softmax(-1)
        # One head, where attention has several.
        shown = weights[:, None] if need_weights else None
        output = weights @ source
        besides = (memory, key_mask, bias, need_weights or None)
        self.given = [name for name, one in zip(BESIDES, besides, strict=True) if one is not None]
        self.read.append(inputs.detach())
        self.said.append(output.detach())
        return SimpleNamespace(output=output, weights=shown)


class _Work(nn.Module):
    """Feed-forward reduced to what a block can notice: it works on each vector by itself."""

    def __init__(self, scale: Tensor) -> None:
        super().__init__()
        self.scale = nn.Parameter(scale.clone())
        self.read: list[Tensor] = []

    def forward(self, inputs: Tensor) -> Tensor:
        self.read.append(inputs.detach().reshape(-1, WIDTH))
        return (inputs * self.scale).tanh()


class _Scale(nn.Module):
    """Stands in for a norm: every residual has its own."""

    def __init__(self, scale: Tensor) -> None:
        super().__init__()
        self.scale = nn.Parameter(scale.clone())

    def forward(self, vectors: Tensor) -> Tensor:
        return vectors * self.scale


class _Share(nn.Module):
    """Stands in for dropout: a share of each update remains, the same in every run."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, update: Tensor) -> Tensor:
        return self.share * update


@block.inputs
def _streams(rng: Generator) -> dict[str, dict[str, Any]]:
    def draw(*shape: int) -> Tensor:
        return torch.tensor(rng.normal(size=shape))

    def case(batch: int, length: int, **rest: Any) -> dict[str, Any]:
        return {
            "hidden": draw(batch, length, WIDTH),
            "matrices": draw(2, WIDTH, WIDTH),
            "scales": draw(2, WIDTH) + 2,
            "post_norm": False,
            "share": 1.0,
            **rest,
        }

    real = torch.tensor([[True, True, True], [True, True, False]])
    return {
        "one sequence": case(1, 3),
        "with weights, mask and bias": case(
            2, 3, need_weights=True, key_mask=real, bias=draw(1, 3, 3)
        ),
        "the norm after the sum": case(2, 5, post_norm=True),
        "with another text to look at": case(
            2, 4, memory=draw(2, 3, WIDTH), key_mask=real, need_weights=True
        ),
        "an after that takes half of the update": case(1, 3, share=0.5),
    }


@block.probe
def _passed_through(
    candidate: Any,
    *,
    hidden: Tensor,
    matrices: Tensor,
    scales: Tensor,
    post_norm: bool,
    share: float,
    **attending: Any,
) -> Any:
    residuals = [
        (PostNorm if post_norm else PreNorm)(_Scale(scale), dropout=0.0) for scale in scales
    ]
    for residual in residuals:
        residual.add_module("dropout", _Share(share))
    gather, work = _Gather(matrices[0]), _Work(matrices[1, 0])
    made = candidate(
        attention=gather,
        attention_residual=residuals[0],
        feed_forward=work,
        feed_forward_residual=residuals[1],
    )
    leaf = hidden.clone().requires_grad_()
    returned = made(leaf, **attending)
    if returned is None:
        return None
    output = returned[0] if isinstance(returned, tuple | list) and returned else returned
    return {
        "forward": returned,
        "gradient": gradient(output, leaf),
        "attention read": gather.read,
        "attention said": gather.said,
        "attention given": gather.given,
        # In whichever order, and however many at a time.
        "feed-forward read": sorted(vector.tolist() for vector in torch.cat(work.read))
        if work.read
        else [],
    }


@block.property("attention is asked once", form=True)
def _asked_once(_: SimpleNamespace, found: Any) -> str | None:
    times = len(found["attention read"])
    return None if times == 1 else f"attention is called {times} times, expected once"


@block.property("attention is handed what stands in attending", form=True)
def _handed_on(given: SimpleNamespace, found: Any) -> str | None:
    wanted = [name for name in BESIDES if name in vars(given)]
    missing = [name for name in wanted if name not in found["attention given"]]
    if missing:
        return f"attention does not get what came in attending: {', '.join(missing)}"
    extra = [name for name in found["attention given"] if name not in wanted]
    return f"attention gets {', '.join(extra)}, which did not come in attending" if extra else None


@block.property("feed-forward works on each vector once", form=True)
def _worked_once(given: SimpleNamespace, found: Any) -> str | None:
    worked, wanted = len(found["feed-forward read"]), given.hidden[..., 0].size
    if worked == wanted:
        return None
    return f"the feed-forward reads {worked} vectors, and there are {wanted}"


@block.property("attention reads what attention_residual.before gives")
def _attention_reads(given: SimpleNamespace, found: Any) -> str | None:
    if np.allclose(found["attention read"][0], _before(given, given.hidden, 0)):
        return None
    return "attention does not read attention_residual.before(hidden)"


@block.property("feed-forward reads the new stream, through its own before")
def _feed_forward_reads(given: SimpleNamespace, found: Any) -> str | None:
    wanted = _before(given, _gathered(given, found), 1).reshape(-1, WIDTH)
    if np.allclose(found["feed-forward read"], sorted(wanted.tolist())):
        return None
    return (
        "the feed-forward does not read feed_forward_residual.before of the stream that "
        "attention_residual.after has made"
    )


@block.property("feed-forward's answer goes back by its own after")
def _stream_goes_on(given: SimpleNamespace, found: Any) -> str | None:
    gathered = _gathered(given, found)
    update = np.tanh(_before(given, gathered, 1) * given.matrices[1, 0])
    if np.allclose(found["forward"][0], _after(given, gathered, update, 1)):
        return None
    return "the stream that is returned is not what feed_forward_residual.after makes"


def _gathered(given: SimpleNamespace, found: Any) -> Any:
    """Return the stream after attention, by what attention answered."""
    return _after(given, given.hidden, found["attention said"][0], 0)


def _before(given: SimpleNamespace, stream: Any, place: int) -> Any:
    return stream if given.post_norm else stream * given.scales[place]


def _after(given: SimpleNamespace, stream: Any, update: Any, place: int) -> Any:
    total = stream + given.share * update
    return total * given.scales[place] if given.post_norm else total


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
