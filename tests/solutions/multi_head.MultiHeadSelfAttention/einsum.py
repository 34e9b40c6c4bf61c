"""Writes scores and mixing as sums over named axes, and softmax out of torch."""


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
        query, key, value = (
            layer(inputs).unflatten(-1, (self.num_heads, -1))
            for layer in (self.query, self.key, self.value)
        )
        scores = torch.einsum("bqhd,bkhd->bhqk", query, key) / query.shape[-1] ** 0.5
        if self.causal:
            scores = scores + torch.full((length, length), -torch.inf, dtype=scores.dtype).triu(1)
        weights = scores.softmax(dim=-1)
        return self.output(torch.einsum("bhqk,bkhd->bqhd", weights, value).flatten(2)), weights
