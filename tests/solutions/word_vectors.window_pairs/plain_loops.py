"""Goes through the places and the places around each, in Python."""


def window_pairs(ids, reach):
    middle, beside = [], []
    for place in range(len(ids)):
        first = max(0, place - int(reach[place]))
        last = min(len(ids) - 1, place + int(reach[place]))
        for other in range(first, last + 1):
            if other != place:
                middle.append(int(ids[place]))
                beside.append(int(ids[other]))
    return torch.tensor(middle, dtype=ids.dtype), torch.tensor(beside, dtype=ids.dtype)
