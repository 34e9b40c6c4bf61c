"""Rolls the halves past each other, in float64, and lets a row of signs do the subtraction."""


def rotate(vectors, cosine, sine):
    half = cosine.shape[-1]
    signs = torch.ones(2 * half, dtype=torch.float64)
    signs[:half] = -1
    wide = vectors.double()
    other = wide.roll(half, dims=-1) * signs
    turned = wide * cosine.repeat_interleave(2, -1).unflatten(-1, (half, 2)).mT.flatten(-2)
    return (turned + other * sine.tile(2)).to(vectors.dtype)
