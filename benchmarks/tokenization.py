"""Our byte-pair tokenizer, in Python, against the `tokenizers` library, in Rust.

    python benchmarks/tokenization.py

The two take turns in one process; each figure is the median of several rounds after one to warm
up. Training: both are fed the same single string. (Fed many lines, the library counts words on all
cores; a single string it counts on one. Its merging may use several either way, as its own setting
TOKENIZERS_PARALLELISM says, which is left alone and printed.) Encoding: both have the same
vocabulary and merges, and a fresh tokenizer in every round, so that neither remembers a word.
The machine's load is printed too: on a busy machine only the ratios mean something.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from transformer_course.data import load_shakespeare, shakespeare_text
from transformer_course.tokenization import BytePairTokenizer

VOCAB_SIZE = 1024
SHORT_LENGTH = 1_100_000
ROUNDS = 7
# Ours may take this many times the library's time; training on all plays has no limit.
LIMITS = {"train on 1.1 MB": 2.0, "encode 1.1 MB": 1.0, "train on all plays": None}


def main() -> None:
    """Measure, and print a table and one line of JSON."""
    whole = shakespeare_text(load_shakespeare())
    short = whole[:SHORT_LENGTH]
    ours = BytePairTokenizer.train(short, VOCAB_SIZE)
    seconds = {
        "train on 1.1 MB": take_turns(
            lambda: BytePairTokenizer.train(short, VOCAB_SIZE), lambda: train_library(short)
        ),
        "encode 1.1 MB": take_turns(
            lambda: encode_with_fresh_copy(ours, short), library_encoder(ours, short)
        ),
        "train on all plays": take_turns(
            lambda: BytePairTokenizer.train(whole, VOCAB_SIZE), lambda: train_library(whole)
        ),
    }
    sizes = {name: len(short.encode()) / 1e6 for name in seconds}
    sizes["train on all plays"] = len(whole.encode()) / 1e6
    report = {name: row(name, sizes[name], *pair) for name, pair in seconds.items()}
    sys.stdout.write("\n".join([*conditions(), *table(report), json.dumps(report)]) + "\n")


def take_turns(ours: Callable[[], object], library: Callable[[], object]) -> tuple[float, float]:
    """Run both in turn and return the median seconds of each; the first round does not count."""
    rounds = [(time_of(ours), time_of(library)) for _ in range(ROUNDS + 1)][1:]
    ours_seconds, library_seconds = zip(*rounds, strict=True)
    return statistics.median(ours_seconds), statistics.median(library_seconds)


def time_of(run: Callable[[], object]) -> float:
    """Return the seconds that one call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def train_library(text: str) -> Tokenizer:
    """Train the library's byte-level byte-pair tokenizer with the same settings as ours."""
    library = Tokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    library.train_from_iterator([text], trainer)
    return library


def encode_with_fresh_copy(tokenizer: BytePairTokenizer, text: str) -> list[int]:
    """Encode with a copy that has met no word yet."""
    return BytePairTokenizer(tokenizer.vocab, tokenizer.merges).encode(text)


def library_encoder(tokenizer: BytePairTokenizer, text: str) -> Callable[[], list[int]]:
    """Return the same for the library, after seeing that it gives the same ids."""
    # The library writes a byte as a character: printable Latin-1 as itself, others from 256 on.
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    character = {byte: chr(byte) for byte in printable}
    character |= {byte: chr(256 + place) for place, byte in enumerate(others)}
    vocab = {
        "".join(character[byte] for byte in token): token_id
        for token_id, token in tokenizer.vocab.items()
    }
    written = {token_id: token for token, token_id in vocab.items()}
    id_of = {token: token_id for token_id, token in tokenizer.vocab.items()}
    merges = [(written[id_of[left]], written[id_of[right]]) for left, right in tokenizer.merges]

    def encode() -> list[int]:
        library = Tokenizer(models.BPE(vocab=vocab, merges=merges))
        library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        return library.encode(text).ids

    if encode() != tokenizer.encode(text):
        raise RuntimeError("the two give different ids: their times cannot be compared")
    return encode


def row(name: str, megabytes: float, ours: float, library: float) -> dict[str, Any]:
    """Return the figures of one line of the table."""
    limit = LIMITS[name]
    return {
        "megabytes": round(megabytes, 2),
        "ours_seconds": round(ours, 3),
        "library_seconds": round(library, 3),
        "ours_megabytes_per_second": round(megabytes / ours, 2),
        "library_megabytes_per_second": round(megabytes / library, 2),
        "ratio": round(ours / library, 2),
        "limit": limit,
        "within_limit": limit is None or ours / library <= limit,
    }


def conditions() -> list[str]:
    """Say where and on what the figures were taken."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return [
        f"Python {sys.version.split()[0]}, regex {version('regex')}, "
        f"tokenizers {version('tokenizers')}, {os.cpu_count()} cores, load at the end {load:.1f}",
        f"TOKENIZERS_PARALLELISM={os.environ.get('TOKENIZERS_PARALLELISM', 'unset')}, "
        f"vocabulary {VOCAB_SIZE}, the same one string to both, median of {ROUNDS} rounds",
    ]


def table(report: dict[str, dict[str, Any]]) -> list[str]:
    """Lay the figures out for reading."""
    lines = [f"{'':20}{'ours s':>9}{'library s':>11}{'ours MB/s':>11}{'ratio':>8}{'limit':>8}"]
    for name, figures in report.items():
        limit = "none" if figures["limit"] is None else f"{figures['limit']:.1f}"
        verdict = "" if figures["within_limit"] else "  over the limit"
        lines.append(
            f"{name:20}{figures['ours_seconds']:9.3f}{figures['library_seconds']:11.3f}"
            f"{figures['ours_megabytes_per_second']:11.2f}{figures['ratio']:8.2f}{limit:>8}{verdict}"
        )
    return lines


if __name__ == "__main__":
    main()
