"""Counts places, and joins states that have got a time axis one by one."""


def unroll(step, inputs, state):
    states = []
    for place in range(inputs.shape[1]):
        state = step(inputs[:, place], state)
        states += [state[:, None]]
    return torch.cat(states, dim=1)
