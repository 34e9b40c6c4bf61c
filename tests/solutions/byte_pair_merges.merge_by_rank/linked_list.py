"""Joins inside a linked list of nodes, the smallest rank first, from a heap."""


def merge_by_rank(tokens, ranks):
    from heapq import heapify, heappop, heappush

    following = {place: place + 1 for place in range(len(tokens) - 1)}
    before = {after: place for place, after in following.items()}
    held = dict(enumerate(tokens))

    def entry(place):
        pair = held[place], held.get(following.get(place))
        return [(ranks[pair], place, pair)] if pair in ranks else []

    heap = [one for place in held for one in entry(place)]
    heapify(heap)
    while heap:
        _, place, pair = heappop(heap)
        if place not in held or [pair] != [one[2] for one in entry(place)]:
            continue
        gone = following.pop(place)
        held[place] += held.pop(gone)
        if gone in following:
            following[place] = following.pop(gone)
            before[following[place]] = place
        for start in (before.get(place), place):
            if start in held:
                for one in entry(start):
                    heappush(heap, one)
    return [held[place] for place in sorted(held)]
