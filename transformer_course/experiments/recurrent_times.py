"""Lesson 01's claim C2, the cost: what waiting takes on this machine, and who is quicker where.

The same layer reads one sequence of T words, or T sequences of one word, which are as many products
and nothing to wait for. Both run in compiled code with one thread.

Builds on: recurrent, multi_head.  Lacks: the count (recurrent_waiting); a GPU.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

import torch
from torch import Tensor, nn

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.device import one_thread
from transformer_course.multi_head import MultiHeadAttention
from transformer_course.recurrent import written_out

WIDTH = 64
CHAIN_LENGTH = 256
BATCHES = (1, 8, 128)
ROUNDS = 5


@dataclass(frozen=True, kw_only=True)
class WaitingCost:
    """How much longer the same products take when each has to wait for the one before.

    Attributes:
        batches: Sequences that are read side by side.
        product_ratio: A chain of 256 products against one of as many operations, by batch size.
        layer_ratio: A training step of a compiled RNN layer on T words against one on T times as
            many sequences of one word, by batch size.
    """

    batches: Sequence[int]
    product_ratio: Sequence[float]
    layer_ratio: Sequence[float]


def cost_of_waiting(seed: int = 0, *, rounds: int = ROUNDS) -> WaitingCost:
    """Time both, in turns, with one thread; the ratios are of medians.

    Args:
        seed: Of weights and inputs.
        rounds: How often each is timed.
    """
    torch.manual_seed(seed)
    layer = nn.RNN(WIDTH, WIDTH, batch_first=True)
    weight = torch.randn(WIDTH, WIDTH) / WIDTH**0.5
    products, layers = [], []
    with one_thread():
        for batch in BATCHES:
            inputs = torch.randn(batch, CHAIN_LENGTH, WIDTH)
            chained, at_once = times(
                (partial(_chain, weight, inputs[:, 0]), partial(_product, weight, inputs)), rounds
            )
            products.append(chained / at_once)
            chained, at_once = times(
                (
                    partial(_train_step, layer, inputs),
                    partial(_train_step, layer, inputs.view(-1, 1, WIDTH)),
                ),
                rounds,
            )
            layers.append(chained / at_once)
    return WaitingCost(batches=BATCHES, product_ratio=products, layer_ratio=layers)


def _chain(weight: Tensor, state: Tensor) -> Tensor:
    for _ in range(CHAIN_LENGTH):
        state = state @ weight
    return state


def _product(weight: Tensor, inputs: Tensor) -> Tensor:
    return inputs.view(-1, WIDTH) @ weight


def _train_step(layer: nn.Module, inputs: Tensor) -> None:
    """Go forth and back through a layer, as a training step does."""
    found = layer(inputs)
    output = found[0] if isinstance(found, tuple) else getattr(found, "output", found)
    output.sum().backward()
    layer.zero_grad(set_to_none=True)


def _train_loop(layer: nn.RNNBase, inputs: Tensor) -> None:
    """Go forth and back through the same layer, one Python call after the other."""
    written_out(layer, inputs).sum().backward()
    layer.zero_grad(set_to_none=True)


def times(contestants: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Return the median seconds of each; they take turns, after one round to warm up."""
    # One thread's processor time is what a quiet machine takes, and other work beside it does not
    # count. Windows counts it in ticks of 16 ms only.
    clock = time.perf_counter if sys.platform == "win32" else time.thread_time
    taken: list[list[float]] = [[] for _ in contestants]
    for number in range(rounds + 1):
        for place, run in enumerate(contestants):
            start = clock()
            run()
            if number:
                taken[place].append(clock() - start)
    return [median(one) for one in taken]


@claim_of("C2", cost_of_waiting)
def waiting_costs_where_steps_are_small(found: WaitingCost) -> Finding:
    """Judge whether waiting costs much with one sequence, and little with many side by side."""
    alone = min(found.product_ratio[0], found.layer_ratio[0])
    many = max(found.product_ratio[-1], found.layer_ratio[-1])
    bounds = above(alone, 4), below(many, 3)
    return Finding(
        f"{CHAIN_LENGTH} steps that wait, one sequence: {bounds[0]} times as long as the same work "
        "at once",
        f"{found.batches[-1]} sequences side by side: {bounds[1]} times (one thread, compiled)",
        all(bound.holds for bound in bounds),
    )


LENGTHS = (64, 256, 1024)
TIMED_BATCHES = (1, 8)


@dataclass(frozen=True, kw_only=True)
class StepTimes:
    """Seconds of a training step of one layer of width 64, with one thread.

    Attributes:
        lengths: Words a sequence.
        seconds: By batch size and layer, one number a length.
        loop: Of the same LSTM with its loop written in Python, at 256 words, by batch size.
    """

    lengths: Sequence[int]
    seconds: Mapping[int, Mapping[str, Sequence[float]]]
    loop: Mapping[int, float]


def time_training_steps(seed: int = 0, *, rounds: int = 3) -> StepTimes:
    """Time compiled RNN and LSTM layers, attention of four heads, and the LSTM looped in Python.

    Args:
        seed: Of weights and inputs.
        rounds: How often each is timed.
    """
    torch.manual_seed(seed)
    lstm = nn.LSTM(WIDTH, WIDTH, batch_first=True)
    layers: dict[str, nn.Module] = {
        "RNN": nn.RNN(WIDTH, WIDTH, batch_first=True),
        "LSTM": lstm,
        "attention": MultiHeadAttention(WIDTH, 4, causal=True),
    }
    seconds: dict[int, dict[str, list[float]]] = {}
    loop = {}
    with one_thread():
        for batch in TIMED_BATCHES:
            by_length = [
                times([partial(_train_step, layer, inputs) for layer in layers.values()], rounds)
                for inputs in (torch.randn(batch, length, WIDTH) for length in LENGTHS)
            ]
            seconds[batch] = {
                name: [row[place] for row in by_length] for place, name in enumerate(layers)
            }
            inputs = torch.randn(batch, LENGTHS[1], WIDTH)
            (loop[batch],) = times([partial(_train_loop, lstm, inputs)], rounds)
    return StepTimes(lengths=LENGTHS, seconds=seconds, loop=loop)


@claim_of("C2", time_training_steps)
def the_implementation_turns_the_tables(found: StepTimes) -> Finding:
    """Judge who is quicker where, and what a loop in Python would have made us believe."""
    short, long = found.seconds[1], found.seconds[8]
    middle = found.lengths.index(256)
    bounds = (
        above(short["RNN"][0] / short["attention"][0], 1.3),
        above(long["attention"][-1] / long["LSTM"][-1], 1.3),
        above(found.loop[1] / short["LSTM"][middle], 4),
    )
    return Finding(
        f"a training step, one sequence of 64: RNN {bounds[0]} times attention's time; eight of "
        f"1,024: attention {bounds[1]} times the LSTM's",
        f"the same LSTM looped in Python, 256 words: {bounds[2]} times the compiled one's",
        all(bound.holds for bound in bounds),
    )
