"""Goes back to the angle itself: a point is its distance and its direction, and those add."""


def rotate(vectors, cosine, sine):
    first, second = vectors.tensor_split(2, dim=-1)
    distance = torch.hypot(first, second)
    direction = torch.atan2(second, first) + torch.atan2(sine, cosine)
    return torch.concat([distance * direction.cos(), distance * direction.sin()], dim=-1)
