"""Has str.translate turn characters into private ones whose code points are the ids."""


class CharacterTokenizer:
    def __init__(self, characters):
        self.forth = {ord(character): chr(number) for number, character in enumerate(characters)}
        self.back = dict(enumerate(characters))

    @classmethod
    def train(cls, text):
        return cls("".join(sorted(set(text))))

    def encode(self, text):
        if any(ord(character) not in self.forth for character in text):
            raise ValueError("this text has a character without an id")
        return [ord(character) for character in text.translate(self.forth)]

    def decode(self, ids):
        return "".join(map(chr, ids)).translate(self.back)
