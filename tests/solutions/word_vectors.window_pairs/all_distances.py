"""Makes a table of all distances, and keeps the cells that lie in the window."""


def window_pairs(ids, reach):
    places = torch.arange(len(ids))
    distance = (places[:, None] - places).abs()
    middle, beside = ((distance > 0) & (distance <= reach[:, None])).nonzero(as_tuple=True)
    return ids[middle], ids[beside]
