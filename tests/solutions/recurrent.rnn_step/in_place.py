"""Starts from the bias, and adds in place on a tensor of its own."""


def rnn_step(inputs, hidden, input_weight, hidden_weight, bias):
    total = bias.repeat(len(inputs), 1)
    total += torch.mm(inputs, input_weight)
    total += torch.mm(hidden, hidden_weight)
    return total.tanh_()
