"""Tokenization: text becomes a list of small integers, and comes back unchanged.

`CharacterTokenizer` gives each character a number: nothing to learn, long sequences, and no number
for a character it has never seen. `BytePairTokenizer` starts from the 256 bytes, of which every
text is made, and joins frequent neighbours: a common word becomes one token, a rare one a few, and
no text is unknown.

Builds on: characters, pre_tokenization (words), byte_pair_merges (learning and applying merges),
tokenizer_files.  Lacks: batches and padding (training).
Source: Sennrich et al. 2016, section 3.2; for bytes Radford et al. 2019 (GPT-2), section 2.2.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from transformer_course import characters
from transformer_course.byte_pair_merges import (
    Pair,
    learn_merges,
    merge_by_rank,
    split_into_bytes,
)
from transformer_course.pre_tokenization import PreTokenizer
from transformer_course.tokenizer_files import read_tokenizer, write_tokenizer

Learn = Callable[[Mapping[str, int], int], Sequence[Sequence[bytes]]]
"""Makes merges out of counted words, as `learn_merges` does."""

Merge = Callable[[list[bytes], Mapping[Pair, int]], list[bytes]]
"""Applies merges to the bytes of a word, as `merge_by_rank` does."""

_CHARACTERS_PER_READ = 1 << 20
# Text repeats its words, so most are looked up instead of merged again. The limit keeps memory
# constant on an endless stream; all of Shakespeare has about 35,000 distinct words.
_MAX_REMEMBERED_WORDS = 1 << 16


class CharacterTokenizer(characters.CharacterTokenizer):
    """One token a character, with a size and a file; encoding and decoding stand in characters."""

    def __repr__(self) -> str:
        return f"CharacterTokenizer(vocab_size={self.vocab_size})"

    @property
    def vocab_size(self) -> int:
        """The number of characters; ids are below it."""
        return len(self.characters)

    def save(self, path: str | Path) -> None:
        """Write the tokenizer to one JSON file, all of it or nothing."""
        # A list: in one JSON string, two halves of a surrogate pair would become one character.
        write_tokenizer(path, type(self), {"characters": list(self.characters)})

    @classmethod
    def load(cls, path: str | Path) -> "CharacterTokenizer":
        """Read a tokenizer that `save` wrote.

        Raises:
            ValueError: If the file is damaged, or of another kind or version.
        """
        return read_tokenizer(path, cls, lambda content: cls("".join(content["characters"])))


class BytePairTokenizer:
    """Byte-level byte-pair encoding inside GPT-2's words.

    `vocab` leads from id to bytes, and `merges` lists the joined pairs in order; both are for
    reading only. A trained tokenizer numbers the 256 bytes first (id = byte), then the merges in
    order (id = 256 + rank), then the special tokens in the order given. A vocabulary made
    elsewhere may number its tokens in another order.
    """

    def __init__(
        self,
        vocab: dict[int, bytes],
        merges: Iterable[Sequence[bytes]],
        special_tokens: Sequence[str] = (),
        *,
        merge: Merge = merge_by_rank,
    ) -> None:
        """Make a tokenizer from a vocabulary and its merges.

        Args:
            vocab: The bytes of every id from 0 on.
            merges: The pairs to join, the one learned first in front.
            special_tokens: Strings that are one token wherever they stand, never split and never
                merged across. One whose bytes are in `vocab` has that id, the others follow.
            merge: What applies the merges to a word. A file does not keep it.

        Raises:
            ValueError: If ids have gaps, two ids have the same bytes, merges and vocabulary do not
                fit together, or a special token is empty or given twice.
        """
        self._pre_tokenizer = PreTokenizer(special_tokens)
        self.special_tokens = self._pre_tokenizer.special_tokens
        self._ids = _ids_by_token(vocab)
        for token in self.special_tokens:
            self._ids.setdefault(token.encode(), len(self._ids))
        self.vocab = {token_id: token for token, token_id in self._ids.items()}
        self.merges: list[Pair] = [(left, right) for left, right in merges]
        _check_merges(self.merges, self._ids)
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self._merge = merge
        self._ids_of_word = {token: [self._ids[token.encode()]] for token in self.special_tokens}

    @classmethod
    def train(
        cls,
        text_or_path: str | Path,
        vocab_size: int,
        special_tokens: Sequence[str] = (),
        *,
        learn: Learn = learn_merges,
        merge: Merge = merge_by_rank,
    ) -> "BytePairTokenizer":
        """Learn a vocabulary from a text.

        Of equally frequent pairs the lexicographically greater one is joined first. If no pair is
        left to join, training ends early: the result's `vocab_size` is then smaller than asked.

        Args:
            text_or_path: A string is the text itself; a Path is a UTF-8 file, read in pieces.
            vocab_size: Number of tokens: 256 bytes, merges and special tokens together.
            special_tokens: As in the constructor; they are cut out before anything is counted.
            learn: What learns the merges from the counted words.
            merge: As in the constructor.

        Raises:
            ValueError: If the text is empty or not UTF-8, or `vocab_size` is too small.
        """
        vocab = {byte: bytes([byte]) for byte in range(256)}
        smallest = len({*vocab.values(), *(token.encode() for token in special_tokens)})
        if vocab_size < smallest:
            raise ValueError(
                f"vocab_size={vocab_size} has no room for 256 bytes and the special tokens; "
                f"choose {smallest} or more"
            )
        merges = learn(_count_words(text_or_path, special_tokens), vocab_size - smallest)
        vocab |= {256 + rank: left + right for rank, (left, right) in enumerate(merges)}
        return cls(vocab, merges, special_tokens, merge=merge)

    def __repr__(self) -> str:
        return f"BytePairTokenizer(vocab_size={self.vocab_size}, merges={len(self.merges)})"

    @property
    def vocab_size(self) -> int:
        """The number of tokens, special ones included; ids are below it."""
        return len(self.vocab)

    def encode(self, text: str) -> list[int]:
        """Turn text into ids.

        Raises:
            ValueError: If the text holds half a surrogate pair, which has no bytes in UTF-8, or a
                byte that a vocabulary made elsewhere lacks.
        """
        return self._encode_words(self._pre_tokenizer.split(text))

    def encode_iterable(self, chunks: Iterable[str]) -> Iterator[int]:
        """Turn a text that arrives in chunks, such as an open file, into ids, one after another.

        The ids are those of the joined text, wherever one chunk ends and the next begins. Memory
        does not grow with the text.

        Raises:
            ValueError: As `encode`.
        """
        for words in self._pre_tokenizer.split_stream(chunks):
            yield from self._encode_words(words)

    def _encode_words(self, words: list[str]) -> list[int]:
        ids: list[int] = []
        for word in words:
            ids += self._ids_of_word.get(word) or self._encode_new_word(word)
        return ids

    def _encode_new_word(self, word: str) -> list[int]:
        tokens = self._merge(split_into_bytes(word), self._ranks)
        try:
            ids = [self._ids[token] for token in tokens]
        except KeyError as error:
            raise ValueError(
                f"{error.args[0]!r}, a byte of {word!r}, is not in the vocabulary; give one that "
                "holds all 256 bytes"
            ) from None
        if len(self._ids_of_word) < _MAX_REMEMBERED_WORDS:
            self._ids_of_word[word] = ids
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Turn ids into text; bytes that are not UTF-8 become U+FFFD.

        Raises:
            ValueError: If an id is outside the vocabulary.
        """
        try:
            pieces = [self.vocab[token_id] for token_id in ids]
        except KeyError as error:
            raise ValueError(
                f"id {error.args[0]} is outside the vocabulary; ids run from 0 to "
                f"{len(self.vocab) - 1}"
            ) from None
        return b"".join(pieces).decode("utf-8", errors="replace")

    def save(self, path: str | Path) -> None:
        """Write the tokenizer to one JSON file, all of it or nothing.

        Every fact is in it once: the bytes of a merged token are not, they follow from the merge.
        """
        merged = {left + right for left, right in self.merges}
        content = {
            # Latin-1 has a character for each byte, so that any bytes fit into JSON.
            "tokens": {
                token_id: token.decode("latin-1")
                for token_id, token in self.vocab.items()
                if token not in merged
            },
            "merges": [
                [self._ids[left], self._ids[right], self._ids[left + right]]
                for left, right in self.merges
            ],
            "special_tokens": [self._ids[token.encode()] for token in self.special_tokens],
        }
        write_tokenizer(path, type(self), content)

    @classmethod
    def load(cls, path: str | Path) -> "BytePairTokenizer":
        """Read a tokenizer that `save` wrote.

        Raises:
            ValueError: If the file is damaged, or of another kind or version.
        """
        return read_tokenizer(path, cls, cls._from_content)

    @classmethod
    def _from_content(cls, content: dict[str, Any]) -> "BytePairTokenizer":
        vocab = {int(key): token.encode("latin-1") for key, token in content["tokens"].items()}
        merges = []
        for left, right, joined in content["merges"]:
            merges.append((vocab[left], vocab[right]))
            vocab[joined] = vocab[left] + vocab[right]
        return cls(
            vocab, merges, [vocab[token_id].decode() for token_id in content["special_tokens"]]
        )


AnyTokenizer = CharacterTokenizer | BytePairTokenizer


def load_tokenizer(path: str | Path) -> AnyTokenizer:
    """Load a tokenizer of whichever kind the file says.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, of another kind or of another version.
    """
    says_characters = f'"kind": "{CharacterTokenizer.__name__}"'
    if says_characters in Path(path).read_text(encoding="utf-8", errors="replace"):
        return CharacterTokenizer.load(path)
    return BytePairTokenizer.load(path)


def _ids_by_token(vocab: Mapping[int, bytes]) -> dict[bytes, int]:
    missing = set(range(len(vocab))) - vocab.keys()
    if missing:
        raise ValueError(
            f"the vocabulary has {len(vocab)} tokens but no id {min(missing)}; number them "
            f"from 0 to {len(vocab) - 1}"
        )
    ids: dict[bytes, int] = {}
    for token_id, token in vocab.items():
        if token in ids:
            raise ValueError(
                f"ids {ids[token]} and {token_id} are both {token!r}; keep one of them"
            )
        ids[token] = token_id
    return ids


def _check_merges(merges: Sequence[Pair], ids: Mapping[bytes, int]) -> None:
    """Refuse merges that no training could have made: encoding would not follow their order."""
    made = {token for token in ids if len(token) == 1}
    for rank, (left, right) in enumerate(merges):
        for token in (left, right):
            if token not in made:
                raise ValueError(
                    f"merge {rank} joins {token!r}, which is neither a single byte of the "
                    "vocabulary nor made by an earlier merge; put merges in the order of learning"
                )
        joined = left + right
        if joined in made:
            raise ValueError(f"merge {rank} makes {joined!r} a second time; keep the first merge")
        if joined not in ids:
            raise ValueError(
                f"merge {rank} makes {joined!r}, which is not in the vocabulary; add it, or leave "
                "the merge out"
            )
        made.add(joined)


def _count_words(text_or_path: str | Path, special_tokens: Sequence[str]) -> Counter[str]:
    """Count the words of a training text; special tokens are none."""
    word_counts: Counter[str] = Counter()
    for words in PreTokenizer(special_tokens).split_stream(_chunks(text_or_path)):
        word_counts.update(words)
    for token in special_tokens:
        del word_counts[token]
    if not word_counts:
        raise ValueError(
            "the training text is empty (special tokens do not count); give a str with text, "
            "or the Path of a file with text"
        )
    return word_counts


def _chunks(text_or_path: str | Path) -> Iterator[str]:
    if isinstance(text_or_path, str):
        yield text_or_path
        return
    # newline="" keeps "\r\n" as it is: what is learned from a file are the bytes of the file.
    with text_or_path.open(encoding="utf-8", newline="") as file:
        try:
            while chunk := file.read(_CHARACTERS_PER_READ):
                yield chunk
        except UnicodeDecodeError as error:
            raise ValueError(f"{text_or_path} is not UTF-8 ({error}); convert it first") from None
