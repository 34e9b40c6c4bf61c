"""Joins at the beginning, and leaves the rest to itself."""


def merge_pair(tokens, pair):
    if len(tokens) < 2:
        return list(tokens)
    if tokens[0] == pair[0] and tokens[1] == pair[1]:
        return [pair[0] + pair[1], *merge_pair(tokens[2:], pair)]
    return [tokens[0], *merge_pair(tokens[1:], pair)]
