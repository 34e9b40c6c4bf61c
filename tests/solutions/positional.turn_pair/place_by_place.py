"""A loop over the places, and Python's own sine and cosine."""


def turn_pair(pair, positions, frequency):
    a, b = pair.tolist()
    turned = []
    for position in positions.flatten().tolist():
        c, s = math.cos(position * frequency), math.sin(position * frequency)
        turned.append([a * c - b * s, a * s + b * c])
    return torch.tensor(turned).reshape(*positions.shape, 2)
