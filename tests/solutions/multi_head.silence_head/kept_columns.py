"""Multiplies by 1 where a column is kept, and by 0 where it is the head's."""


def silence_head(output_weight, head, num_heads):
    width = output_weight.shape[1]
    owner = torch.arange(width) // (width // num_heads)
    return output_weight * (owner != head)
