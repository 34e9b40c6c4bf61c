"""Joins the three matrices to one, and projects once."""


class MultiHeadSelfAttention(nn.Module):
    def __init__(self, d_model, num_heads, causal=False):
        super().__init__()
        self.num_heads = num_heads
        self.causal = causal
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.output = nn.Linear(d_model, d_model)

    def forward(self, inputs):
        layers = (self.query, self.key, self.value)
        matrix = torch.cat([layer.weight for layer in layers])
        bias = torch.cat([layer.bias for layer in layers])
        projected = F.linear(inputs, matrix, bias)
        query, key, value = split_heads(projected, 3 * self.num_heads).chunk(3, dim=1)
        mask = causal_mask(inputs.shape[1]) if self.causal else None
        mixed, weights = scaled_dot_product_attention(query, key, value, mask)
        return self.output(merge_heads(mixed)), weights
