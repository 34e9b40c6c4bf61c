"""Writes tanh out by two sigmoids' worth of exponentials."""


def rnn_step(inputs, hidden, input_weight, hidden_weight, bias):
    total = inputs.matmul(input_weight) + hidden.matmul(hidden_weight) + bias
    return 2 / (1 + torch.exp(-2 * total)) - 1
