"""What the checks of lesson 01 say of answers that are wrong in no known way is true."""

import re

import pytest

from transformer_course.engine.answers import verdict_on
from transformer_course.engine.catalogue import exercises
from transformer_course.engine.sources import build
from transformer_course.engine.verdict import State, expected, mistaken

pytestmark = pytest.mark.usefixtures("unchecked")


@pytest.fixture(scope="module", autouse=True)
def _kept_for_these_tests_only():
    """What mistakes raise depends on the shape checks: none of it may reach other tests."""
    for kept in (expected, mistaken):
        kept.cache_clear()
    yield
    for kept in (expected, mistaken):
        kept.cache_clear()


def verdict(name, source):
    exercise = exercises()[name]
    return verdict_on(exercise, build(source, name, exercise.lent()))


def test_a_matrix_without_effect_is_named():
    found = verdict(
        "recurrent.lstm_step",
        """def lstm_step(inputs, state, input_weight, hidden_weight, bias):
    hidden, cell = state.chunk(2, -1)
    let_in, keep, new, show = (inputs @ input_weight + bias).chunk(4, -1)
    cell = torch.sigmoid(keep) * cell + torch.sigmoid(let_in) * torch.tanh(new)
    return torch.cat([torch.sigmoid(show) * torch.tanh(cell), cell], -1)
""",
    )
    assert found.state is State.NOT_YET
    assert found.seen.startswith("`hidden_weight` has no effect on the result")


def test_a_step_that_is_cut_off_is_asked_for_what_cuts():
    found = verdict(
        "recurrent.rnn_step",
        """def rnn_step(inputs, hidden, input_weight, hidden_weight, bias):
    summed = inputs @ input_weight + hidden @ hidden_weight + bias
    return torch.tanh(summed).detach()
""",
    )
    assert found.state is State.NOT_YET
    assert "no gradient comes back through the result; is there a .detach()" in found.seen


@pytest.mark.parametrize("change", ["1e-3", "1e-4"])
def test_small_changes_in_place_of_gradients_are_told_that_they_are_coarse(change):
    found = verdict(
        "recurrent.gradient_by_distance",
        f"""def gradient_by_distance(score, inputs):
    gradient = torch.zeros_like(inputs)
    for place in np.ndindex(*inputs.shape):
        more, less = inputs.clone(), inputs.clone()
        more[place] += {change}
        less[place] -= {change}
        gradient[place] = (score(more) - score(less))[place[0]] / (2 * {change})
    return gradient.norm(dim=-1).mean(0).flip(0)
""",
    )
    assert found.state is State.NOT_YET
    assert "Gradients by small changes are that coarse, torch.autograd.grad is exact" in found.seen


def test_a_list_that_starts_with_the_given_state_has_one_state_too_many():
    found = verdict(
        "recurrent.unroll",
        """def unroll(step, inputs, state):
    states = [state]
    for word in inputs.unbind(1):
        states.append(step(word, states[-1]))
    return torch.stack(states, 1)
""",
    )
    assert found.mistake == "the state from before the first word is in the list as well"


def test_states_filled_into_zeros_of_the_default_type_are_told_which_type_was_read():
    found = verdict(
        "recurrent.unroll",
        """def unroll(step, inputs, state):
    states = torch.zeros(*inputs.shape[:2], state.shape[1])
    for place in range(inputs.shape[1]):
        state = states[:, place] = step(inputs[:, place], state)
    return states
""",
    )
    assert found.state is State.NOT_YET
    assert found.seen.startswith("the states are float32, but float64 was read")
    assert "dtype=inputs.dtype" in found.seen


def test_lengths_that_are_far_off_are_not_said_to_be_exact():
    found = verdict(
        "recurrent.gradient_by_distance",
        """def gradient_by_distance(score, inputs):
    inputs = inputs.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(score(inputs).sum(), inputs)
    return gradient.norm(dim=-1).mean(0).flip(0) * inputs.shape[-1]
""",
    )
    assert found.state is State.NOT_YET
    assert ("the lengths are exact", True) not in found.checklist
    assert re.match(r"at distance \d it gives 2 times the length", found.seen)


@pytest.mark.parametrize(
    "loop",
    [
        """    states = inputs.new_zeros(*inputs.shape[:2], state.shape[1])
    for place in range(inputs.shape[1]):
        before = state if place == 0 else states[:, place - 1]
        states[:, place] = step(inputs[:, place], before)
    return states""",
        """    room = inputs.new_zeros(*inputs.shape[:2], state.shape[1])
    states = torch.cat([state[:, None], room], 1)
    for place in range(inputs.shape[1]):
        states[:, place + 1] = step(inputs[:, place], states[:, place])
    return states[:, 1:]""",
    ],
)
def test_a_loop_that_writes_over_what_a_step_has_read_is_told_that_it_cannot_be_trained(loop):
    found = verdict("recurrent.unroll", f"def unroll(step, inputs, state):\n{loop}\n")
    assert found.mistake == ("a step reads its state out of the tensor that is still being filled")
    assert "the way back stops: something was written over that a step had read" in found.seen


def test_a_list_of_states_is_told_what_makes_a_tensor_of_it():
    found = verdict(
        "recurrent.unroll",
        """def unroll(step, inputs, state):
    states = []
    for word in inputs.unbind(1):
        state = step(word, state)
        states.append(state)
    return states
""",
    )
    assert found.state is State.NOT_YET
    assert found.seen.startswith("a list of 3 comes back; torch.stack makes one tensor of it")


def test_an_error_of_another_kind_on_the_way_back_is_told_as_it_is():
    found = verdict(
        "recurrent.unroll",
        """def unroll(step, inputs, state):
    states = []
    for place in range(inputs.shape[1]):
        state = step(inputs[:, place], state)
        states.append(state)
        state.sum().backward()
    return torch.stack(states, 1)
""",
    )
    assert found.state is State.STOPPED
    assert "backward is called twice" in found.seen


@pytest.mark.parametrize("stack", ["torch.stack(states)", "torch.stack(states, 1)"])
def test_a_loop_over_the_batch_is_told_where_the_words_lie(stack):
    found = verdict(
        "recurrent.unroll",
        f"""def unroll(step, inputs, state):
    states = []
    for word in inputs:
        state = step(word, state)
        states.append(state)
    return {stack}
""",
    )
    assert found.state is State.SLIP
    assert "the first axis" in found.next_step


def test_a_square_is_called_the_last_words_square():
    found = verdict(
        "recurrent.gradient_by_distance",
        """def gradient_by_distance(score, inputs):
    inputs = inputs.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(score(inputs).sum(), inputs)
    return (gradient ** 2).sum(-1).mean(0).flip(0)
""",
    )
    first, norm = re.search(r"number is (\S+), the square of (\S+), the last", found.seen).groups()
    assert float(first) == pytest.approx(float(norm) ** 2, rel=0.02)


@pytest.mark.parametrize(
    ("returned", "mistake"),
    [
        (".mean(0)", "it is ordered by place, not by distance"),
        (".flip(1)", "each sequence has its own numbers"),
    ],
)
def test_other_lengths_are_told_what_the_last_words_is(returned, mistake):
    found = verdict(
        "recurrent.gradient_by_distance",
        f"""def gradient_by_distance(score, inputs):
    inputs = inputs.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(score(inputs).sum(), inputs)
    return gradient.norm(dim=-1){returned}
""",
    )
    assert found.mistake == mistake
    assert "the last word's norm is" in found.seen or "shape" in found.seen
