"""A 2 × 2 matrix for each place."""


def turn_pair(pair, positions, frequency):
    angles = frequency * positions
    sine, cosine = torch.sin(angles), torch.cos(angles)
    matrices = torch.stack(
        (torch.stack((cosine, -sine), -1), torch.stack((sine, cosine), -1)), dim=-2
    )
    return matrices @ pair
