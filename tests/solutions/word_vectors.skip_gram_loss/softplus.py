"""Says −log σ(x) as softplus(−x), and takes the two means apart."""


def skip_gram_loss(centre, context, noise, num_negatives=5.0):
    real = F.softplus(-torch.einsum("pd,pd->p", centre, context)).mean()
    drawn = F.softplus(torch.einsum("pd,nd->pn", centre, noise)).mean()
    return real + num_negatives * drawn
