"""What lesson 02 asks for first: a tokenizer that gives each character a number.

Builds on: characters, engine.  Lacks: merges (tokenization_join).
"""

from types import SimpleNamespace
from typing import Any

from numpy.random import Generator

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.plain import describe

character_tokenizer = Exercise(
    "characters.CharacterTokenizer",
    lesson="02",
    level=2,
    minutes=12,
    stub="""class CharacterTokenizer:
    def __init__(self, characters):
        # characters: a str, each character of the vocabulary once; its place in it is its id
        ...

    @classmethod
    def train(cls, text):
        # → cls(…), made of the different characters of text, sorted
        ...

    def encode(self, text):
        # → a list of ids; ValueError if a character is not in the vocabulary
        ...

    def decode(self, ids):
        # → the text, a str
        ...
""",
    start="Begin with __init__: keep the characters in self, and a dict from character to id.",
    hints=(
        "Two look-ups are needed: from a character to its id (a dict), and from an id to its "
        "character (the place in a str will do). Which of the four methods needs which?",
        "train hands a str to the class itself, cls(…): set(text) has each character once, "
        "sorted(…) puts them in order, and join makes a str of them again.",
        "enumerate(characters) yields the pairs (id, character). In encode, look for characters "
        "that the dict lacks first, and raise ValueError if there is one; then one list "
        "comprehension does it.",
    ),
    unlocks="From now on it stands in this lesson beside bytes, words and pieces of words.",
    mistakes=(
        Mistake(
            "ids begin at 1",
            "What is the id of the first character? A row of a table will be looked up by it.",
            {
                "enumerate(characters)": "enumerate(characters, 1)",
                "self.characters[token_id]": "self.characters[token_id - 1]",
            },
        ),
        Mistake(
            "the characters are numbered as they come, not sorted",
            "Two people train on the same letters in another order. Do they get the same ids?",
            {"sorted(set(text))": "dict.fromkeys(text)"},
        ),
        Mistake(
            "the characters are numbered as a set has them, not sorted",
            "A set has no order that you can count on. Which function gives it one?",
            {"sorted(set(text))": "set(text)"},
        ),
        Mistake(
            "`train` gives back None",
            "Is a `return` missing there?",
            {"return cls(": "cls("},
        ),
        Mistake(
            "an unknown character is left out",
            "What does decode make of it? A text that comes back shorter, and nobody was told.",
            {
                "if unknown:": "if False:",
                "for character in text]": "for character in text if character in self.ids]",
            },
            source="trap 17",
        ),
        Mistake(
            "an unknown character gets somebody else's id",
            "Which character comes back from decode in its place?",
            {
                "if unknown:": "if False:",
                "[self.ids[character] for": "[self.ids.get(character, 0) for",
            },
            source="trap 17",
        ),
        Mistake(
            "an unknown character gets the id −1",
            "`find` says −1 where it finds nothing. Which character does decode make of it?",
            {
                "if unknown:": "if False:",
                "[self.ids[character] for": "[self.characters.find(character) for",
            },
            source="trap 17",
        ),
        Mistake(
            "an unknown character is met by a KeyError",
            "A dict raises KeyError by itself. What has to happen before it is asked, or after?",
            {"if unknown:": "if False:"},
        ),
        Mistake(
            "white space at the ends is lost",
            "A space and a newline are characters like any other. Where do they go?",
            {"for character in text]": "for character in text.strip()]"},
            source="trap 17",
        ),
        Mistake(
            "all tokenizers share one table, that of the last one made",
            "What belongs to one tokenizer stands in self, not in the class.",
            {"self.ids = {": "type(self).ids = {"},
        ),
    ),
)


@character_tokenizer.inputs
def _texts(rng: Generator) -> dict[str, dict[str, Any]]:
    letters = "".join(rng.permutation(list("abcdefghijklmnop qrst\n")))
    return {
        "three letters": {"learn": "bca", "read": "abc", "ids": [2, 0], "unknown": "z"},
        "a line": {
            "learn": "to be, or not to be\n",
            "read": " not to be\n",
            "ids": [1, 1, 0],
            "unknown": "bé",
        },
        "letters of many scripts": {
            "learn": "né 河 😀 \x00",
            "read": "😀 河\x00",
            "ids": [0, 5, 3],
            "unknown": "😁",
        },
        "many letters": {
            "learn": letters * 2,
            "read": letters[3:11],
            "ids": [19, 7, 0],
            "unknown": f"{letters[5]}A",
        },
    }


@character_tokenizer.probe
def _learn_then_read(
    candidate: Any, *, learn: str, read: str, ids: list[int], unknown: str
) -> dict[str, Any]:
    tokenizer = candidate.train(learn)
    if tokenizer is None or isinstance(tokenizer, type):
        return {"trained": tokenizer is not None}
    candidate("".join(sorted(set(learn))[::-1]))  # must not change the first one
    found = tokenizer.encode(read)
    try:
        refused = f"taken for {tokenizer.encode(unknown)}"
    except Exception as error:
        refused = type(error).__name__
    given = candidate("yxz").decode([0, 2, 1])
    return {
        "ids": found,
        "text": None if found is None else tokenizer.decode(found),
        "decoded": tokenizer.decode(ids),
        "refused": refused,
        "in the order given": given,
    }


@character_tokenizer.property("train gives a tokenizer", form=True)
def _gives_a_tokenizer(_: SimpleNamespace, found: Any) -> str | None:
    if found.get("trained"):
        return "`train` gives back the class; a tokenizer is asked for, which cls(…) makes"
    return "there is no tokenizer to encode with" if "trained" in found else None


@character_tokenizer.property("encode gives a list of ids", form=True)
def _gives_ids(given: SimpleNamespace, found: Any) -> str | None:
    ids = found["ids"]
    if not isinstance(ids, list):
        return f"`encode` returns {describe(ids)} for {given.read!r}; a list of ids is asked for"
    if not all(type(token_id) is int for token_id in ids):
        return f"`encode` makes {ids!r} of {given.read!r}, and an id is an int"
    return None


@character_tokenizer.property("decode gives a text", form=True)
def _gives_a_text(_: SimpleNamespace, found: Any) -> str | None:
    for text in (found["text"], found["decoded"], found["in the order given"]):
        if not isinstance(text, str):
            way = ": join them" if isinstance(text, list) else ""
            return f"`decode` returns {describe(text)}; one text is asked for{way}"
    return None


@character_tokenizer.property("what is encoded comes back")
def _comes_back(given: SimpleNamespace, found: Any) -> str | None:
    return None if found["text"] == given.read else f"{given.read!r} came back as {found['text']!r}"


@character_tokenizer.property("the id is the place among the sorted characters")
def _in_order(given: SimpleNamespace, found: Any) -> str | None:
    if len(found["ids"]) != len(given.read):
        return f"{given.read!r} was given {len(found['ids'])} ids"
    for character, token_id in zip(given.read, found["ids"], strict=True):
        smaller = {other for other in given.learn if other < character}
        if token_id != len(smaller):
            return (
                f"{character!r} got the id {token_id}, and {len(smaller)} of the characters in "
                f"{given.learn!r} come before it"
            )
    return None


@character_tokenizer.property("an unknown character is refused")
def _refuses(given: SimpleNamespace, found: Any) -> str | None:
    refused = found["refused"]
    if refused == "ValueError":
        return None
    if refused.startswith("taken"):
        return f"{given.unknown!r}, which holds an unknown character, was {refused}"
    return f"{given.unknown!r} was met by {refused}, a ValueError is asked for"


@character_tokenizer.property("a vocabulary keeps the order in which it is given")
def _as_given(_: SimpleNamespace, found: Any) -> str | None:
    decoded = found["in the order given"]
    return (
        None if decoded == "yzx" else f'CharacterTokenizer("yxz") decodes [0, 2, 1] as {decoded!r}'
    )
