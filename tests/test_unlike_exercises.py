"""The engine asks for more than functions: for a tokenizer that is trained, and remembers."""

import pytest

from transformer_course.engine.answers import check_answer, verdict_on
from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.sources import build
from transformer_course.engine.verdict import State
from transformer_course.engine.workspace import Workspace

ANSWER = """class CharacterTokenizer:
    def __init__(self, characters):
        self.characters = characters

    @classmethod
    def train(cls, text):
        return cls("".join(sorted(set(text))))

    def encode(self, text):
        return [self.characters.index(character) for character in text]

    def decode(self, ids):
        return "".join(self.characters[number] for number in ids)
"""


@pytest.fixture
def trained_tokenizer():
    """Declare an exercise of another kind than the course has so far: state made by training."""
    exercise = Exercise(
        "tokenization.CharacterTokenizer",
        lesson="02",
        level=1,
        minutes=8,
        stub="class CharacterTokenizer:\n    ...\n",
        start="Begin with train: which characters are there, and in which order?",
        hints=("Each once.", "In the order of their code points.", "sorted(set(text))"),
        unlocks="Your model reads by it.",
        mistakes=(
            Mistake(
                "characters are not sorted",
                "Does a second run give the same ids?",
                {"sorted(set(text))": "sorted(set(text), reverse=True)"},
            ),
            Mistake(
                "ids begin at 1",
                "What is the id of the first character?",
                {"dict(enumerate(characters))": "dict(enumerate(characters, 1))"},
            ),
        ),
        lends=("tokenization.Counter", "tokenization._look_up"),
    )

    @exercise.inputs
    def texts(rng):
        return {
            "three letters": {"learn": "bca", "read": "abc"},
            "a line": {"learn": "to be or not to be", "read": "not to be"},
        }

    @exercise.probe
    def learn_then_read(candidate, *, learn, read):
        tokenizer = candidate.train(learn)
        ids = tokenizer.encode(read)
        return {"ids": ids, "text": tokenizer.decode(ids), "again": tokenizer.encode(read)}

    @exercise.property("what is encoded can be decoded")
    def round_trip(given, found):
        return None if found["text"] == given.read else f"{given.read!r} became {found['text']!r}"

    return exercise


def test_a_class_that_is_trained_passes_and_is_kept_with_all_its_methods(
    trained_tokenizer, tmp_path
):
    checked = check_answer(trained_tokenizer, build(ANSWER, "answer", {}), Workspace(tmp_path))
    assert (checked.verdict.state, checked.note) == (State.PASSED, "")
    kept = build(Workspace(tmp_path).kept(trained_tokenizer.name), "kept", {})
    assert kept.train("ba").encode("ab") == [0, 1]


def test_an_unsorted_vocabulary_is_met_by_its_name(trained_tokenizer):
    wrong = ANSWER.replace("sorted(set(text))", "sorted(set(text))[::-1]")
    verdict = verdict_on(trained_tokenizer, build(wrong, "answer", {}))
    assert (verdict.state, verdict.mistake) == (State.SLIP, "characters are not sorted")


def test_a_tokenizer_that_forgets_fails_the_property_that_it_breaks(trained_tokenizer):
    wrong = ANSWER.replace("for number in ids)", "for number in ids[1:])")
    verdict = verdict_on(trained_tokenizer, build(wrong, "answer", {}))
    assert verdict.state is State.NOT_YET
    assert verdict.checklist[-1] == ("what is encoded can be decoded", False)
    assert "'abc' became 'bc'" in verdict.seen
