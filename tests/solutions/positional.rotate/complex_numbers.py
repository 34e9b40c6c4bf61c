"""Reads each pair as a complex number, and multiplies by the number of its angle."""


def rotate(vectors, cosine, sine):
    half = vectors.shape[-1] // 2
    points = torch.complex(vectors[..., :half], vectors[..., half:])
    turned = points * torch.complex(cosine, sine)
    return torch.cat((turned.real, turned.imag), dim=-1)
