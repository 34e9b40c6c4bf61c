"""Joins what is left of the head, zeros, and what is right of it."""


def silence_head(output_weight, head, num_heads):
    d_head = output_weight.shape[1] // num_heads
    left, own, right = output_weight.tensor_split((head * d_head, (head + 1) * d_head), dim=1)
    return torch.cat((left, torch.zeros_like(own), right), dim=1)
