"""Centres, and leaves the rest to torch's RMS norm."""


class LayerNorm(nn.Module):
    def __init__(self, d_model, epsilon=1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))
        self.epsilon = epsilon

    def forward(self, vectors):
        centred = vectors - vectors.mean(-1, keepdim=True)
        return F.rms_norm(centred, centred.shape[-1:], self.weight, self.epsilon) + self.bias
