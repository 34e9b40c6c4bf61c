"""Fills two new tensors place by place."""


def inputs_and_targets(windows):
    count, longer = windows.shape
    inputs = windows.new_empty((count, longer - 1))
    targets = torch.empty_like(inputs)
    for place in range(longer - 1):
        inputs[:, place] = windows[:, place]
        targets[:, place] = windows[:, place + 1]
    return inputs, targets
