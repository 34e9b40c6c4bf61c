"""What lesson 02 asks for third: learning which pairs to join.

Builds on: byte_pair_merges, tokenization_join, engine.  Lacks: applying what was learned
(tokenization_ranks).
"""

from collections import Counter
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from numpy.random import Generator

from transformer_course.byte_pair_merges import PairTable, learn_merges, split_into_bytes
from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.plain import Foreign, describe
from transformer_course.exercises.tokenization_join import FOUR_WORDS, joined, written
from transformer_course.tokenization import BytePairTokenizer

learn_merges_plainly = Exercise(
    "byte_pair_merges.learn_merges_plainly",
    lesson="02",
    level=2,
    minutes=15,
    stub="""def learn_merges_plainly(word_counts, num_merges):
    # word_counts: how often each word occurs, such as {"bank": 4, "ran": 3}
    # merge_pair, split_into_bytes(word), Counter and pairwise may be called
    # → the pairs in the order in which they were joined, num_merges of them, fewer if none is left
    # of equally frequent pairs the greater one, as Python compares two tuples of bytes
    ...
""",
    start="Cut each word into bytes first, and keep its count beside it.",
    hints=(
        "Three moves a merge: count all pairs, choose one, join it in every word. Which of the "
        "three has to start anew each time?",
        "A pair inside a word that occurs 4 times counts 4. pairwise(tokens) yields the "
        "neighbours, and a Counter adds up; no pair reaches from one word into the next.",
        "max(counts, key=lambda pair: (counts[pair], pair)) settles ties as asked. Then "
        "merge_pair(tokens, best) for every word. If counts is empty, leave the loop.",
    ),
    unlocks="The next cell learns a vocabulary from a whole play with it.",
    mistakes=(
        Mistake(
            "a word counts once, however often it occurs",
            "bank occurs 4 times. How often does b | a stand in the text on its account?",
            {"counts[pair] += count": "counts[pair] += 1"},
        ),
        Mistake(
            "of equally frequent pairs the first one met is joined",
            "Which of two tuples of bytes is the greater one? max can compare (count, pair).",
            {"key=lambda pair: (counts[pair], pair)": "key=counts.get"},
        ),
        Mistake(
            "of equally frequent pairs the smaller one is joined",
            "Which of two tuples of bytes does Python call the greater one?",
            {
                "max(counts, key=lambda pair: (counts[pair], pair))": (
                    "min(counts, key=lambda pair: (-counts[pair], pair))"
                )
            },
        ),
        Mistake(
            "the pairs are counted once, before the first merge",
            "After joining a | n there are pairs with “an” in them. Where are they counted?",
            {
                "    while len(merges) < num_merges:\n        counts = Counter()\n": (
                    "    counts = Counter()\n"
                    "    for tokens, count in words:\n"
                    "        for pair in pairwise(tokens):\n"
                    "            counts[pair] += count\n"
                    "    best = sorted(counts, key=lambda pair: (counts[pair], pair))[::-1]\n"
                    "    return best[:num_merges]\n"
                    "    while True:\n"
                )
            },
        ),
        Mistake(
            "what was counted before a merge is kept after it",
            "Once a | n is joined, how often does it still stand? Who says so to your counts?",
            {
                "    while len(merges) < num_merges:\n        counts = Counter()\n": (
                    "    counts = Counter()\n    while len(merges) < num_merges:\n"
                )
            },
        ),
        Mistake(
            "pairs reach from one word into the next",
            "The k that ends bank and the b of the next word: do they stand in one word?",
            {
                "[(split_into_bytes(word), count) for word, count in word_counts.items()]": (
                    '[(split_into_bytes("".join(map(str.__mul__, *zip(*word_counts.items())))), 1)]'
                )
            },
        ),
        Mistake(
            "what was chosen is not joined in the words before the next count",
            "The words stay as they are. Which pair will win the next count?",
            {"(merge_pair(tokens, best), count) for": "(tokens, count) for"},
        ),
        Mistake(
            "a pair that occurs once is never joined",
            "How many merges were asked for, and was there no pair left?",
            {"if not counts:": "if max(counts.values(), default=0) < 2:"},
        ),
        Mistake(
            "it goes on when no pair is left",
            "“aaa” has two merges. What is there to choose from when nine were asked for?",
            {"        if not counts:\n            break\n": ""},
        ),
        Mistake(
            "words are cut into characters, not into bytes",
            "How many bytes has é? A tokenizer of bytes begins with those.",
            {"split_into_bytes(word)": "[character.encode() for character in word]"},
            source="trap 17",
        ),
    ),
    lends=(
        "byte_pair_merges.merge_pair",
        "byte_pair_merges.split_into_bytes",
        "byte_pair_merges.Counter",
        "byte_pair_merges.pairwise",
    ),
    forbidden=(learn_merges, PairTable, BytePairTokenizer),
)


@learn_merges_plainly.inputs
def _counted_words(rng: Generator) -> dict[str, dict[str, Any]]:
    some = {
        "".join(rng.choice(list("abcd"), rng.integers(1, 8))): int(rng.integers(1, 9))
        for _ in range(11)
    }
    return {
        "one word, one merge": {"word_counts": {"ab": 1}, "num_merges": 1},
        "four words": {"word_counts": dict(FOUR_WORDS), "num_merges": 5},
        "equally frequent pairs": {"word_counts": {"cd": 2, "ef": 2, "ab": 2}, "num_merges": 2},
        "a word that occurs often": {"word_counts": {"ab": 5, "cd": 2, "cdx": 2}, "num_merges": 2},
        "more merges asked for than there are": {"word_counts": {"aaa": 1}, "num_merges": 9},
        "letters of two bytes": {"word_counts": {"né": 2, "pré": 3}, "num_merges": 2},
        "no merge asked for": {"word_counts": {"ab": 1}, "num_merges": 0},
        "many words": {"word_counts": some, "num_merges": 13},
    }


@learn_merges_plainly.property("a list of pairs of bytes", form=True)
def _pairs_of_bytes(_: SimpleNamespace, found: Any) -> str | None:
    asked_for = "such as (b'a', b'b') is asked for"
    if not isinstance(found, list):
        return f"it returns {describe(found)}; a list of pairs {asked_for}"
    for number, pair in enumerate(found):
        if not isinstance(pair, list) or [type(half) for half in pair] != [bytes, bytes]:
            return f"merge {number} is {_as_given(pair)}; a pair {asked_for}"
    return None


def _as_given(pair: Any) -> str:
    """Write what came in the place of a pair; plain data has a list where a tuple was."""
    if isinstance(pair, list):
        return f"({', '.join(map(repr, pair))})"
    return describe(pair) if isinstance(pair, Foreign) else repr(pair)


@learn_merges_plainly.property("each merge joins a most frequent pair")
def _most_frequent(given: SimpleNamespace, found: Any) -> str | None:
    words = [(split_into_bytes(word), count) for word, count in given.word_counts.items()]
    for number, merge in enumerate(map(tuple, found)):
        counts: Counter[Any] = Counter()
        for tokens, count in words:
            for pair in pairwise(tokens):
                counts[pair] += count
        largest = max(counts.values(), default=0)
        if counts[merge] < max(largest, 1):
            return (
                f"merge {number} joins {written(merge)}, which stands {counts[merge]} times by "
                f"then; the most frequent pair stands {largest} times"
            )
        words = [(joined(tokens, merge), count) for tokens, count in words]
    return None


@learn_merges_plainly.property("as many merges as asked for, or all there are")
def _enough(given: SimpleNamespace, found: Any) -> str | None:
    if len(found) > given.num_merges:
        return f"{given.num_merges} merges were asked for, {len(found)} came back"
    wanted = len(learn_merges(given.word_counts, given.num_merges))
    if len(found) < wanted:
        return f"{len(found)} merges came back, and there was still a pair to join"
    return None


@learn_merges_plainly.property("of equally frequent pairs the greater one")
def _greater_of_equals(given: SimpleNamespace, found: Any) -> str | None:
    amiss = _most_frequent(given, found)
    if amiss is not None:
        return amiss
    wanted = learn_merges(given.word_counts, given.num_merges)
    for number, (merge, other) in enumerate(zip(map(tuple, found), wanted, strict=False)):
        if merge != other:
            return f"merge {number} joins {written(merge)}; a greater pair stands as often"
    return None
