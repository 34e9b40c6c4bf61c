"""Moves whole rows by one, then drops the place where an id has come round."""


def inputs_and_targets(windows):
    moved = windows.roll(-1, dims=1)
    inputs, targets = torch.stack((windows, moved))[:, :, :-1]
    return inputs, targets
