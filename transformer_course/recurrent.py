"""Recurrent networks: one state, carried from word to word, so that each step waits for the last.

The readable path stands beside the fast one: a step written out and unrolled by a loop, and torch's
own layers, whose weights `written_out` runs by those steps to the same numbers.

Builds on: nothing.  Lacks: several layers, both directions, words (the lessons that follow).
Source: Elman 1990, figure 2 (the step); Cho et al. 2014, section 2.3 (GRU, here
with torch's reset); Hochreiter and Schmidhuber 1997, section 4, with the forget gate of Gers et al.
2000, section 3 (LSTM); Pascanu et al. 2013, section 2 (gradients by distance).
"""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

Step = Callable[[Tensor, Tensor], Tensor]
"""Takes what is read and the state so far, and gives the next state."""


def rnn_step(
    inputs: Float[Tensor, "*batch d_input"],
    hidden: Float[Tensor, "*batch d_hidden"],
    input_weight: Float[Tensor, "*models d_input d_hidden"],
    hidden_weight: Float[Tensor, "*models d_hidden d_hidden"],
    bias: Float[Tensor, "*#batch d_hidden"],
) -> Float[Tensor, "*batch d_hidden"]:
    """Read one word: mix it with the state so far, and squash the sum into (−1, 1).

    Args:
        inputs: What is read at this step, one row for each sequence of the batch.
        hidden: The state before it.
        input_weight: From what is read to the state.
        hidden_weight: From the state before to the state after.
        bias: Added to each state.
    """
    return torch.tanh(inputs @ input_weight + hidden @ hidden_weight + bias)


def gru_step(
    inputs: Float[Tensor, "*batch d_input"],
    hidden: Float[Tensor, "*batch d_hidden"],
    input_weight: Float[Tensor, "*models d_input d_gates"],
    hidden_weight: Float[Tensor, "*models d_hidden d_gates"],
    input_bias: Float[Tensor, "*#batch d_gates"],
    hidden_bias: Float[Tensor, "*#batch d_gates"],
) -> Float[Tensor, "*batch d_hidden"]:
    """Read one word, and keep as much of the old state as a gate between 0 and 1 says.

    The weights hold three blocks of columns side by side, in torch's order: reset, keep, new.
    """
    from_inputs = (inputs @ input_weight + input_bias).chunk(3, -1)
    from_hidden = (hidden @ hidden_weight + hidden_bias).chunk(3, -1)
    reset = torch.sigmoid(from_inputs[0] + from_hidden[0])
    keep = torch.sigmoid(from_inputs[1] + from_hidden[1])
    new = torch.tanh(from_inputs[2] + reset * from_hidden[2])
    return keep * hidden + (1 - keep) * new


def lstm_step(
    inputs: Float[Tensor, "*batch d_input"],
    state: Float[Tensor, "*batch d_state"],
    input_weight: Float[Tensor, "*models d_input d_gates"],
    hidden_weight: Float[Tensor, "*models d_hidden d_gates"],
    bias: Float[Tensor, "*#batch d_gates"],
) -> Float[Tensor, "*batch d_state"]:
    """Read one word into a cell that is kept, added to and shown by three gates.

    Args:
        inputs: What is read at this step.
        state: The first half is the hidden state, which is shown; the second half the cell.
        input_weight: Four blocks of columns, in torch's order: let in, keep, new, show.
        hidden_weight: The same for the hidden state.
        bias: The same, added; that of `keep` decides how long an untrained cell remembers.
    """
    hidden, cell = state.chunk(2, -1)
    gates = inputs @ input_weight + hidden @ hidden_weight + bias
    let_in, keep, new, show = gates.chunk(4, -1)
    cell = torch.sigmoid(keep) * cell + torch.sigmoid(let_in) * torch.tanh(new)
    hidden = torch.sigmoid(show) * torch.tanh(cell)
    return torch.cat([hidden, cell], -1)


def unroll(
    step: Step,
    inputs: Float[Tensor, "*batch length d_input"],
    state: Float[Tensor, "*batch d_state"],
) -> Float[Tensor, "*batch length d_state"]:
    """Read word after word, and return the state after each.

    Args:
        step: Called as step(what is read, the state before); returns the state after.
        inputs: All that is read; the last axis but one is time.
        state: The one to begin with.
    """
    states = []
    for current in inputs.unbind(-2):
        state = step(current, state)
        states.append(state)
    return torch.stack(states, -2)


def gradient_by_distance(
    score: Callable[[Tensor], Tensor], inputs: Float[Tensor, "batch length d_input"]
) -> Float[Tensor, " length"]:
    """Measure how much a score still answers to what was read a number of steps before the last.

    Args:
        score: Takes inputs, returns one number for each sequence of the batch.
        inputs: What the gradient is taken at.

    Returns:
        For distance 0 (the last word), 1, 2 …: the length of the gradient of a sequence's score by
        that word, the mean over the batch.
    """
    inputs = inputs.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(score(inputs).sum(), inputs)
    return gradient.norm(dim=-1).mean(0).flip(0)


def written_out(
    layer: nn.RNNBase, inputs: Float[Tensor, "batch length d_input"]
) -> Float[Tensor, "batch length d_hidden"]:
    """Run torch's fused layer by the steps above: slow, readable, and the same numbers.

    Args:
        layer: An `nn.RNN`, `nn.GRU` or `nn.LSTM` with batch_first, of one layer and one direction.
        inputs: What it reads.

    Raises:
        ValueError: If the layer is none of these.
    """
    check_plain_layer(layer)
    input_weight, hidden_weight, input_bias, hidden_bias = (
        getattr(layer, f"{name}_l0") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    weights = {"input_weight": input_weight.T, "hidden_weight": hidden_weight.T}
    start = inputs.new_zeros(len(inputs), layer.hidden_size)
    if layer.mode == "GRU":
        step = partial(gru_step, **weights, input_bias=input_bias, hidden_bias=hidden_bias)
        return unroll(step, inputs, start)
    bias = input_bias + hidden_bias
    if layer.mode == "LSTM":
        step = partial(lstm_step, **weights, bias=bias)
        return unroll(step, inputs, torch.cat([start, start], -1))[..., : layer.hidden_size]
    return unroll(partial(rnn_step, **weights, bias=bias), inputs, start)


def check_plain_layer(layer: nn.RNNBase) -> None:
    """Raise a ValueError that says what of a torch layer cannot be written out here."""
    if layer.mode not in ("RNN_TANH", "GRU", "LSTM"):
        raise ValueError(f"a layer of mode {layer.mode} has no step here; use tanh, GRU or LSTM")
    given = {
        "num_layers": (layer.num_layers, 1),
        "bidirectional": (layer.bidirectional, False),
        "batch_first": (layer.batch_first, True),
        "bias": (layer.bias, True),
        "proj_size": (layer.proj_size, 0),
    }
    for name, (found, expected) in given.items():
        if found != expected:
            raise ValueError(
                f"a layer with {name}={found} cannot be written out here; "
                f"build it with {name}={expected}"
            )
