"""Looks up, for each head and place in it, the number's place in the vector."""


def split_heads(vectors, num_heads):
    places = torch.arange(vectors.shape[-1]).reshape(num_heads, -1)
    return torch.stack([vectors[..., own] for own in places], dim=1)
