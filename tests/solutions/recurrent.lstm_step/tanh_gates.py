"""Makes every gate of a tanh: a sigmoid is a tanh of half the number, moved into 0 to 1."""


def lstm_step(inputs, state, input_weight, hidden_weight, bias):
    def gate(number):
        return (torch.tanh(number / 2) + 1) / 2

    hidden, cell = state.chunk(2, dim=-1)
    first, second, third, fourth = (inputs @ input_weight + hidden @ hidden_weight + bias).chunk(
        4, dim=-1
    )
    cell = cell * gate(second) + torch.tanh(third) * gate(first)
    return torch.cat([torch.tanh(cell) * gate(fourth), cell], dim=-1)
