"""Starts from zeros and scatters a 1 into each row."""


def one_hot_lookup(ids, table):
    one_hot = torch.zeros(*ids.shape, len(table), dtype=table.dtype)
    one_hot.scatter_(-1, ids.unsqueeze(-1), 1.0)
    return one_hot, torch.matmul(one_hot, table)
