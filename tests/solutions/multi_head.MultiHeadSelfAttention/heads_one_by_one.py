"""Lets one head after the other attend in its slice, and joins what they say."""


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
        slices = zip(
            *(
                layer(inputs).chunk(self.num_heads, dim=-1)
                for layer in (self.query, self.key, self.value)
            ),
            strict=True,
        )
        mask = causal_mask(inputs.shape[1]) if self.causal else None
        said = [scaled_dot_product_attention(*one, mask=mask) for one in slices]
        output = self.output(torch.cat([mixed for mixed, _ in said], dim=-1))
        return output, torch.stack([weights for _, weights in said], dim=1)
