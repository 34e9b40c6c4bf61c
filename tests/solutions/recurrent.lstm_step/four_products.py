"""Cuts the weights into their four blocks, and takes a product for each."""


def lstm_step(inputs, state, input_weight, hidden_weight, bias):
    width = state.shape[1] // 2
    hidden, cell = state[:, :width], state[:, width:]
    blocks = []
    for number in range(4):
        columns = slice(number * width, (number + 1) * width)
        total = inputs @ input_weight[:, columns] + hidden @ hidden_weight[:, columns]
        blocks.append(total + bias[columns])
    let_in, keep, show = (torch.sigmoid(blocks[number]) for number in (0, 1, 3))
    cell = keep * cell + let_in * blocks[2].tanh()
    return torch.cat((show * cell.tanh(), cell), dim=1)
