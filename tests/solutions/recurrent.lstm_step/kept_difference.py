"""Writes the new cell as the old one, less what is forgotten, plus what is let in."""


def lstm_step(inputs, state, input_weight, hidden_weight, bias):
    d_hidden = hidden_weight.shape[0]
    hidden, old = state[..., :d_hidden], state[..., d_hidden:]
    blocks = torch.einsum("bi,ij->bj", inputs, input_weight)
    blocks = blocks + torch.einsum("bh,hj->bj", hidden, hidden_weight) + bias
    let_in, keep, new, show = blocks.unflatten(-1, (4, d_hidden)).unbind(-2)
    new_cell = old - (1 - keep.sigmoid()) * old + let_in.sigmoid() * new.tanh()
    return torch.cat([show.sigmoid() * new_cell.tanh(), new_cell], -1)
