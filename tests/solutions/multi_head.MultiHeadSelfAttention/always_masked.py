"""Always hands over a mask, one that hides nothing where nothing is to be hidden."""


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
        length = inputs.shape[1]
        mask = causal_mask(length, 0 if self.causal else length)[:, :length]
        parts = [split_heads(f(inputs), self.num_heads) for f in (self.query, self.key, self.value)]
        mixed, weights = scaled_dot_product_attention(*parts, mask=mask)
        return self.output(merge_heads(mixed)), weights
