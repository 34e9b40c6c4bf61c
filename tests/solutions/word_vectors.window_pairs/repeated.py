"""Repeats each word as often as its window has places, and drops the places off the text."""


def window_pairs(ids, reach):
    places = torch.arange(len(ids)).repeat_interleave(2 * reach)
    steps = torch.cat([torch.cat((torch.arange(-r, 0), torch.arange(1, r + 1))) for r in reach])
    inside = (places + steps >= 0) & (places + steps < len(ids))
    places, steps = places[inside], steps[inside]
    return ids[places], ids[places + steps]
