"""Counts the places of every window and numbers all of them in one row, without any loop."""


def window_pairs(ids, reach):
    places = torch.arange(len(ids))
    first, last = (places - reach).clamp(min=0), (places + reach).clamp(max=len(ids) - 1)
    sizes = last - first + 1
    middle = places.repeat_interleave(sizes)
    begins = sizes.cumsum(0) - sizes
    beside = torch.arange(len(middle)) - begins[middle] + first[middle]
    others = beside != middle
    return ids[middle[others]], ids[beside[others]]
