"""Reads all words but the last by calling itself, and then the last."""


def unroll(step, inputs, state):
    if inputs.shape[1] == 1:
        return step(inputs[:, 0], state).unsqueeze(1)
    before = unroll(step, inputs[:, :-1], state)
    return torch.cat([before, step(inputs[:, -1], before[:, -1]).unsqueeze(1)], dim=1)
