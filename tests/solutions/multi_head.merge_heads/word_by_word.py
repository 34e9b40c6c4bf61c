"""Goes from word to word and lines up what the heads say of it."""


def merge_heads(heads):
    batch, _, length, _ = heads.shape
    words = [heads[:, :, place].reshape(batch, -1) for place in range(length)]
    return torch.stack(words, dim=1)
