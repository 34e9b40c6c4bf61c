"""Asks torch's binary cross-entropy: is the pair real, 1 or 0?"""


def skip_gram_loss(centre, context, noise, num_negatives=5.0):
    real = (centre * context).sum(1)
    drawn = centre @ noise.t()
    yes = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    no = F.binary_cross_entropy_with_logits(drawn, torch.zeros_like(drawn))
    return yes + num_negatives * no
