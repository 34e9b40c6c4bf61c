"""What lesson 02 asks for last: merges applied to a word in the order of their ranks.

Builds on: byte_pair_merges, tokenization_join, engine.  Lacks: the tokenizer around it
(tokenization).
"""

import ast
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from numpy.random import Generator

from transformer_course.byte_pair_merges import learn_merges, split_into_bytes
from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.exercises.tokenization_join import (
    FOUR_WORDS,
    joined,
    not_bytes,
    on_tokens,
    written,
)
from transformer_course.tokenization import BytePairTokenizer

merge_by_rank = Exercise(
    "byte_pair_merges.merge_by_rank",
    lesson="02",
    level=2,
    minutes=10,
    stub="""def merge_by_rank(tokens, ranks):
    # tokens: the bytes of one word, such as [b"r", b"a", b"n", b"k"]
    # ranks: the rank of each merge, such as {(b"a", b"n"): 0, (b"b", b"an"): 1, …}; 0 came first
    # merge_pair and pairwise may be called
    # → the tokens that are left when no merge can be applied any more
    ...
""",
    start="Look at all pairs of neighbours first: which of them are merges at all?",
    hints=(
        "Do in the new word what learning did, in the same order. Of all pairs that stand in the "
        "word now, which one was learned first?",
        "ranks.get(pair, infinity) gives each pair of neighbours a number; the smallest wins. If "
        "even that one is no merge, you are done.",
        "A loop while there are two tokens or more: min(pairwise(tokens), key=…); leave if it is "
        "not in ranks; tokens = merge_pair(tokens, that pair).",
    ),
    unlocks="The tokenizer of the next cell reads a whole play with it.",
    mistakes=(
        Mistake(
            "from the left, the longest token that there is is taken",
            "Learning joined pairs in an order. Try abcd with the merges (b,c), (a,b), (bc,d).",
            {
                "    while len(tokens) > 1:": (
                    "    known = {left + right for left, right in ranks} | set(tokens)\n"
                    '    word, taken = b"".join(tokens), []\n'
                    "    while word:\n"
                    "        length = max(n for n in range(len(word) + 1) if word[:n] in known)\n"
                    "        taken.append(word[:length])\n"
                    "        word = word[length:]\n"
                    "    return taken\n"
                    "    while len(tokens) > 1:"
                )
            },
            source="trap 17",
        ),
        Mistake(
            "the first pair from the left that is a merge is joined, whatever its rank",
            "In abcd, a | b stands first. Was it learned first?",
            {"ranks.get(pair, len(ranks))": "pair not in ranks"},
            source="trap 17",
        ),
        Mistake(
            "one pass from the left, and no second look",
            "What was joined may join again. Does anyone look at it?",
            {
                "    while len(tokens) > 1:": (
                    "    passed = []\n"
                    "    for token in tokens:\n"
                    "        if passed and (passed[-1], token) in ranks:\n"
                    "            passed[-1] += token\n"
                    "        else:\n"
                    "            passed.append(token)\n"
                    "    return passed\n"
                    "    while len(tokens) > 1:"
                )
            },
            source="trap 17",
        ),
        Mistake(
            "it stops after one merge",
            "Is there still a pair that is a merge? How long does the loop run?",
            {"tokens = merge_pair(tokens, pair)": "return merge_pair(tokens, pair)"},
        ),
        Mistake(
            "the merge learned last is applied first",
            "Rank 0 was learned first. Which of two ranks comes first, the smaller or the larger?",
            {"min(": "max(", "len(ranks))": "-1)"},
        ),
        Mistake(
            "what is no merge is given rank 0",
            "Which rank has b | a, which is no merge, and which has a | n? Who comes first then?",
            {"len(ranks))": "0)"},
        ),
        Mistake(
            "rank 0 is taken for no rank at all",
            "0 counts as false. How do you ask whether a pair is in the dict?",
            {"if pair not in ranks:": "if not ranks.get(pair):"},
        ),
        Mistake(
            "the merges are done in the order in which the dict has them, not by their ranks",
            "Which merge comes first if somebody hands you the same dict in another order?",
            {
                "    while len(tokens) > 1:": (
                    "    for pair in ranks:\n"
                    "        tokens = merge_pair(tokens, pair)\n"
                    "    return tokens\n"
                    "    while len(tokens) > 1:"
                )
            },
        ),
        Mistake(
            "the pair that makes the longest token is joined first",
            "Learning knew nothing of lengths: only of how often. What did it keep instead?",
            {"ranks.get(pair, len(ranks))": ("-len(pair[0] + pair[1]) if pair in ranks else 0")},
            source="trap 17",
        ),
    ),
    lends=("byte_pair_merges.merge_pair", "byte_pair_merges.pairwise"),
    forbidden=(BytePairTokenizer,),
)

TRAP_MERGES = ((b"b", b"c"), (b"a", b"b"), (b"bc", b"d"))
"""By rank abcd becomes a | bcd; by longest match from the left ab | c | d."""


@merge_by_rank.inputs
def _words_and_ranks(rng: Generator) -> dict[str, dict[str, Any]]:
    four = _ranked(learn_merges(FOUR_WORDS, 5))
    letters = list("abc")
    some = {"".join(rng.choice(letters, 9)): int(rng.integers(1, 9)) for _ in range(31)}
    many = _ranked(learn_merges(some, 41))
    cases = {
        "one byte": ("a", four),
        "two bytes": ("an", four),
        "no merge fits": ("sink", four),
        "rank": ("rank", four),
        "abcd": ("abcd", _ranked(TRAP_MERGES)),
        "abcd, the same ranks in another order": (
            "abcd",
            {(b"bc", b"d"): 2, (b"a", b"b"): 1, (b"b", b"c"): 0},
        ),
        "abab, where rank 0 is not needed": ("abab", _ranked(TRAP_MERGES)),
        "abcaca": ("abcaca", _ranked(((b"c", b"a"), (b"b", b"ca"), (b"ca", b"ca")))),
        "bankbanks": ("bankbanks", four),
    }
    for number in range(1, 5):
        cases[f"a long word, number {number}"] = ("".join(rng.choice(letters, 23)), many)
    return {
        name: {"tokens": split_into_bytes(word), "ranks": ranks}
        for name, (word, ranks) in cases.items()
    }


def _ranked(merges: Any) -> dict[Any, int]:
    return {pair: rank for rank, pair in enumerate(merges)}


@merge_by_rank.property("a list of bytes")
def _rank_gives_tokens(_: SimpleNamespace, found: Any) -> str | None:
    return not_bytes(found)


@merge_by_rank.property("no byte is lost or made")
@on_tokens
def _rank_keeps_bytes(given: SimpleNamespace, found: Any) -> str | None:
    if b"".join(found) == b"".join(given.tokens):
        return None
    return f"from {written(given.tokens)} came {written(found)}"


@merge_by_rank.property("no merge is left to do")
@on_tokens
def _no_merge_left(given: SimpleNamespace, found: Any) -> str | None:
    left = next((pair for pair in pairwise(found) if pair in _by_pair(given.ranks)), None)
    if left is None:
        return None
    return f"in {written(found)} the pair {written(left)} still stands, and it is a merge"


@merge_by_rank.property("merges are applied in the order of their ranks")
@on_tokens
def _in_order_of_rank(given: SimpleNamespace, found: Any) -> str | None:
    """Do the merges in turn, and look for the first that the found tokens contradict."""
    cuts = set(_places(found))
    tokens = given.tokens
    ranks = _by_pair(given.ranks)
    for pair in sorted(ranks, key=ranks.__getitem__):
        after = joined(tokens, pair)
        gone = set(_places(tokens)) - set(_places(after))
        if gone & cuts:
            return (
                f"in {written(found)} the pair {written(pair)} is not joined, the merge of rank "
                f"{ranks[pair]}; something of a higher rank came before it"
            )
        tokens = after
    return None


def _by_pair(ranks: dict[str, int]) -> dict[Any, int]:
    """Undo what plain data does to keys: it has texts only."""
    return {ast.literal_eval(pair): rank for pair, rank in ranks.items()}


def _places(tokens: list[bytes]) -> list[int]:
    """Return where the tokens end, in bytes."""
    return [sum(map(len, tokens[: place + 1])) for place in range(len(tokens))]
