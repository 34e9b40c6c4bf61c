"""Pulls tokens from an iterator, and remembers one that may still be joined."""


def merge_pair(tokens, pair):
    left, right = pair
    merged, waiting = [], None
    for token in [*tokens, None]:
        if waiting == left and token == right:
            merged.append(left + right)
            waiting = None
            continue
        if waiting is not None:
            merged.append(waiting)
        waiting = token
    return merged
