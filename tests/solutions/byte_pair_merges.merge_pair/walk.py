"""Walks with a place of its own, two steps on after a pair and one otherwise."""


def merge_pair(tokens, pair):
    place, joined = 0, []
    while place < len(tokens):
        if tuple(tokens[place : place + 2]) == tuple(pair):
            joined.append(pair[0] + pair[1])
            place += 2
        else:
            joined.append(tokens[place])
            place += 1
    return joined
