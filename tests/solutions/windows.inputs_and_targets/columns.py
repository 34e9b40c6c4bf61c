"""Takes the windows apart into columns, and stacks all but one again."""


def inputs_and_targets(windows):
    first, *others = windows.unbind(1)
    columns = [first, *others]
    return torch.stack(columns[:-1], dim=1), torch.stack(others, dim=1)
