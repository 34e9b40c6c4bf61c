"""Takes the mean off by a matrix, and the root from a length of √d_model."""


class LayerNorm(nn.Module):
    def __init__(self, d_model, epsilon=1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))
        self.epsilon = epsilon
        self.register_buffer("centring", torch.eye(d_model) - 1 / d_model, persistent=False)

    def forward(self, vectors):
        centred = vectors @ self.centring
        squares = torch.linalg.vecdot(centred, centred)[..., None]
        width = vectors.shape[-1]
        return (
            math.sqrt(width) * centred / (squares + width * self.epsilon).sqrt() * (self.weight)
            + self.bias
        )
