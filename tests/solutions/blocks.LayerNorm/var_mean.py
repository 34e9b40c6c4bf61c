"""Asks torch for variance and mean in one call, and undoes its correction for a sample."""


class LayerNorm(nn.Module):
    def __init__(self, d_model, epsilon=1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(d_model))
        self.bias = nn.Parameter(torch.empty(d_model))
        self.epsilon = epsilon
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, vectors):
        width = vectors.shape[-1]
        sample, mean = torch.var_mean(vectors, -1, keepdim=True, correction=1)
        slope = self.weight / torch.sqrt(sample * (width - 1) / width + self.epsilon)
        return torch.addcmul(self.bias - mean * slope, vectors, slope)
