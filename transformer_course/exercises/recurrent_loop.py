"""What lesson 01 asks for next: the loop that unrolls a step over a sequence.

Builds on: recurrent, engine.  Lacks: the step itself (recurrent).
"""

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.exercises.recurrent import (
    gradients_by,
    normal_tensors,
    state_off,
    without_effect,
)
from transformer_course.recurrent import rnn_step as course_step

unroll = Exercise(
    "recurrent.unroll",
    lesson="01",
    level=2,
    minutes=8,
    stub="""def unroll(step, inputs, state):
    # step: a function; step(what is read, the state before) gives the state after
    # inputs (batch, length, d_input): all that is read; state (batch, d_state): to begin with
    # → (batch, length, d_state): the state after each word
    ...
""",
    start="Begin with the first word, inputs[:, 0]: which state does step give for it?",
    hints=(
        "A loop over the words. In each turn step gets a word and the state that the turn before "
        "left; keep every state in a list.",
        "inputs[:, place] is what all sequences of the batch read at one place, with the shape "
        "(batch, d_input). There are inputs.shape[1] places.",
        "state = step(inputs[:, place], state), then append it. torch.stack puts a list of "
        "tensors side by side along a new axis; time is to be axis 1.",
    ),
    unlocks="Any step can be unrolled by it: your RNN's, a GRU's, an LSTM's.",
    mistakes=(
        Mistake(
            "each step begins from the first state",
            "Which state does the second step have to get?",
            {
                "        state = step(current, state)\n        states.append(state)": (
                    "        states.append(step(current, state))"
                )
            },
        ),
        Mistake(
            "the states come back from before each step",
            "The first state in your list: has the first word been read by then?",
            {
                "        state = step(current, state)\n        states.append(state)": (
                    "        states.append(state)\n        state = step(current, state)"
                )
            },
        ),
        Mistake(
            "the state from before the first word is in the list as well",
            "One state a word: the first is that after the first word. What else did you collect?",
            {"states = []": "states = [state]"},
        ),
        Mistake(
            "each step begins from zeros",
            "Which state does the second step have to get?",
            {"step(current, state)": "step(current, torch.zeros_like(state))"},
        ),
        Mistake(
            "it begins from zeros, not from the state that was given",
            "What is the argument `state` for?",
            {"    states = []": ("    states = []\n    state = torch.zeros_like(state)")},
        ),
        Mistake(
            "it reads from the last word to the first",
            "Which word is read first?",
            {"inputs.unbind(-2)": "inputs.flip(-2).unbind(-2)"},
        ),
        Mistake(
            "the gradient stops at each step",
            "The states are right. What does detach, or .data, do to the way back?",
            {"step(current, state)": "step(current, state.detach())"},
            source="https://github.com/yhs968/pyGRU4REC/issues/8",
        ),
        Mistake(
            "only the last state comes back",
            "One state for each word is asked for. Where could you collect them?",
            {"return torch.stack(states, -2)": "return state"},
        ),
        Mistake(
            "time is the first axis",
            "Which axis of `inputs` is time? The states are to have it in the same place.",
            {"torch.stack(states, -2)": "torch.stack(states, 0)"},
            source="trap 7",
        ),
        Mistake(
            "the states are cut off from what was read",
            "The numbers are right. What on their way cuts the link, as .detach() or .item() does?",
            {"return torch.stack(states, -2)": "return torch.stack(states, -2).detach()"},
        ),
        Mistake(
            "the states come back in reverse order",
            "Where in your list does the newest state go?",
            {"states.append(state)": "states.insert(0, state)"},
        ),
        Mistake(
            "the first word is read at every step",
            "What does the second step read?",
            {"step(current, state)": "step(inputs[:, 0], state)"},
        ),
        Mistake(
            "the last state stands at every place",
            "Each word has its own state. When is it put into the list?",
            {"torch.stack(states, -2)": "torch.stack([state] * len(states), -2)"},
        ),
        Mistake(
            "the loop goes over the sequences, not over the words",
            "`for word in inputs` walks along the first axis. Which axis is time?",
            {"inputs.unbind(-2)": "inputs"},
        ),
        Mistake(
            "the loop goes over the batch, axis 0",
            "`for word in inputs` walks along the first axis. On which axis do the words lie?",
            {"inputs.unbind(-2)": "inputs", "torch.stack(states, -2)": "torch.stack(states)"},
        ),
        Mistake(
            "the state before is added to the new one",
            "What step gives is the whole new state. Is there anything to add?",
            {"state = step(current, state)": "state = state + step(current, state)"},
        ),
        Mistake(
            "a step reads its state out of the tensor that is still being filled",
            "On the way back torch needs each state as the step got it; a write into the tensor "
            "spoils that. What if the states stay in a list up to the end?",
            {
                "    states = []": (
                    "    states = inputs.new_zeros(*inputs.shape[:-1], state.shape[-1])"
                ),
                "for current in inputs.unbind(-2)": (
                    "for place, current in enumerate(inputs.unbind(-2))"
                ),
                "        states.append(state)": (
                    "        states[..., place, :] = state\n        state = states[..., place, :]"
                ),
                "return torch.stack(states, -2)": "return states",
            },
        ),
        Mistake(
            "step gets the state first, and what is read second",
            "In which order does `step` take its two arguments?",
            {"step(current, state)": "step(state, current)"},
        ),
    ),
)


@unroll.inputs
def _sequences(rng: Generator) -> dict[str, dict[str, Any]]:
    def draw(batch: int, length: int, d_input: int, d_hidden: int, dtype: Any) -> dict[str, Any]:
        shapes = {
            "inputs": (batch, length, d_input),
            "state": (batch, d_hidden),
            "input_weight": (d_input, d_hidden),
            "hidden_weight": (d_hidden, d_hidden),
            "bias": (d_hidden,),
        }
        return normal_tensors(rng, shapes, dtype)

    return {
        "one sequence of three words, one number each": draw(1, 3, 1, 1, torch.float64),
        "a batch of two, five words, a state of four": draw(2, 5, 3, 4, torch.float64),
        "a batch of two, two words": draw(2, 2, 3, 4, torch.float64),
        "a batch of seven": draw(7, 4, 2, 5, torch.float32),
    }


@unroll.probe
def _states_and_gradient(candidate: Any, *, inputs: Any, state: Any, **weights: Any) -> Any:
    leaf = inputs.clone().requires_grad_()
    weight = weights["hidden_weight"].clone().requires_grad_()
    step = partial(course_step, **{**weights, "hidden_weight": weight})
    states = candidate(step, leaf, state)
    if states is None:
        return None
    leaves, overwritten = {"inputs": leaf, "weight": weight}, False
    try:
        gradients = gradients_by(states, leaves)
    except RuntimeError as error:
        if "inplace operation" not in str(error):
            raise
        gradients, overwritten = gradients_by(None, leaves), True
    return {
        "states": states,
        "gradients": {"inputs": gradients["inputs"]},
        "gradient by the step's weight": gradients["weight"],
        "overwritten": overwritten,
    }


@unroll.property("the states are of the type that was read", form=True)
def _type_as_read(given: SimpleNamespace, found: Any) -> str | None:
    states = found.get("states") if isinstance(found, dict) else None
    read = given.inputs.dtype
    if not isinstance(states, np.ndarray) or states.dtype.kind != "f" or states.dtype == read:
        return None
    return (
        f"the states are {states.dtype}, but {read} was read. A torch.zeros to fill is float32 "
        "unless it is told dtype=inputs.dtype"
    )


@unroll.property("all states are one tensor", form=True)
def _one_tensor(_: SimpleNamespace, found: Any) -> str | None:
    states = found.get("states") if isinstance(found, dict) else None
    if not (isinstance(states, list) and states):
        return None
    return f"a list of {len(states)} comes back; torch.stack makes one tensor of it, on a new axis"


@unroll.property("a step with weights can be trained through it", form=True)
def _trained_through(_: SimpleNamespace, found: Any) -> str | None:
    if not (isinstance(found, dict) and found["overwritten"]):
        return None
    return "the way back stops: something was written over that a step had read"


@unroll.property("the first state is that of the first word")
def _first_state(given: SimpleNamespace, found: Any) -> str | None:
    summed = given.inputs[:, 0] @ given.input_weight + given.state @ given.hidden_weight
    return state_off(found["states"][:, 0], np.tanh(summed + given.bias), "after the first word")


@unroll.property("a gradient comes back")
def _gradient_through_states(_: SimpleNamespace, found: Any) -> str | None:
    return without_effect(found["gradients"])


@unroll.workload
def _unrolled_in_training(candidate: Any) -> Any:
    weights = {
        "input_weight": torch.eye(16, 40).requires_grad_(),
        "hidden_weight": torch.eye(40).requires_grad_(),
        "bias": torch.zeros(40),
    }
    step = partial(course_step, **weights)
    return candidate(step, torch.ones(32, 21, 16), torch.zeros(32, 40)).sum()
