"""What tokens cost: words that no list has, and languages that the training text has not.

Builds on: tokenization_corpus.  Lacks: round trips and merges (tokenization).
Source: Petrov et al. 2023, section 4 (languages).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from transformer_course.claims import Finding, claim_of
from transformer_course.data import Play
from transformer_course.experiments.tokenization import VOCAB_SIZE, word_piece_round_trip
from transformer_course.experiments.tokenization_corpus import (
    byte_pair_tokenizer,
    parallel_sentences,
    split,
    word_piece,
)

WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")


def words_of(play: Play) -> list[str]:
    """Return the words that are spoken, in lower case: a friendly count, Bank and bank are one."""
    return WORD.findall(_spoken(play).lower())


def _spoken(play: Play) -> str:
    """Return the speeches without the names of who speaks: those would be unknown too often."""
    return "\n".join(speech.text for speech in play.speeches)


@dataclass(frozen=True, kw_only=True)
class UnseenWords:
    """A list of words, and plays that it was not made of.

    Attributes:
        words_read: Running words after each of the training plays.
        different: Different words by then.
        different_characters: Different characters by then.
        unknown: For each unseen play, by its title: share of its different words, and of its
            running words, that are not on the list.
        unknown_characters: Characters of the unseen plays that the training plays lack.
        examples: Unknown words of the first unseen play, the most frequent ones.
    """

    words_read: Sequence[int]
    different: Sequence[int]
    different_characters: Sequence[int]
    unknown: Mapping[str, tuple[float, float]]
    unknown_characters: int
    examples: Sequence[str]


def unseen_words(_: int = 0) -> UnseenWords:
    """Read 26 plays one after the other, then six that are kept apart."""
    known: set[str] = set()
    characters: set[str] = set()
    read, different, different_characters = [0], [0], [0]
    for play in split().train:
        words = words_of(play)
        known.update(words)
        characters.update(_spoken(play))
        read.append(read[-1] + len(words))
        different.append(len(known))
        different_characters.append(len(characters))
    unseen = {play.title: words_of(play) for play in split().test}
    strange = [word for words in unseen.values() for word in words if word not in known]
    return UnseenWords(
        words_read=read,
        different=different,
        different_characters=different_characters,
        unknown={title: _shares(words, known) for title, words in unseen.items()},
        unknown_characters=len(set("".join(map(_spoken, split().test))) - characters),
        examples=sorted(set(strange), key=lambda word: (-strange.count(word), word))[:12],
    )


def _shares(words: Sequence[str], known: set[str]) -> tuple[float, float]:
    different = set(words)
    return (
        len(different - known) / len(different),
        sum(word not in known for word in words) / len(words),
    )


@claim_of("C4", unseen_words)
def a_list_of_words_never_ends(found: UnseenWords) -> Finding:
    """Judge whether every unseen play brings unknown words, and the list still grows."""
    kinds, running = zip(*found.unknown.values(), strict=True)
    grown = found.different[-1] - found.different[-2]
    return Finding(
        f"in each of {len(kinds)} unseen plays {min(kinds):.1%} to {max(kinds):.1%} of the "
        f"different words are not on the list of {found.different[-1]:,}, {min(running):.1%} to "
        f"{max(running):.1%} of the running ones; the last play read brought {grown} new words",
        f"{found.unknown_characters} characters of the six plays are unknown",
        min(kinds) > 0.03 and min(running) > 0.005 and grown > 100 and not found.unknown_characters,
    )


@dataclass(frozen=True, kw_only=True)
class LanguageCosts:
    """Tokens for the same five sentences in each language.

    Attributes:
        scripts: What each language is written in.
        tokens: By tokenizer ("characters", "bytes", "bpe", "word_piece"), by language.
        kept: Sentences that come back from MiniLM's WordPiece, capitals aside, by language.
        num_sentences: Of how many.
    """

    scripts: Mapping[str, str]
    tokens: Mapping[str, Mapping[str, int]]
    kept: Mapping[str, int]
    num_sentences: int

    def times_english(self, tokenizer: str) -> dict[str, float]:
        """Return the tokens of each language for one of English."""
        counts = self.tokens[tokenizer]
        return {language: count / counts["English"] for language, count in counts.items()}


def language_costs(_: int = 0) -> LanguageCosts:
    """Count the tokens of the parallel sentences."""
    languages = parallel_sentences()
    byte_pairs, pieces = byte_pair_tokenizer(VOCAB_SIZE), word_piece()
    count = {
        "characters": len,
        "bytes": lambda text: len(text.encode()),
        "bpe": lambda text: len(byte_pairs.encode(text)),
        "word_piece": lambda text: len(pieces.encode(text, add_special_tokens=False).ids),
    }
    return LanguageCosts(
        scripts={name: language.script for name, language in languages.items()},
        tokens={
            tokenizer: {
                name: sum(map(length, language.sentences)) for name, language in languages.items()
            }
            for tokenizer, length in count.items()
        },
        kept={
            name: sum(word_piece_round_trip(text) == text.lower() for text in language.sentences)
            for name, language in languages.items()
        },
        num_sentences=len(languages["English"].sentences),
    )


@claim_of("C4", language_costs)
def other_languages_pay(costs: LanguageCosts) -> Finding:
    """Judge what a vocabulary learned from English costs everybody else."""
    bpe, in_bytes = (costs.times_english(name) for name in ("bpe", "bytes"))
    others = {name: times for name, times in bpe.items() if name != "English"}
    foreign = [name for name in others if costs.scripts[name] != "Latin"]
    dearest = max(in_bytes.values())
    kept, num = sum(costs.kept[name] for name in foreign), costs.num_sentences * len(foreign)
    return Finding(
        f"the same sentences cost {min(others.values()):.1f} to {max(others.values()):.1f} times "
        f"the tokens of English by BPE learned from English, in {len(others)} other languages",
        f"by bytes, which learned nothing, at most {dearest:.1f} times; WordPiece is cheaper and "
        f"gives {kept} of {num} sentences in other scripts back, capitals aside",
        min(others.values()) > 1.2 and max(others.values()) > 2 * dearest and kept < 0.5 * num,
    )
