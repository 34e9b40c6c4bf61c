"""Cuts every pair of neighbours out of the windows, then takes the pairs apart."""


def inputs_and_targets(windows):
    pairs = windows.unfold(1, 2, 1)
    return pairs[..., 0], pairs[..., 1]
