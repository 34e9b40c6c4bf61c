"""Makes each head a sequence of its own in a larger batch."""


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
        batch, length, width = inputs.shape
        query, key, value = (
            split_heads(layer(inputs), self.num_heads).flatten(0, 1)
            for layer in (self.query, self.key, self.value)
        )
        scores = torch.bmm(query, key.mT) / math.sqrt(width / self.num_heads)
        if self.causal:
            scores = scores.masked_fill(~causal_mask(length), -math.inf)
        weights = F.softmax(scores, dim=-1)
        mixed = torch.bmm(weights, value).unflatten(0, (batch, self.num_heads))
        return self.output(merge_heads(mixed)), weights.unflatten(0, (batch, self.num_heads))
