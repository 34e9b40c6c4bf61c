"""Gives each head its own rows of the matrices, and adds up what the heads contribute."""


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
        d_head = inputs.shape[-1] // self.num_heads
        mask = causal_mask(inputs.shape[1]) if self.causal else None
        output, maps = self.output.bias, []
        for head in range(self.num_heads):
            own = slice(head * d_head, (head + 1) * d_head)
            query, key, value = (
                F.linear(inputs, layer.weight[own], layer.bias[own])
                for layer in (self.query, self.key, self.value)
            )
            mixed, weights = scaled_dot_product_attention(query, key, value, mask)
            output = output + mixed @ self.output.weight[:, own].T
            maps.append(weights)
        return output, torch.stack(maps, dim=1)
