"""Lesson 01's claim C2, the count: which matrix products wait for one another.

It is taken from the graph that torch keeps for the backward pass: exact, and the same everywhere.

Builds on: recurrent, multi_head.  Lacks: what waiting costs (recurrent_times).
Source: Vaswani et al. 2017, section 4, table 1 ("sequential operations").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from transformer_course.claims import Finding, claim_of
from transformer_course.multi_head import MultiHeadAttention
from transformer_course.recurrent import rnn_step, unroll

PRODUCTS = ("MmBackward", "AddmmBackward", "BmmBackward", "BaddbmmBackward")
"""How the graph calls matrix products."""


def longest_chain(result: Tensor) -> int:
    """Count the matrix products that had to wait for one another before a result was there.

    Args:
        result: Computed with gradients, so that torch remembers from what.

    Raises:
        ValueError: If torch remembers nothing.
    """
    if result.grad_fn is None:
        raise ValueError("the result has no graph; compute it from a tensor that requires_grad")
    longest: dict[Any, int] = {}
    stack = [result.grad_fn]
    while stack:
        node = stack[-1]
        sources = [source for source, _ in node.next_functions if source is not None]
        open_sources = [source for source in sources if source not in longest]
        if open_sources:
            stack += open_sources
            continue
        stack.pop()
        own = int(node.name().startswith(PRODUCTS))
        longest[node] = own + max((longest[source] for source in sources), default=0)
    return longest[result.grad_fn]


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Products that wait for one another, by the number of words T.

    Attributes:
        lengths: The numbers of words.
        reading_rnn: While an RNN reads T words that are all there, as in training.
        reading_attention: While an attention layer does.
        writing_rnn: While an RNN writes T words, each of which it then reads.
        writing_attention: While an attention layer does.
    """

    lengths: Sequence[int]
    reading_rnn: Sequence[int]
    reading_attention: Sequence[int]
    writing_rnn: Sequence[int]
    writing_attention: Sequence[int]


MOST_WRITTEN = 64
COUNTED = ("reading_rnn", "reading_attention", "writing_rnn", "writing_attention")


def count_waiting(
    seed: int = 0,
    *,
    lengths: Sequence[int] = (1, 13, 64, 256),
    parts: Mapping[str, Any] | None = None,
) -> Waiting:
    """Count for an RNN and an attention layer, both written out.

    Args:
        seed: Of weights and inputs, which change nothing of the count.
        lengths: Numbers of words; those of what is written end at 64.
        parts: "step" and "unroll", in place of the course's own.
    """
    generator = torch.Generator().manual_seed(seed)
    used = {"step": rnn_step, "unroll": unroll, **(parts or {})}
    weight, hidden_weight = (torch.randn(5, 5, generator=generator) for _ in range(2))
    hidden_weight.requires_grad_()
    step = partial(
        used["step"], input_weight=weight, hidden_weight=hidden_weight, bias=torch.zeros(5)
    )
    read = partial(used["unroll"], step)
    layer = MultiHeadAttention(5, 1, causal=True)

    def attend(inputs: Tensor) -> Tensor:
        # Written out, as need_weights asks for: the fused kernel hides its two products.
        return layer(inputs, need_weights=True).output

    def write_by_rnn(word: Tensor, length: int) -> Tensor:
        state = torch.zeros(1, 5)
        for _ in range(length):
            state = read(word, state)[:, -1]
            word = state[:, None]
        return state

    def write_by_attention(words: Tensor, length: int) -> Tensor:
        for _ in range(length - 1):
            words = torch.cat([words, attend(words)[:, -1:]], 1)
        return attend(words)[:, -1]

    counted: list[list[int]] = []
    for length in lengths:
        inputs = torch.randn(1, length, 5, generator=generator)
        first, written = inputs[:, :1], min(length, MOST_WRITTEN)
        results = read(inputs, torch.zeros(1, 5)), attend(inputs), write_by_rnn(first, written)
        last = write_by_attention(first, written)
        counted.append([longest_chain(result) for result in (*results, last)])
    columns = zip(*counted, strict=True)
    return Waiting(
        lengths=tuple(lengths),
        **{name: list(column) for name, column in zip(COUNTED, columns, strict=True)},
    )


@claim_of("C2", count_waiting)
def an_rnn_waits_and_attention_does_not(found: Waiting) -> Finding:
    """Judge whether the chain grows with T for an RNN that reads, and for both that write."""
    lengths, attention = list(found.lengths), list(found.reading_attention)
    written = [min(length, MOST_WRITTEN) for length in lengths]
    shown = len(set(written))
    holds = (
        list(found.reading_rnn) == lengths
        and len(set(attention)) == 1
        and list(found.writing_rnn) == written
        and list(found.writing_attention) == [attention[0] * length for length in written]
    )
    return Finding(
        f"products in a row to read {_and(lengths)} words: RNN {_and(found.reading_rnn)}, "
        f"attention {_and(attention)}",
        f"to write {_and(written[:shown])} words: RNN {_and(found.writing_rnn[:shown])}, attention "
        f"{_and(found.writing_attention[:shown])}",
        holds,
    )


def _and(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
