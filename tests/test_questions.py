"""Predictions and quizzes: how long an option is gives nothing away."""

from statistics import mean, median

import pytest

from transformer_course.engine.catalogue import questions

QUIZ = [question for question in questions().values() if question.name.startswith("q")]
PREDICTIONS = [question for question in questions().values() if question not in QUIZ]


def luck_of_taking(which, question):
    """How often it is right to take the option of that length, alike long ones by lot."""
    lengths = {letter: len(words) for letter, (words, _) in question.options.items()}
    taken = [letter for letter, length in lengths.items() if length == which(lengths.values())]
    return (question.right in taken) / len(taken)


@pytest.mark.parametrize("asked", [QUIZ, PREDICTIONS], ids=["quiz", "predictions"])
@pytest.mark.parametrize("which", [max, median, min], ids=["longest", "middle", "shortest"])
def test_no_length_is_right_more_than_half_of_the_time(asked, which):
    assert len(asked) > 30
    assert mean(luck_of_taking(which, question) for question in asked) < 0.5
