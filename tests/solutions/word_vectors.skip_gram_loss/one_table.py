"""Puts real and drawn scores side by side in one table, with a weight for each column."""


def skip_gram_loss(centre, context, noise, num_negatives=5.0):
    real = (centre * context).sum(-1, keepdim=True)
    scores = torch.cat((real, -centre @ noise.T), dim=1)
    weights = torch.full((scores.shape[1],), num_negatives / len(noise), dtype=scores.dtype)
    weights[0] = 1.0
    return -(F.logsigmoid(scores) @ weights).mean()
