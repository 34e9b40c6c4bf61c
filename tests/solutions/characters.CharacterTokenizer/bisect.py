"""Finds the places in an ordered list by bisection."""


class CharacterTokenizer:
    def __init__(self, characters):
        self.listed = list(characters)
        self.ordered = sorted((character, number) for number, character in enumerate(characters))

    @classmethod
    def train(cls, text):
        return cls("".join(sorted(dict.fromkeys(text))))

    def encode(self, text):
        from bisect import bisect_left

        ids = []
        for character in text:
            place = bisect_left(self.ordered, (character, -1))
            if place == len(self.ordered) or self.ordered[place][0] != character:
                raise ValueError(f"{character!r} is unknown")
            ids.append(self.ordered[place][1])
        return ids

    def decode(self, ids):
        return "".join([self.listed[number] for number in ids])
