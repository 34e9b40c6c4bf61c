"""Takes the slices apart as tensors of their own, and stacks them."""


def split_heads(vectors, num_heads):
    return torch.stack(vectors.chunk(num_heads, dim=-1), dim=1)
