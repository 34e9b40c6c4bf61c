"""A list comprehension over the pairs, with Python's own powers."""


def pair_frequencies(d_model, base=10_000.0):
    if d_model % 2 == 1:
        raise ValueError("d_model must be even")
    return torch.tensor([1 / base ** (2 * pair / d_model) for pair in range(d_model // 2)])
