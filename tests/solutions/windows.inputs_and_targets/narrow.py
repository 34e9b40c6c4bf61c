"""Names axis, start and length instead of slicing."""


def inputs_and_targets(windows):
    length = windows.size(1) - 1
    return windows.narrow(1, 0, length), windows.narrow(1, 1, length)
