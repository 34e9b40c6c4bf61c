"""Takes the variance as the mean of the squares less the square of the mean, in float64."""


class LayerNorm(nn.Module):
    def __init__(self, d_model, epsilon=1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.full((d_model,), 1.0))
        self.bias = nn.Parameter(torch.full((d_model,), 0.0))
        self.epsilon = epsilon

    def forward(self, vectors):
        wide = vectors.double()
        mean = wide.mean(-1, keepdim=True)
        variance = wide.pow(2).mean(-1, keepdim=True) - mean.pow(2)
        normal = (wide - mean) * torch.rsqrt(variance + self.epsilon)
        return normal.to(vectors.dtype) * self.weight + self.bias
