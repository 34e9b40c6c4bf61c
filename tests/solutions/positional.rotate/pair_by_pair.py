"""Goes through the pairs in a loop, and collects their two numbers in two lists."""


def rotate(vectors, cosine, sine):
    half = vectors.shape[-1] // 2
    firsts, seconds = [], []
    for pair in range(half):
        across, along = vectors[..., pair], vectors[..., pair + half]
        turn, rise = cosine[..., pair], sine[..., pair]
        firsts.append(across * turn - along * rise)
        seconds.append(along * turn + across * rise)
    return torch.stack(firsts + seconds, dim=-1)
