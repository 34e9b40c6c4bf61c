"""Writes both halves into an empty tensor of its own."""


def rotate(vectors, cosine, sine):
    half = cosine.shape[-1]
    turned = torch.empty_like(vectors)
    turned[..., :half] = torch.addcmul(
        vectors[..., :half] * cosine, vectors[..., half:], sine, value=-1
    )
    turned[..., half:] = torch.addcmul(vectors[..., half:] * cosine, vectors[..., :half], sine)
    return turned
