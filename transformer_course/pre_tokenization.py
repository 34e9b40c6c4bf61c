"""Pre-tokenization: text is cut into words and special tokens before any pair is counted.

Merges happen inside a word only. Without the cuts the pair ("e", " ") would be among the first
merges of an English text, and tokens such as "e th" would fill the vocabulary.

Builds on: nothing.  Lacks: other patterns than GPT-2's.
Source: Radford et al. 2019 (GPT-2), section 2.2: no merges across character categories.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import regex  # type: ignore[import-untyped]

# GPT-2's rule: an English contraction; letters, digits or other signs, each with the one space
# before them; white space, leaving its last space to the word that follows. Some branch matches
# every character, so the pieces joined are the text again.
GPT2_PATTERN = regex.compile(
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
)
# Two characters between which GPT-2's rule always cuts, whatever stands further left or right.
# (?r) searches from the end. A sign and a letter are no such place: "'" and "s" may be "'s".
_SURE_CUT = regex.compile(r"(?r)\p{L}\P{L}|\p{N}\P{N}|\S\s")


class PreTokenizer:
    """Cuts text into words by GPT-2's pattern, and around special tokens."""

    def __init__(self, special_tokens: Sequence[str] = ()) -> None:
        """Prepare the search for special tokens.

        Args:
            special_tokens: Strings that are one token wherever they stand in a text. Where
                several begin at one place, the longest is taken.

        Raises:
            ValueError: If a special token is empty or given twice, or a bare string is given.
        """
        if isinstance(special_tokens, str):
            raise ValueError(
                f"special_tokens is one string; give a tuple of strings: ({special_tokens!r},)"
            )
        for token, count in Counter(special_tokens).items():
            if not token or count > 1:
                raise ValueError(
                    f"special token {token!r} is given {count} times; give each one once, and "
                    "none that is empty"
                )
        self.special_tokens = tuple(special_tokens)
        longest_first = sorted(special_tokens, key=len, reverse=True)
        # Without special tokens nothing may match: (?!) fails wherever it is tried, and \A lets it
        # be tried at the start only.
        alternatives = "|".join(map(regex.escape, longest_first)) or r"\A(?!)"
        self._special_pattern = regex.compile(f"({alternatives})")
        self._longest = max(map(len, special_tokens), default=1)

    def split(self, text: str) -> list[str]:
        """Return the words and special tokens of `text`; joined, they are the text."""
        words: list[str] = []
        # The parentheses of the pattern make split keep the special tokens, at odd places.
        for place, piece in enumerate(self._special_pattern.split(text)):
            words += [piece] if place % 2 else GPT2_PATTERN.findall(piece)
        return words

    def split_stream(self, chunks: Iterable[str]) -> Iterator[list[str]]:
        """Split a text that arrives in chunks as if it were in one piece.

        In memory are one chunk and the end of the text before it that is not decided yet, most
        often a word or two.
        """
        pending = ""
        for chunk in chunks:
            pending += chunk
            decided = self._decided_length(pending)
            yield self.split(pending[:decided])
            pending = pending[decided:]
        yield self.split(pending)

    def _decided_length(self, text: str) -> int:
        """How many characters at the start of `text` split alike whatever follows the text."""
        # From here on, a special token, or a longer one with the same beginning, may be cut off.
        undecided = max(0, len(text) - self._longest + 1)
        start = 0
        for match in self._special_pattern.finditer(text):
            if match.start() >= undecided:
                break
            start = match.end()
        cut = _SURE_CUT.search(text, start, undecided + 1)
        return cut.start() + 1 if cut else start
