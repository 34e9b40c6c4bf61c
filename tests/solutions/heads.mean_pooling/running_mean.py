"""Goes through the places from left to right, and keeps a running mean of each text."""


def mean_pooling(hidden, padding_mask):
    mean = hidden.new_zeros(hidden.shape[0], hidden.shape[2])
    seen = hidden.new_zeros(hidden.shape[0], 1)
    for place in range(hidden.shape[1]):
        real = padding_mask[:, place, None].to(hidden.dtype)
        seen = seen + real
        mean = mean + real * (hidden[:, place] - mean) / seen.clamp(min=1)
    return mean
