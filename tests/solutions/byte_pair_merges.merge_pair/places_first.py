"""Finds all places of the pair first, drops those that overlap, then builds the list."""


def merge_pair(tokens, pair):
    starts = []
    for place in range(len(tokens) - 1):
        free = not starts or place > starts[-1] + 1
        if free and (tokens[place], tokens[place + 1]) == (pair[0], pair[1]):
            starts.append(place)
    seconds = {place + 1 for place in starts}
    return [
        token + pair[1] if place in starts else token
        for place, token in enumerate(tokens)
        if place not in seconds
    ]
