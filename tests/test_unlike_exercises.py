"""The engine asks for more than functions: for a tokenizer that is trained, and remembers."""

import pytest

from transformer_course.engine.answers import check_answer, find_part, verdict_on
from transformer_course.engine.catalogue import find_exercise
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
def exercise():
    return find_exercise("characters.CharacterTokenizer")


def verdict_with(exercise, old, new):
    assert ANSWER.count(old) == 1
    return verdict_on(exercise, build(ANSWER.replace(old, new), "answer", {}))


def test_a_class_that_is_trained_passes_and_is_kept_with_all_its_methods(exercise, tmp_path):
    checked = check_answer(exercise, build(ANSWER, "answer", {}), Workspace(tmp_path))
    assert (checked.verdict.state, checked.note) == (State.PASSED, "")
    part = find_part(exercise.name, Workspace(tmp_path))
    assert part.is_own
    assert part.value.train("ba").encode("ab") == [0, 1]


def test_an_unsorted_vocabulary_is_met_by_its_name(exercise):
    verdict = verdict_with(exercise, "sorted(set(text))", "dict.fromkeys(text)")
    assert (verdict.state, verdict.mistake) == (
        State.SLIP,
        "the characters are numbered as they come, not sorted",
    )


def test_a_tokenizer_that_forgets_fails_the_property_that_it_breaks(exercise):
    verdict = verdict_with(exercise, "for number in ids)", "for number in ids[1:])")
    assert verdict.state is State.NOT_YET
    assert verdict.checklist[-1] == ("what is encoded comes back", False)
    assert "'abc' came back as 'bc'" in verdict.seen


def test_ids_that_are_no_numbers_are_told_and_nothing_stumbles_over_them(exercise):
    verdict = verdict_with(exercise, "self.characters.index(character)", "character")
    assert verdict.state is State.STOPPED or "`encode` makes" in verdict.seen


def test_a_sorting_constructor_is_told_what_it_does_to_a_given_order(exercise):
    verdict = verdict_with(
        exercise, "self.characters = characters", 'self.characters = "".join(sorted(characters))'
    )
    assert "decodes [0, 2, 1] as 'xzy'" in verdict.seen


@pytest.mark.parametrize(
    ("encode", "words"),
    [
        (
            "[self.characters.find(character) % 97 for character in text]",
            "'z', which holds .* taken",
        ),
        ("[[i for i, c in enumerate(self.characters) if c == one][0] for one in text]", "by Index"),
    ],
)
def test_an_unknown_character_that_is_not_refused_is_told_as_what_it_became(
    exercise, encode, words
):
    verdict = verdict_with(
        exercise, "[self.characters.index(character) for character in text]", encode
    )
    assert verdict.checklist[-1] == ("an unknown character is refused", False)
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(verdict.seen)
