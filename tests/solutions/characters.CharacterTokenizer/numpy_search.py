"""Searches code points in a sorted numpy array, all characters of a text at once."""


class CharacterTokenizer:
    def __init__(self, characters):
        self.points = np.array([ord(character) for character in characters])
        self.order = np.argsort(self.points)

    @classmethod
    def train(cls, text):
        return cls([chr(point) for point in np.unique([ord(character) for character in text])])

    def encode(self, text):
        wanted = np.array([ord(character) for character in text], dtype=int)
        places = np.searchsorted(self.points, wanted, sorter=self.order)
        found = self.order[np.minimum(places, len(self.order) - 1)]
        if (self.points[found] != wanted).any():
            raise ValueError("a character of this text is not in the vocabulary")
        return found.tolist()

    def decode(self, ids):
        return "".join(chr(point) for point in self.points[list(ids)])
