"""The ledger of claims and the command `claims`, with small claims in place of the course's."""

import math

import pytest

from transformer_course import claims
from transformer_course.__main__ import main
from transformer_course.claims import Finding, above, below, claim_of, judge_all, ledger


@pytest.fixture
def seeds():
    """The seeds of all experiments that were run, in their order."""
    return []


@pytest.fixture(autouse=True)
def small_ledger(monkeypatch, seeds):
    def measure(seed):
        seeds.append(seed)
        return 3.0 + seed

    def other(seed):
        seeds.append(("other", seed))
        return 5.0

    @claim_of("C11", measure)
    def shrinks(number):
        return Finding(f"a width {below(number, 4)}", "5 before", below(number, 4).holds)

    @claim_of("C2", measure)
    def grows(number):
        return Finding(f"a height {above(number, 2)}", "1 before", above(number, 2).holds)

    @claim_of("C7", other)
    def stays(number):
        return Finding("a depth", "the same", number == 5)

    monkeypatch.setattr(claims, "_all_claims", lambda: iter([shrinks, grows, stays]))


def test_the_ledger_counts_its_claims_as_numbers():
    assert [claim.identifier for claim in ledger()] == ["C2", "C7", "C11"]


def test_the_ledger_gives_the_claims_that_are_asked_for_in_its_own_order():
    assert [claim.identifier for claim in ledger(["C11", "C2"])] == ["C2", "C11"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("C12", r"there is no claim 'C12'; did you mean C\d+\? There are C2, C7, C11"),
        ("c7", r"there is no claim 'c7'; did you mean C7\?"),
        ("", r"there is no claim ''; did you mean C\d+\?"),
    ],
)
def test_an_unknown_claim_is_answered_with_the_nearest_and_all_there_are(given, words):
    with pytest.raises(ValueError, match=words):
        ledger([given])


def test_an_experiment_that_two_claims_share_runs_once(seeds):
    judged = list(judge_all(ledger(), seed=13))
    assert [claim.identifier for claim, _ in judged] == ["C2", "C7", "C11"]
    assert seeds == [13, ("other", 13)]


def test_a_claim_is_told_before_the_next_experiment_is_run(seeds):
    next(judge_all(ledger(), seed=0))
    assert seeds == [0]


def test_a_claim_judges_whatever_numbers_it_is_handed():
    (shrinks,) = ledger(["C11"])
    assert shrinks(3.5) == Finding("a width below 4", "5 before", holds=True)
    assert shrinks(4.5) == Finding("a width 4.5 (expected below 4)", "5 before", holds=False)


def test_what_a_line_leaves_unsaid_is_named_where_it_does_not_hold():
    said, kept, broken = above(3, 2), below(1, 2), below(4, 2)
    good = Finding.of(f"a depth {said}", "none", [said], {"a width": kept})
    assert good == Finding("a depth above 2", "none", holds=True)
    bad = Finding.of(f"a depth {said}", "none", [said], {"a width": kept, "a height": broken})
    words = "a depth above 2; but a height 4 (expected below 2)"
    assert bad == Finding(words, "none", holds=False)
    assert not Finding.of(f"a depth {broken}", "none", [broken], {"a width": kept}).holds


def test_a_finding_states_measurement_and_control():
    assert Finding("2 m", "3 m", holds=True).statement == "2 m; control: 3 m"


@pytest.mark.parametrize("judge", [above, below])
@pytest.mark.parametrize("number", [2.0, math.nan])
def test_a_limit_itself_and_nan_keep_no_bound(judge, number):
    assert not judge(number, 2.0).holds


def test_a_bound_that_is_kept_says_the_same_on_all_machines():
    assert str(above(2.71828, 2)) == str(above(3.14159, 2)) == "above 2"


def test_claims_that_hold_are_printed_a_line_each_with_status_0(capsys):
    assert main(["claims"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "C2 ✓ a height above 2; control: 1 before",
        "C7 ✓ a depth; control: the same",
        "C11 ✓ a width below 4; control: 5 before",
    ]


def test_a_claim_that_does_not_hold_is_crossed_and_the_status_is_1(capsys):
    assert main(["claims", "C2", "C11", "--seed", "17"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "C2 ✓ a height above 2; control: 1 before",
        "C11 ✗ a width 20 (expected below 4); control: 5 before",
    ]


def test_an_unknown_claim_is_one_line_and_status_2(capsys, seeds):
    assert main(["claims", "C12"]) == 2
    told = capsys.readouterr()
    assert (told.out, seeds) == ("", [])
    assert told.err.count("\n") == 1
    assert "there is no claim 'C12'" in told.err
