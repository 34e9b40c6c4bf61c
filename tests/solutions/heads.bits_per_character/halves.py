"""Solves 2 to the bits = e to the nats by halving an interval."""


def bits_per_character(loss, num_tokens, num_characters):
    nats = loss * num_tokens / num_characters
    low, high = 0.0, 2 * nats + 1
    for _ in range(60):
        middle = (low + high) / 2
        if middle * math.log(2) < nats:
            low = middle
        else:
            high = middle
    return (low + high) / 2
