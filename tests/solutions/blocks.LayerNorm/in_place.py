"""Centres and divides in place, on a tensor of its own."""


class LayerNorm(nn.Module):
    def __init__(self, d_model, epsilon=1e-5):
        super().__init__()
        for name, number in (("weight", 1.0), ("bias", 0.0)):
            self.register_parameter(name, nn.Parameter(torch.tensor([number] * d_model)))
        self.epsilon = epsilon

    def forward(self, vectors):
        own = vectors.clone()
        own -= vectors.mean(-1, keepdim=True)
        own /= (vectors.std(-1, keepdim=True, correction=0).square() + self.epsilon).sqrt()
        own *= self.weight
        own += self.bias
        return own
