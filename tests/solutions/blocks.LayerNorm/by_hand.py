"""Sums centred numbers and their squares by hand, and divides by the width."""


class LayerNorm(nn.Module):
    def __init__(self, d_model, epsilon=1e-5):
        super().__init__()
        self.d_model, self.epsilon = d_model, epsilon
        self.bias = nn.Parameter(torch.zeros(d_model))
        self.weight = nn.Parameter(self.bias.detach() + 1)

    def forward(self, vectors):
        centred = vectors - vectors.sum(dim=-1, keepdim=True) / self.d_model
        spread = torch.einsum("...i,...i->...", centred, centred).unsqueeze(-1) / self.d_model
        return self.bias + self.weight * centred / torch.sqrt(spread + self.epsilon)
