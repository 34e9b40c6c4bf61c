"""Replaces slices of a copy, which gets shorter while it is walked."""


def merge_pair(tokens, pair):
    copy, place = list(tokens), 0
    while place + 1 < len(copy):
        if copy[place] == pair[0] and copy[place + 1] == pair[1]:
            copy[place : place + 2] = [b"".join(pair)]
        place += 1
    return copy
