"""What lesson 02 asks for second: joining a pair; and what all its checks of tokens share.

Builds on: byte_pair_merges, engine.  Lacks: which pair to join (tokenization_merges).
"""

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from numpy.random import Generator

from transformer_course.byte_pair_merges import split_into_bytes
from transformer_course.engine.exercise import Exercise, Mistake, Property
from transformer_course.experiments.tokenization_pieces import visible_bytes

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
        "Write b | a | n | a | n | a on paper, join a | n, and build the new list token by token. "
        "When an n comes, what decides whether it joins?",
        "Go through the tokens once. For each, look at the last token of the new list: if that is "
        "the left half and this one the right half, they join; otherwise this one is appended.",
        "To join is to replace the last token of the new list: merged[-1] = left + right. So it is "
        "no left half any more, and overlaps settle themselves. At the first token the new list is "
        "still empty.",
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
            "Of a | a | a, which a belongs to the first pair? It cannot begin another one.",
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
            "Of a | a | a, which two are joined first when you come from the left?",
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
            "Is n | a the pair (a, n)?",
            {
                "token == right and merged and merged[-1] == left": (
                    "merged and sorted([merged[-1], token]) == sorted(pair)"
                ),
                "merged[-1] = left + right": "merged[-1] += token",
            },
        ),
        Mistake(
            "what is compared is the joined bytes, not the two tokens",
            "ab and c make the same bytes as a and bc. Are they the same pair?",
            {
                "token == right and merged and merged[-1] == left": (
                    "merged and merged[-1] + token == left + right"
                )
            },
        ),
        Mistake(
            "the tokens are written as one text, and the pair is looked for in it",
            "In ba | n an a stands next to an n. Are a and n two tokens there?",
            {
                "    merged = []\n": (
                    '    text = b"|".join(tokens).replace(b"|".join(pair), left + right)\n'
                    '    return text.split(b"|")\n'
                    "    merged = []\n"
                )
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
        "the same bytes, cut elsewhere": {"tokens": [b"ab", b"c"], "pair": (b"a", b"bc")},
        "halves that are ends of longer tokens": {
            "tokens": [b"ba", b"n", b"a", b"nk"],
            "pair": (b"a", b"n"),
        },
        "spaces and a newline": {
            "tokens": [b" ", b"a", b"n", b" ", b" ", b"\n", b"a", b"n"],
            "pair": (b"a", b"n"),
        },
        "many tokens, a then b": {"tokens": some, "pair": (b"a", b"b")},
        "many tokens, a then a": {"tokens": some, "pair": (b"a", b"a")},
    }


def written(tokens: Any) -> str:
    """Write tokens as the lesson does: ·b | an | k."""
    return " | ".join(map(visible_bytes, tokens)) or "nothing"


def not_bytes(tokens: Any) -> str | None:
    """Say which of the tokens is none, so that no later property stumbles over it."""
    if not isinstance(tokens, list):
        return f"{tokens!r} came back, a list of bytes is asked for"
    wrong = next((token for token in tokens if not isinstance(token, bytes)), None)
    return None if wrong is None else f"a token is {wrong!r}, each should be bytes"


def on_tokens(look: Property) -> Property:
    """Look at a list of bytes only; of anything else say what it is instead."""
    return lambda given, found: not_bytes(found) or look(given, found)


@merge_pair.property("a list of bytes")
def _merge_gives_tokens(_: SimpleNamespace, found: Any) -> str | None:
    return not_bytes(found)


@merge_pair.property("no byte is lost or made")
@on_tokens
def _same_bytes(given: SimpleNamespace, found: Any) -> str | None:
    if b"".join(found) == b"".join(given.tokens):
        return None
    return f"from {written(given.tokens)} came {written(found)}"


@merge_pair.property("the pair stands nowhere any more")
@on_tokens
def _pair_is_gone(given: SimpleNamespace, found: Any) -> str | None:
    if tuple(given.pair) not in pairwise(found):
        return None
    return f"in {written(found)} the pair {written(given.pair)} still stands"


@merge_pair.property("nothing else is joined, and the left one first")
@on_tokens
def _nothing_else(given: SimpleNamespace, found: Any) -> str | None:
    rest = list(given.tokens)
    for token in found:
        here = 2 if rest[:2] == list(given.pair) else 1
        if token != b"".join(rest[:here]):
            return (
                f"from {written(given.tokens)} came {written(found)}: look at “{written([token])}”"
            )
        del rest[:here]
    return None


def joined(tokens: list[bytes], pair: Any) -> list[bytes]:
    """Join a pair, whatever the exercise's own function may be replaced by."""
    rest, result = list(tokens), []
    while rest:
        here = 2 if tuple(rest[:2]) == pair else 1
        result.append(b"".join(rest[:here]))
        del rest[:here]
    return result
