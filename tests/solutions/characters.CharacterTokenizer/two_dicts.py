"""Keeps a dict for either direction, and turns the look-up error into the one asked for."""


class CharacterTokenizer:
    def __init__(self, characters):
        self.to_id, self.to_character = {}, {}
        for character in characters:
            number = len(self.to_id)
            self.to_id[character] = number
            self.to_character[number] = character

    @classmethod
    def train(cls, text):
        return cls(sorted(set(text)))

    def encode(self, text):
        try:
            return [self.to_id[character] for character in text]
        except KeyError as error:
            raise ValueError(f"no id for {error}") from error

    def decode(self, ids):
        text = ""
        for number in ids:
            text += self.to_character[number]
        return text
