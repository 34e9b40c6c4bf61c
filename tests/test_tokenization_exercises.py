"""Lesson 02's checks of merges: what they say of answers that are none of the known mistakes."""

import pytest

from transformer_course.engine.answers import lent_parts, verdict_on
from transformer_course.engine.catalogue import find_exercise
from transformer_course.engine.sources import build
from transformer_course.engine.verdict import State
from transformer_course.engine.workspace import Workspace

MERGE_PAIR = "byte_pair_merges.merge_pair"
LEARN = "byte_pair_merges.learn_merges_plainly"
BY_RANK = "byte_pair_merges.merge_by_rank"


def verdict_of(name, source, tmp_path):
    exercise = find_exercise(name)
    return verdict_on(exercise, build(source, name, lent_parts(exercise, Workspace(tmp_path))))


def returning(name, expression):
    """An answer of one line."""
    arguments = {
        MERGE_PAIR: "tokens, pair",
        LEARN: "word_counts, num_merges",
        BY_RANK: "tokens, ranks",
    }
    return f"def {name.rpartition('.')[2]}({arguments[name]}):\n    return {expression}\n"


@pytest.mark.parametrize(
    ("name", "expression", "words"),
    [
        (MERGE_PAIR, "b''.join(tokens)", "it returns a byte string, expected 1 byte string"),
        (MERGE_PAIR, "[1, 2]", "a token is 1, each should be bytes"),
        (MERGE_PAIR, "tokens + [b'!']", "a·b became a·b·!"),
        (MERGE_PAIR, "list(tokens)", "in a·b the pair a·b still stands"),
        (MERGE_PAIR, "[b''.join(tokens)]", "b·a·n·k became bank: look at “bank”"),
        (LEARN, "[b'ab']", "result 1 is a byte string, expected 2 byte strings"),
        (LEARN, "[(b'a', b'b')] * 2", "merge 1 joins a·b, which stands 0 times by then"),
        (LEARN, "[(b'b', b'a')][:num_merges]", "merge 0 joins b·a, which stands 0 times"),
        (LEARN, "[]", "0 merges came back, and there was still a pair to join"),
        (BY_RANK, "''.join(map(str, tokens))", "it returns a text, expected 1 byte string"),
        (BY_RANK, "[1]", "result 1 is a number, expected a byte string"),
        (BY_RANK, "[]", "a became nothing"),
        (BY_RANK, "list(tokens)", "in a·n the pair a·n still stands, and it is a merge"),
    ],
)
def test_what_is_amiss_is_said_in_the_answers_own_tokens(name, expression, words, tmp_path):
    verdict = verdict_of(name, returning(name, expression), tmp_path)
    assert verdict.state is State.NOT_YET
    assert words in verdict.seen


def test_one_merge_too_many_is_counted(tmp_path):
    source = f"""{find_exercise(LEARN).answer.replace("< num_merges", "<= num_merges")}"""
    verdict = verdict_of(LEARN, source, tmp_path)
    assert verdict.state is State.NOT_YET
    assert "merges were asked for" in verdict.seen


def test_a_merge_of_higher_rank_that_came_first_is_named(tmp_path):
    source = """def merge_by_rank(tokens, ranks):
    for pair in sorted(ranks, key=ranks.get, reverse=True):
        tokens = merge_pair(tokens, pair)
    for pair in sorted(ranks, key=ranks.get, reverse=True):
        tokens = merge_pair(tokens, pair)
    while any(pair in ranks for pair in pairwise(tokens)):
        for pair in sorted(ranks, key=ranks.get, reverse=True):
            tokens = merge_pair(tokens, pair)
    return tokens
"""
    verdict = verdict_of(BY_RANK, source, tmp_path)
    assert verdict.state is State.SLIP
    assert "ab·c·d keeps b·c apart, which is the merge of rank 0" in verdict.seen


@pytest.mark.parametrize(
    ("name", "body"),
    [
        (LEARN, "from transformer_course.byte_pair_merges import learn_merges as other"),
        (BY_RANK, "from transformer_course.byte_pair_merges import merge_by_rank as other"),
    ],
)
def test_an_answer_that_calls_the_packages_own_is_not_taken(name, body, tmp_path):
    call = returning(name, "None").splitlines()[0]
    arguments = call.partition("(")[2].rpartition(")")[0]
    verdict = verdict_of(name, f"{call}\n    {body}\n    return other({arguments})\n", tmp_path)
    assert verdict.state is State.NOT_YET
    assert "which does the whole job" in verdict.seen


def test_a_list_that_is_changed_in_place_is_told(tmp_path):
    source = """def merge_pair(tokens, pair):
    for place in range(len(tokens) - 2, -1, -1):
        if tuple(tokens[place:place + 2]) == pair:
            tokens[place:place + 2] = [pair[0] + pair[1]]
    return tokens
"""
    verdict = verdict_of(MERGE_PAIR, source, tmp_path)
    assert "it changes what it was given: `tokens`" in verdict.seen
