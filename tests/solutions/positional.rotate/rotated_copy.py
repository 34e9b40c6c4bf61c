"""Turns a whole copy by a right angle, and adds it in the proportion of sine to cosine."""


def rotate(vectors, cosine, sine):
    first, second = torch.split(vectors, vectors.shape[-1] // 2, dim=-1)
    quarter = torch.cat((-second, first), dim=-1)
    return vectors * torch.cat((cosine, cosine), -1) + quarter * torch.cat((sine, sine), -1)
