"""Looks each character up by its place in the string, without a dict."""


class CharacterTokenizer:
    def __init__(self, characters):
        self.characters = characters

    @classmethod
    def train(cls, text):
        return cls("".join(sorted(set(text))))

    def encode(self, text):
        ids = [self.characters.find(character) for character in text]
        if -1 in ids:
            raise ValueError(f"unknown: {text[ids.index(-1)]!r}")
        return ids

    def decode(self, ids):
        return "".join(map(self.characters.__getitem__, ids))
