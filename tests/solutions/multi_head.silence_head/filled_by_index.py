"""Lists the head's columns, and fills them."""


def silence_head(output_weight, head, num_heads):
    d_head = output_weight.shape[1] // num_heads
    own = torch.arange(head * d_head, (head + 1) * d_head)
    return output_weight.index_fill(1, own, 0)
