"""The library `tokenizers` beside our own: its merges, and its encoder with ours.

Builds on: tokenization.  Lacks: the comparison (tokenization).
Source: the byte-to-character table is that of GPT-2's published encoder.
"""

import json
from collections.abc import Iterable

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from transformer_course.byte_pair_merges import Pair
from transformer_course.tokenization import BytePairTokenizer


def _byte_characters() -> dict[int, str]:
    """The library writes bytes as characters: printable Latin-1 as itself, others from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {
        byte: chr(256 + place) for place, byte in enumerate(others)
    }


CHARACTERS = _byte_characters()
BYTES = {character: byte for byte, character in CHARACTERS.items()}


def library_merges(text: str, num_merges: int) -> list[Pair]:
    """Have the library learn merges from a text, by the same words as ours."""
    library = Tokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + num_merges, initial_alphabet=alphabet, show_progress=False
    )
    library.train_from_iterator([text], trainer)
    merges = json.loads(library.to_str())["model"]["merges"]
    return [(_as_bytes(left), _as_bytes(right)) for left, right in merges]


def library_encoder(tokenizer: BytePairTokenizer) -> Tokenizer:
    """Build the library's encoder from our vocabulary and merges."""
    library = Tokenizer(
        models.BPE(
            vocab={_as_text(token): token_id for token_id, token in tokenizer.vocab.items()},
            merges=[(_as_text(left), _as_text(right)) for left, right in tokenizer.merges],
        )
    )
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return library


def _as_text(token: Iterable[int]) -> str:
    return "".join(CHARACTERS[byte] for byte in token)


def _as_bytes(text: str) -> bytes:
    return bytes(BYTES[character] for character in text)
