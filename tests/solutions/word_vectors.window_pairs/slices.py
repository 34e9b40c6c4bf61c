"""Lays the text beside itself, shifted by each distance, as slices."""


def window_pairs(ids, reach):
    middles, besides = [ids[:0]], [ids[:0]]
    for shift in range(1, min(int(reach.max()), len(ids) - 1) + 1):
        left, right = ids[:-shift], ids[shift:]
        ahead, back = reach[:-shift] >= shift, reach[shift:] >= shift
        middles += [left[ahead], right[back]]
        besides += [right[ahead], left[back]]
    return torch.cat(middles), torch.cat(besides)
