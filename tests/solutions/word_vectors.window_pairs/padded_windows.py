"""Pads the text at both ends, and looks at every window as a row."""


def window_pairs(ids, reach):
    widest = int(reach.max())
    padded = F.pad(torch.arange(len(ids)), (widest, widest), value=-1)
    rows = padded.unfold(0, 2 * widest + 1, 1)
    steps = torch.arange(-widest, widest + 1)
    kept = (rows >= 0) & (steps != 0) & (steps.abs() <= reach.unsqueeze(1))
    middle = torch.arange(len(ids)).unsqueeze(1).expand_as(rows)
    return ids[middle[kept]], ids[rows[kept]]
