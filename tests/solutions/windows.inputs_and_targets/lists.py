"""Goes through the rows as plain lists."""


def inputs_and_targets(windows):
    rows = windows.tolist()
    inputs = [row[:-1] for row in rows]
    targets = [row[1:] for row in rows]
    return torch.tensor(inputs), torch.tensor(targets)
