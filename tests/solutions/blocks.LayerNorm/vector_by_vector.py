"""Brings one vector after the other to its norm, in a loop over all of them."""


class LayerNorm(nn.Module):
    def __init__(self, d_model, epsilon=1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))
        self.epsilon = epsilon

    def forward(self, vectors):
        normed = []
        for vector in vectors.flatten(0, -2):
            deviation = vector - vector.mean()
            normed.append(deviation / (deviation.square().mean() + self.epsilon) ** 0.5)
        return torch.stack(normed).view_as(vectors) * self.weight + self.bias
