"""Multiplies by a diagonal matrix that has zeros at the head's places."""


def silence_head(output_weight, head, num_heads):
    speaks = torch.ones(num_heads, dtype=output_weight.dtype)
    speaks[head] = 0
    return output_weight @ torch.diag(speaks.repeat_interleave(output_weight.shape[1] // num_heads))
