"""Puts both inputs side by side, and both matrices below one another: a single product."""


def rnn_step(inputs, hidden, input_weight, hidden_weight, bias):
    both = torch.cat([inputs, hidden], dim=1)
    weight = torch.cat([input_weight, hidden_weight], dim=0)
    return (both @ weight + bias).tanh()
