"""What lesson 02 asks for next: joining a pair, and learning which pairs to join.

Builds on: byte_pair_merges, engine.  Lacks: applying what was learned (tokenization_ranks).
"""

from collections import Counter
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from numpy.random import Generator

from transformer_course.byte_pair_merges import PairTable, learn_merges, split_into_bytes
from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.tokenization import BytePairTokenizer

FOUR_WORDS = {"bank": 4, "banks": 2, "ban": 1, "ran": 3}
"""The lesson's small corpus: no two pairs are equally frequent when one has to be chosen."""

merge_pair = Exercise(
    "byte_pair_merges.merge_pair",
    lesson="02",
    level=1,
    minutes=8,
    stub="""def merge_pair(tokens, pair):
    # tokens: a list of bytes, such as [b"b", b"a", b"n", b"k"]; pair: such as (b"a", b"n")
    # → a new list in which the two are joined, wherever they stand side by side,
    # from left to right: here [b"b", b"an", b"k"]
    ...
""",
    start="Begin with an empty list, and a loop over the tokens that fills it.",
    hints=(
        "Write b·a·n·a·n·a on paper and join a·n. How far do you move on after joining, and how "
        "far otherwise?",
        "Walk with a place of your own: while place < len(tokens). If tokens[place:place + 2] is "
        "the pair, append the two joined (left + right) and go two on; else append one and go one.",
        "Mind the last token: a slice of two that begins there has one token only, so it is not "
        "the pair, and it is appended as any other. list(pair) makes the comparison of slices "
        "possible.",
    ),
    unlocks="Both of the next parts, learning and encoding, call it.",
    mistakes=(
        Mistake(
            "only the first place is joined",
            "Is the pair still standing somewhere in what you return?",
            {"merged[-1] == left:": "merged[-1] == left and left + right not in merged:"},
        ),
        Mistake(
            "the right half is kept beside the joined token",
            "After joining two tokens, how many have been used up?",
            {"merged[-1] = left + right": "merged[-1:] = [left + right, right]"},
        ),
        Mistake(
            "the last token is lost where it is not joined",
            "Where does the loop end, and what happens to a token that has no right neighbour?",
            {"return merged": "return merged if merged[-1] == left + right else merged[:-1]"},
        ),
        Mistake(
            "pairs that overlap are joined twice",
            "Of a·a·a, which a belongs to the first pair? It cannot begin another one.",
            {
                "merged = []": "merged, before = [], None",
                "token == right and merged and merged[-1] == left": "(before, token) == pair",
                "merged[-1] = left + right": (
                    "merged[-1 if merged[-1] == left else len(merged):] = [left + right]"
                ),
                "            merged.append(token)": (
                    "            merged.append(token)\n        before = token"
                ),
            },
        ),
        Mistake(
            "it joins from the right",
            "Of a·a·a, which two are joined first when you come from the left?",
            {
                "for token in tokens:": "for token in tokens[::-1]:",
                "token == right and merged and merged[-1] == left": (
                    "token == left and merged and merged[-1] == right"
                ),
                "return merged": "return merged[::-1]",
            },
        ),
        Mistake(
            "the pair is joined the other way round, too",
            "Is n·a the pair (a, n)?",
            {
                "token == right and merged and merged[-1] == left": (
                    "merged and sorted([merged[-1], token]) == sorted(pair)"
                ),
                "merged[-1] = left + right": "merged[-1] += token",
            },
        ),
    ),
)


@merge_pair.inputs
def _tokens_and_pairs(rng: Generator) -> dict[str, dict[str, Any]]:
    some = [bytes([byte]) for byte in rng.choice(list(b"aab"), 23)]
    return {
        "two tokens": {"tokens": [b"a", b"b"], "pair": (b"a", b"b")},
        "bank": {"tokens": split_into_bytes("bank"), "pair": (b"a", b"n")},
        "banana": {"tokens": split_into_bytes("banana"), "pair": (b"a", b"n")},
        "three alike": {"tokens": [b"a", b"a", b"a"], "pair": (b"a", b"a")},
        "a pair that is not there": {"tokens": [b"n", b"a"], "pair": (b"a", b"n")},
        "longer tokens": {"tokens": [b"ban", b"k", b"s", b"ban", b"k"], "pair": (b"ban", b"k")},
        "many tokens, a then b": {"tokens": some, "pair": (b"a", b"b")},
        "many tokens, a then a": {"tokens": some, "pair": (b"a", b"a")},
    }


def written(tokens: Any) -> str:
    """Write tokens as the lesson does: b·an·k."""
    return "·".join(token.decode("utf-8", "backslashreplace") for token in tokens) or "nothing"


def not_bytes(tokens: Any) -> str | None:
    """Say which of the tokens is none, so that no later property stumbles over it."""
    if not isinstance(tokens, list):
        return f"{tokens!r} came back, a list of bytes is asked for"
    wrong = next((token for token in tokens if not isinstance(token, bytes)), None)
    return None if wrong is None else f"a token is {wrong!r}, each should be bytes"


@merge_pair.property("a list of bytes")
def _merge_gives_tokens(_: SimpleNamespace, found: Any) -> str | None:
    return not_bytes(found)


@merge_pair.property("no byte is lost or made")
def _same_bytes(given: SimpleNamespace, found: Any) -> str | None:
    if b"".join(found) == b"".join(given.tokens):
        return None
    return f"{written(given.tokens)} became {written(found)}"


@merge_pair.property("the pair stands nowhere any more")
def _pair_is_gone(given: SimpleNamespace, found: Any) -> str | None:
    if tuple(given.pair) not in pairwise(found):
        return None
    return f"in {written(found)} the pair {written(given.pair)} still stands"


@merge_pair.property("nothing else is joined, and the left one first")
def _nothing_else(given: SimpleNamespace, found: Any) -> str | None:
    rest = list(given.tokens)
    for token in found:
        here = 2 if rest[:2] == list(given.pair) else 1
        if token != b"".join(rest[:here]):
            return f"{written(given.tokens)} became {written(found)}: look at “{written([token])}”"
        del rest[:here]
    return None


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
            "bank occurs 4 times. How often does b·a stand in the text on its account?",
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
            "After joining a·n there are pairs with “an” in them. Where are they counted?",
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
            "a pair that occurs once is never joined",
            "How many merges were asked for, and was there no pair left?",
            {"if not counts:": "if max(counts.values(), default=0) < 2:"},
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


@learn_merges_plainly.property("a list of pairs of bytes")
def _pairs_of_bytes(_: SimpleNamespace, found: Any) -> str | None:
    for pair in found:
        if not isinstance(pair, list) or [type(half) for half in pair] != [bytes, bytes]:
            return f"one of the merges is {pair!r}, each should be a pair of bytes"
    return None


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


def joined(tokens: list[bytes], pair: Any) -> list[bytes]:
    """Join a pair, whatever the exercise's own function may be replaced by."""
    rest, result = list(tokens), []
    while rest:
        here = 2 if tuple(rest[:2]) == pair else 1
        result.append(b"".join(rest[:here]))
        del rest[:here]
    return result


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
    wanted = learn_merges(given.word_counts, given.num_merges)
    for number, (merge, other) in enumerate(zip(map(tuple, found), wanted, strict=True)):
        if merge != other:
            return f"merge {number} joins {written(merge)}; a greater pair stands as often"
    return None
