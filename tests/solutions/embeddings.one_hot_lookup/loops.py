"""Goes through the ids one by one, in Python, and adds up weighted rows."""


def one_hot_lookup(ids, table):
    size = table.shape[0]
    flat = ids.reshape(-1).tolist()
    hot = [[1.0 if row == number else 0.0 for row in range(size)] for number in flat]
    one_hot = torch.tensor(hot, dtype=table.dtype)
    vectors = [sum(line[row] * table[row] for row in range(size)) for line in one_hot]
    shape = tuple(ids.shape)
    return one_hot.reshape(*shape, size), torch.stack(vectors).reshape(*shape, table.shape[1])
