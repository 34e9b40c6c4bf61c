"""Joins one place at a time: the leftmost of the lowest rank."""


def merge_by_rank(tokens, ranks):
    tokens = list(tokens)
    while True:
        places = [
            (ranks[left, right], place)
            for place, (left, right) in enumerate(pairwise(tokens))
            if (left, right) in ranks
        ]
        if not places:
            return tokens
        _, place = min(places)
        tokens[place : place + 2] = [tokens[place] + tokens[place + 1]]
