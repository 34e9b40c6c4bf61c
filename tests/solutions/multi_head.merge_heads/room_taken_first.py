"""Makes room first, and writes each head into its slice."""


def merge_heads(heads):
    batch, num_heads, length, d_head = heads.shape
    merged = heads.new_zeros(batch, length, num_heads * d_head)
    for head in range(num_heads):
        merged[..., head * d_head : (head + 1) * d_head] = heads[:, head]
    return merged
