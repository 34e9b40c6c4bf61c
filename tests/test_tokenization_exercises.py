"""Lesson 02's checks of merges: what they say of answers that are none of the known mistakes."""

import pytest

from transformer_course.engine.answers import lent_parts, verdict_on
from transformer_course.engine.catalogue import find_exercise
from transformer_course.engine.sources import build, slipped
from transformer_course.engine.verdict import State
from transformer_course.engine.workspace import Workspace

CHARACTERS = "characters.CharacterTokenizer"
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
        (
            MERGE_PAIR,
            "b''.join(tokens)",
            "it returns one byte string; a list of byte strings is asked for",
        ),
        (MERGE_PAIR, "[1, 2]", "a token is 1, each should be bytes"),
        (MERGE_PAIR, "tokens + [b'!']", "from a | b came a | b | !"),
        (MERGE_PAIR, "list(tokens)", "in a | b the pair a | b still stands"),
        (MERGE_PAIR, "[b''.join(tokens)]", "from b | a | n | k came bank: look at “bank”"),
        (LEARN, "[b'ab']", "merge 0 is b'ab'; a pair such as (b'a', b'b') is asked for"),
        (LEARN, "[('a', 'b')]", "merge 0 is ('a', 'b'); a pair such as"),
        (LEARN, "[np.int64]", "merge 0 is a type; a pair such as"),
        (LEARN, "iter([])", "it returns a list_iterator; a list of pairs such as"),
        (LEARN, "b''", "it returns a byte string; a list of pairs such as"),
        (LEARN, "[(b'a', b'b')] * 2", "merge 1 joins a | b, which stands 0 times by then"),
        (LEARN, "[(b'b', b'a')][:num_merges]", "merge 0 joins b | a, which stands 0 times"),
        (LEARN, "[]", "0 merges came back, and there was still a pair to join"),
        (
            BY_RANK,
            "''.join(map(str, tokens))",
            "it returns one text; a list of byte strings is asked for",
        ),
        (BY_RANK, "[1]", "result 1 is a number, expected a byte string"),
        (BY_RANK, "[]", "from a came nothing"),
        (BY_RANK, "list(tokens)", "in a | n the pair a | n still stands, and it is a merge"),
    ],
)
def test_what_is_amiss_is_said_in_the_answers_own_tokens(name, expression, words, tmp_path):
    verdict = verdict_of(name, returning(name, expression), tmp_path)
    assert verdict.state is State.NOT_YET
    assert words in verdict.seen


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        (
            {'"".join(self': "list(self"},
            "`decode` returns a list of 3 texts; one text is asked for: join them",
        ),
        (
            {'return "".join(self': '"".join(self'},
            "`decode` returns nothing; one text is asked for",
        ),
        (
            {"return [self": "[self"},
            "`encode` returns nothing for 'abc'; a list of ids is asked for",
        ),
        (
            {"return [": "return np.array([", "in text]": "in text])"},
            "`encode` returns an array for 'abc'",
        ),
    ],
)
def test_what_a_method_returns_is_told_by_the_methods_name(slip, words, tmp_path):
    source = slipped(find_exercise(CHARACTERS).answer, slip)
    verdict = verdict_of(CHARACTERS, source, tmp_path)
    assert verdict.state is State.NOT_YET
    assert verdict.seen.startswith(words)


WRITTEN_AS_TEXT = {
    "a space between tokens": (
        'b" ".join(tokens).replace(b" ".join(pair), b"".join(pair)).split()',
        "from ba | n | a | nk came ban | ank: look at “ban”",
    ),
    "a comma between tokens": (
        'b",".join(tokens).replace(b",".join(pair), b"".join(pair)).split(b",")',
        "from ba | n | a | nk came ban | ank: look at “ban”",
    ),
    "whole tokens, and a space between them": (
        '(b" " + b"  ".join(tokens) + b" ").replace(b" %s  %s " % pair, b" %s%s " % pair).split()',
        "from · | a | n | · | · | ⏎ | a | n came an | an",
    ),
}


@pytest.mark.parametrize("way", WRITTEN_AS_TEXT)
def test_joining_in_a_text_that_is_written_from_the_tokens_does_not_pass(way, tmp_path):
    expression, words = WRITTEN_AS_TEXT[way]
    verdict = verdict_of(MERGE_PAIR, returning(MERGE_PAIR, expression), tmp_path)
    assert verdict.state in {State.NOT_YET, State.SLIP}
    assert words in verdict.seen


def test_train_that_gives_back_the_class_is_told_so(tmp_path):
    source = slipped(find_exercise(CHARACTERS).answer, {"return cls(": "return cls or cls("})
    verdict = verdict_of(CHARACTERS, source, tmp_path)
    assert verdict.state is State.NOT_YET
    assert verdict.seen.startswith("`train` gives back the class; a tokenizer is asked for")


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
    assert "in ab | c | d the pair b | c is not joined, the merge of rank 0" in verdict.seen


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
