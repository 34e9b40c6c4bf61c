"""Lesson 01's steps: torch's own layers give the same numbers, and gradients are what they say."""

from functools import partial

import pytest
import torch
from torch import nn

from transformer_course.recurrent import (
    gradient_by_distance,
    gru_step,
    lstm_step,
    rnn_step,
    unroll,
    written_out,
)

LAYERS = {"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}


@pytest.mark.parametrize("kind", LAYERS)
def test_written_out_steps_are_torchs_own_layer(kind):
    layer = LAYERS[kind](3, 5, batch_first=True).double()
    inputs = torch.randn(2, 7, 3, dtype=torch.float64)
    torch.testing.assert_close(written_out(layer, inputs), layer(inputs)[0])


@pytest.mark.parametrize("kind", LAYERS)
def test_written_out_steps_have_the_gradients_of_torchs_own_layer(kind):
    layer = LAYERS[kind](3, 5, batch_first=True).double()
    inputs = torch.randn(2, 7, 3, dtype=torch.float64, requires_grad=True)
    found, expected = (
        torch.autograd.grad(states[:, -1].square().sum(), [inputs, *layer.parameters()])
        for states in (written_out(layer, inputs), layer(inputs)[0])
    )
    torch.testing.assert_close(found, expected)


def test_the_steps_are_torchs_cells():
    inputs, hidden, cell = torch.randn(2, 3), torch.randn(2, 5), torch.randn(2, 5)
    rnn, gru, lstm = nn.RNNCell(3, 5), nn.GRUCell(3, 5), nn.LSTMCell(3, 5)

    def weights(module):
        return module.weight_ih.T, module.weight_hh.T

    torch.testing.assert_close(
        rnn_step(inputs, hidden, *weights(rnn), rnn.bias_ih + rnn.bias_hh), rnn(inputs, hidden)
    )
    torch.testing.assert_close(
        gru_step(inputs, hidden, *weights(gru), gru.bias_ih, gru.bias_hh), gru(inputs, hidden)
    )
    state = lstm_step(
        inputs, torch.cat([hidden, cell], -1), *weights(lstm), lstm.bias_ih + lstm.bias_hh
    )
    torch.testing.assert_close(state.chunk(2, -1), lstm(inputs, (hidden, cell)))


def test_a_bank_of_models_is_each_model_by_itself():
    inputs, hidden = torch.randn(7, 2, 3), torch.randn(7, 2, 5)
    weights = torch.randn(7, 3, 5), torch.randn(7, 5, 5), torch.randn(7, 1, 5)
    together = rnn_step(inputs, hidden, *weights)
    for number in range(7):
        alone = rnn_step(inputs[number], hidden[number], *(one[number] for one in weights))
        torch.testing.assert_close(together[number], alone)


def test_a_long_sequence_is_two_short_ones_that_hand_the_state_on():
    step = partial(
        rnn_step,
        input_weight=torch.randn(3, 5),
        hidden_weight=torch.randn(5, 5),
        bias=torch.randn(5),
    )
    inputs, start = torch.randn(2, 7, 3), torch.randn(2, 5)
    first = unroll(step, inputs[:, :4], start)
    second = unroll(step, inputs[:, 4:], first[:, -1])
    torch.testing.assert_close(unroll(step, inputs, start), torch.cat([first, second], 1))


def test_the_gradient_of_a_memory_of_one_number_is_a_power_of_its_weight():
    def score(inputs):
        return unroll(lambda word, memory: 0.5 * memory + word, inputs, torch.zeros(3, 1))[:, -1, 0]

    found = gradient_by_distance(score, torch.randn(3, 5, 1))
    torch.testing.assert_close(found, torch.tensor([1, 0.5, 0.25, 0.125, 0.0625]))


def test_gradients_by_distance_are_those_of_small_changes():
    weights = torch.randn(3, 4, dtype=torch.float64), torch.randn(4, 4, dtype=torch.float64)

    def score(inputs):
        start = inputs.new_zeros(len(inputs), 4)
        step = partial(
            rnn_step,
            input_weight=weights[0],
            hidden_weight=weights[1],
            bias=inputs.new_zeros(4),
        )
        return unroll(step, inputs, start)[:, -1, 2]

    inputs = torch.randn(2, 5, 3, dtype=torch.float64)
    lengths = torch.zeros(2, 5, dtype=torch.float64)
    for place in range(5):
        for number in range(3):
            moved = inputs.clone()
            moved[:, place, number] += 1e-6
            lengths[:, place] += ((score(moved) - score(inputs)) / 1e-6).square()
    expected = lengths.sqrt().mean(0).flip(0)
    found = gradient_by_distance(score, inputs)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-7)


def test_inputs_are_left_as_they_were():
    inputs = torch.randn(2, 3, 1)
    gradient_by_distance(lambda read: read.sum((1, 2)), inputs)
    assert not inputs.requires_grad


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.RNN(3, 5, nonlinearity="relu", batch_first=True), "mode RNN_RELU has no step here"),
        (nn.RNN(3, 5), "batch_first=False .* build it with batch_first=True"),
        (nn.LSTM(3, 5, num_layers=2, batch_first=True), "num_layers=2 .* with num_layers=1"),
        (nn.GRU(3, 5, bidirectional=True, batch_first=True), "bidirectional=True"),
        (nn.LSTM(3, 5, bias=False, batch_first=True), "bias=False"),
        (nn.LSTM(3, 5, proj_size=2, batch_first=True), "proj_size=2"),
    ],
)
def test_a_layer_that_cannot_be_written_out_is_refused_with_what_to_do(layer, words):
    with pytest.raises(ValueError, match=words):
        written_out(layer, torch.randn(2, 7, 3))
