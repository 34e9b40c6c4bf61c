"""Builds the two-by-two matrix of every angle, and multiplies each pair by its own."""


def rotate(vectors, cosine, sine):
    matrices = torch.stack(
        (torch.stack((cosine, -sine), dim=-1), torch.stack((sine, cosine), dim=-1)), dim=-2
    )
    pairs = vectors.unflatten(-1, (2, -1)).mT
    turned = torch.einsum("...prc,...pc->...pr", matrices, pairs)
    return turned.mT.flatten(-2)
