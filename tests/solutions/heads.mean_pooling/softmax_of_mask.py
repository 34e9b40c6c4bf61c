"""Takes softmax of 0 for real tokens and −∞ for padding: equal shares for who is real."""


def mean_pooling(hidden, padding_mask):
    scores = torch.zeros_like(hidden[..., 0]).masked_fill(~padding_mask, -math.inf)
    shares = F.softmax(scores, dim=1)
    return (hidden * shares[:, :, None]).sum(dim=1)
