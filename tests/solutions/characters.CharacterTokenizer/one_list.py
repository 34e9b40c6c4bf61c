"""Trains by inserting each new character where it belongs, and encodes through zip and dict."""


class CharacterTokenizer:
    def __init__(self, characters):
        self.vocabulary = tuple(characters)
        self.numbers = dict(zip(self.vocabulary, range(len(self.vocabulary)), strict=True))

    @classmethod
    def train(cls, text):
        seen = []
        for character in text:
            smaller = sum(other < character for other in seen)
            if character not in seen:
                seen.insert(smaller, character)
        return cls(seen)

    def encode(self, text):
        if not set(text) <= set(self.vocabulary):
            raise ValueError(f"unknown: {sorted(set(text) - set(self.vocabulary))}")
        return list(map(self.numbers.get, text))

    def decode(self, ids):
        return str.join("", (self.vocabulary[number] for number in ids))
