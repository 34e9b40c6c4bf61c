"""Turns time to the front, walks along it, and turns it back."""


def unroll(step, inputs, state):
    collected = []
    for word in inputs.transpose(0, 1):
        state = step(word, state)
        collected.append(state)
    return torch.stack(collected).transpose(0, 1)
