"""Makes room for all states first, and writes each into its place."""


def unroll(step, inputs, state):
    batch, length, _ = inputs.shape
    states = torch.empty(batch, length, state.shape[-1], dtype=state.dtype)
    for place in range(length):
        state = step(inputs[:, place, :], state)
        states[:, place, :] = state
    return states
