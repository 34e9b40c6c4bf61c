"""Puts word and hidden state side by side: one product for everything."""


def lstm_step(inputs, state, input_weight, hidden_weight, bias):
    hidden, cell = torch.split(state, state.shape[-1] // 2, dim=-1)
    total = torch.cat([inputs, hidden], 1) @ torch.cat([input_weight, hidden_weight]) + bias
    i, f, g, o = torch.tensor_split(total, 4, dim=-1)
    c = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    return torch.hstack([o.sigmoid() * c.tanh(), c])
