"""The exercise engine: each way to go wrong gets its own true message, and no work is lost."""

import errno
import functools
import json

import numpy as np
import pytest
import torch

from transformer_course import learn
from transformer_course.attention import causal_mask
from transformer_course.engine.answers import (
    check_answer,
    find_part,
    unfit_for_training,
    verdict_on,
)
from transformer_course.engine.catalogue import UnknownNameError, find_exercise
from transformer_course.engine.exercise import Question
from transformer_course.engine.pages import Page, verdict_page
from transformer_course.engine.sources import build, slipped
from transformer_course.engine.verdict import EQUAL, FITS, FLOWS, State
from transformer_course.engine.workspace import Workspace, WorkspaceError, home

MASK = find_exercise("attention.causal_mask")
SOFTMAX = find_exercise("attention.masked_softmax")
NORM = find_exercise("blocks.LayerNorm")
BLOCK = find_exercise("blocks.TransformerBlock")


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFORMER_COURSE_HOME", str(tmp_path))
    return tmp_path


def right_mask(length, past=0):
    queries, keys = torch.arange(past, past + length), torch.arange(past + length)
    return queries[:, None] >= keys


def said(capsys):
    return capsys.readouterr().out


def test_an_exception_is_told_with_the_learners_own_line():
    def mask(length, past=0):
        return torch.ones(length, 2) @ torch.ones(3, length)

    verdict = verdict_on(MASK, mask)
    assert verdict.state is State.STOPPED
    assert "`return torch.ones(length, 2) @ torch.ones(3, length)`" in verdict.seen
    assert "3x2 met 3x3 in a product" in verdict.seen


def test_an_endless_loop_ends(monkeypatch):
    monkeypatch.setattr("transformer_course.engine.probing.SECONDS", 0.2)

    def mask(length, past=0):
        while True:
            try:
                length += 1
            except Exception:
                length = 0

    verdict = verdict_on(MASK, mask)
    assert verdict.state is State.STOPPED
    assert "no answer after" in verdict.seen


@pytest.mark.parametrize("alias", [causal_mask, functools.partial(causal_mask)])
def test_a_call_of_the_reference_does_not_pass(alias):
    verdict = verdict_on(MASK, lambda length, past=0: alias(length, past))
    assert verdict.state is State.NOT_YET
    assert "calls transformer_course.attention.causal_mask" in verdict.seen


def test_the_reference_itself_does_not_pass():
    verdict = verdict_on(MASK, causal_mask)
    assert "the course's own `causal_mask`" in verdict.seen
    # A lesson may have put it under the learner's name: the call is right, the name is not theirs.
    assert (
        verdict.next_step
        == "Run the cell that defines your own `causal_mask` again, then this one."
    )


def test_a_library_call_that_does_the_whole_job_does_not_pass():
    class Norm(torch.nn.LayerNorm):
        def __init__(self, d_model, epsilon=1e-5):
            super().__init__(d_model, eps=epsilon)

    assert "torch.nn.functional.layer_norm" in verdict_on(NORM, Norm).seen


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda mask: mask.numpy(), "an array of shape"),
        (lambda mask: mask.tolist(), "3 lists"),
        (lambda mask: (row for row in mask), "a generator"),
        (lambda mask: mask[None], r"shape (1, 3, 3), expected (3, 3)"),
    ],
)
def test_a_wrong_type_or_shape_is_named(made, words):
    verdict = verdict_on(MASK, lambda length, past=0: made(right_mask(length, past)))
    assert verdict.state is State.NOT_YET
    assert words in verdict.seen


def test_what_holds_in_one_case_and_not_in_another_is_not_said_to_hold():
    def numbers_right_at_first(length, past=0):
        return right_mask(length, past) if past == 0 else ~right_mask(length, past)

    verdict = verdict_on(MASK, numbers_right_at_first)
    assert verdict.state is State.NOT_YET
    said = dict(verdict.checklist)
    assert EQUAL not in said
    assert said == {FITS: True, "each word sees itself": False}
    assert "in the case “two new words after three”" in verdict.seen


def softmax_of(prepared="scores", total="total.masked_fill(total == 0, 1.0)"):
    """Build the answer to the exercise with other scores to begin with, or another total."""
    source = slipped(
        SOFTMAX.answer,
        {
            "total.masked_fill(total == 0, 1.0)": total,
            "    if mask is not None:": f"    scores = {prepared}\n    if mask is not None:",
        },
    )
    return build(source, "a try", {})


@pytest.mark.parametrize("cut", ["scores.detach()", "scores.data"])
def test_a_gradient_that_is_cut_off_is_told_as_that_and_nothing_else_is_blamed(cut):
    verdict = verdict_on(SOFTMAX, softmax_of(cut))
    assert verdict.seen.startswith("no gradient comes through: somewhere the numbers were cut off")
    assert verdict.checklist[0] == (FITS, True)
    assert verdict.checklist[-1] == (FLOWS, False)


def test_a_gradient_that_reaches_only_some_of_what_goes_in_is_told_so():
    whole = find_exercise("attention.scaled_dot_product_attention")
    source = slipped(whole.answer, {"query @ key.": "query @ key.detach()."})
    verdict = verdict_on(whole, build(source, "a try", whole.lent()))
    assert verdict.seen.startswith("no gradient comes through to some of what goes in")


@pytest.mark.parametrize("name", ["scaled_dot_product_attention", "masked_softmax"])
def test_a_result_that_does_not_fit_is_called_it_not_by_the_name_that_a_probe_gave_it(name):
    exercise = find_exercise(f"attention.{name}")
    last = exercise.answer.rstrip().splitlines()[-1]
    wrong = build(slipped(exercise.answer, {last: "    return scores"}), "a try", exercise.lent())
    seen = verdict_on(exercise, wrong).seen
    assert "`" not in seen
    if name == "scaled_dot_product_attention":
        assert seen.startswith("it returns a tensor of shape (3, 3), expected 2 tensors")


@pytest.mark.parametrize("small", ["1e-10", "1e-9", "1e-8", "1e-6"])
def test_a_small_number_on_every_total_is_seen_where_float64_would_round_less(small):
    verdict = verdict_on(SOFTMAX, softmax_of(total=f"(total + {small})"))
    assert verdict.state is State.NOT_YET
    assert "more than rounding in float64" in verdict.seen


def test_an_unknown_mistake_is_sent_to_all_hints_and_to_the_answer():
    verdict = verdict_on(SOFTMAX, softmax_of("2 * scores"))
    assert verdict.next_step.endswith(
        'Hints 1 to 3 are there for you, or solution("attention.masked_softmax").'
    )


def test_what_does_not_fit_in_a_later_case_holds_nothing():
    def softmax(scores, mask=None):
        return (scores * 2).softmax(-1) if mask is None else scores[..., :1]

    verdict = verdict_on(SOFTMAX, softmax)
    assert verdict.state is State.NOT_YET
    assert [held for _, held in verdict.checklist] == [False]


@pytest.mark.parametrize(
    ("slip", "seen", "failed"),
    [
        (
            {"gradient_norm.item()": "gradient_norm"},
            "result 2 is a tensor of shape (), expected a number (.item() makes one of it)",
            FITS,
        ),
        (
            {"return total,": "return 1.1 * total,"},
            "; the mean of −log p(right next token) is 2.344",
            "the first loss is as on paper",
        ),
    ],
)
def test_what_a_step_returns_is_judged_as_numbers(slip, seen, failed):
    step = find_exercise("training.training_step")
    verdict = verdict_on(step, build(slipped(step.answer, slip), "a try", step.lent()))
    assert seen in verdict.seen
    assert verdict.checklist[-1] == (failed, False)


def test_an_answer_without_return_is_told_so():
    def mask(length, past=0):
        right_mask(length, past)

    assert verdict_on(MASK, mask).seen == "it returns nothing"


@pytest.mark.parametrize(
    ("slip", "state", "words"),
    [
        (
            {"        return normal * self.weight + self.bias\n": "        pass\n"},
            State.NOT_YET,
            "`forward` returns nothing",
        ),
        (
            {"torch.ones(d_model)": "torch.ones(1)"},
            State.NOT_YET,
            "has shape (1,), expected (4,)",
        ),
        (
            {" * self.weight + self.bias": ""},
            State.SLIP,
            "weight and bias take no part in the result",
        ),
    ],
)
def test_a_norm_that_is_half_done_is_told_what_it_lacks(slip, state, words):
    verdict = verdict_on(NORM, build(slipped(NORM.answer, slip), "a try", {}))
    assert verdict.state is state
    assert words in verdict.seen


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ("hidden", "it returns a tensor of shape (1, 3, 4), expected 2 things"),
        ("hidden, attended.weights, None", "it returns 3 things, expected 2 things"),
    ],
)
def test_a_block_that_returns_too_little_or_too_much_is_told_what_is_expected(returned, words):
    slip = {"return hidden, attended.weights": f"return {returned}"}
    source = slipped(BLOCK.answer, slip)
    assert words in verdict_on(BLOCK, build(source, "a try", {})).seen


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    "joined", ["hidden + attended", "self.attention_residual.after(hidden, attended)"]
)
def test_a_block_that_adds_all_that_attention_returns_is_told_to_take_one(joined):
    slip = {"self.attention_residual.after(hidden, attended.output)": joined}
    verdict = verdict_on(BLOCK, build(slipped(BLOCK.answer, slip), "a try", {}))
    assert verdict.state is State.STOPPED
    assert "holds its results by name" in verdict.seen


def test_an_answer_that_changes_its_inputs_is_told_which():
    def softmax(scores, mask=None):
        with torch.no_grad():
            scores -= scores.amax(-1, keepdim=True)
        if mask is not None:
            mask |= True
        return scores.softmax(-1)

    verdict = verdict_on(SOFTMAX, softmax)
    assert verdict.state is not State.PASSED


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (torch.ones(3, 3), "a Tensor was given, a function is asked for"),
        (torch.nn.Linear, "a class was given"),
        (None, "a NoneType was given"),
    ],
)
def test_what_is_no_function_is_told_so(given, words):
    assert words in verdict_on(MASK, given).seen


def test_an_instance_where_a_class_is_asked_for_is_told_so():
    assert "a class is asked for" in verdict_on(NORM, torch.nn.LayerNorm(3)).seen


def test_prints_and_random_state_of_an_answer_stay_inside(capsys):
    def mask(length, past=0):
        print("x" * 1000)  # noqa: T201
        torch.manual_seed(1)
        return right_mask(length, past)

    before = torch.random.get_rng_state()
    assert verdict_on(MASK, mask).state is State.PASSED
    assert said(capsys) == ""
    assert torch.random.get_rng_state().equal(before)


def test_an_answer_that_leans_on_other_cells_passes_but_is_not_kept(tmp_path):
    def mask(length, past=0):
        return right_mask(length, past)

    checked = check_answer(MASK, mask, Workspace(tmp_path))
    assert checked.verdict.state is State.PASSED
    assert "it uses `right_mask` from outside" in checked.note
    page = verdict_page(MASK, checked).as_text()
    assert checked.note in page
    assert MASK.unlocks not in page, "what is not kept runs nowhere"
    assert not find_part(MASK.name, Workspace(tmp_path)).is_own


def test_a_kept_answer_that_was_broken_by_hand_is_replaced_and_told(tmp_path):
    workspace = Workspace(tmp_path)
    assert check_answer(MASK, right_mask, workspace).note == ""
    file = workspace.file_of(MASK.name)
    kept = file.read_text()
    for broken in ("def f(:", "x = 1", kept.replace(">=", ">"), kept.replace("torch", "tosh")):
        file.write_text(broken)
        part = find_part(MASK.name, workspace)
        assert part.value is causal_mask
        assert str(file) in part.note
        assert file.read_text() == broken
    file.write_text(kept.replace("queries", "asking"))
    assert find_part(MASK.name, workspace).is_own


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path, monkeypatch):
    workspace = Workspace(tmp_path)
    check_answer(MASK, right_mask, workspace)
    kept = workspace.kept(MASK.name)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("transformer_course.engine.workspace.replacing", full)
    checked = check_answer(MASK, right_mask, workspace)
    assert checked.verdict.state is State.PASSED
    assert "No space left on device" in checked.note
    assert workspace.kept(MASK.name) == kept


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 9}', '{"format": 1, "exercises": 3}'])
def test_a_record_of_another_version_is_told_and_left_alone(tmp_path, text):
    (tmp_path / "progress.json").write_text(text)
    with pytest.raises(WorkspaceError, match=r"progress\.json"):
        Workspace(tmp_path).record()
    assert "Not recorded" in check_answer(MASK, right_mask, Workspace(tmp_path)).note
    assert (tmp_path / "progress.json").read_text() == text


def test_a_part_that_is_put_aside_is_kept_under_old(tmp_path):
    workspace = Workspace(tmp_path)
    assert workspace.put_aside(MASK.name) is None
    check_answer(MASK, right_mask, workspace)
    kept = workspace.kept(MASK.name)
    assert workspace.put_aside(MASK.name).read_text() == kept
    assert not find_part(MASK.name, workspace).is_own


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"did you mean attention\.causal_mask"):
        find_exercise("attention.casual_mask")


def test_a_part_trains_only_with_gradients_and_at_a_fair_cost():
    def slow(scores, *arguments, **options):
        for _ in range(60):
            torch.ones(200, 200) @ torch.ones(200, 200)
        return rotate.reference(scores, *arguments, **options)

    rotate = find_exercise("positional.rotate")
    assert unfit_for_training(rotate, rotate.reference) is None
    lost = unfit_for_training(rotate, lambda vectors, *_: vectors.detach())
    assert "loses the gradients" in lost
    assert unfit_for_training(MASK, right_mask) is None


@pytest.fixture
def pages(monkeypatch):
    shown = []
    monkeypatch.setattr(Page, "publish", lambda page: shown.append(page.as_text()))
    return shown


def test_lessons_get_sentences_where_something_is_wrong(pages):
    learn.check("attention.casual_mask", right_mask)
    assert "did you mean attention.causal_mask" in pages[-1]
    learn.hint(MASK.name, 4)
    assert "There are 3 hints" in pages[-1]
    learn.quiz(q05_9="a")
    assert "there is no question" in pages[-1].lower()


def test_checks_hints_answers_and_progress_are_shown(pages):
    learn.check(MASK.name, right_mask)
    assert pages[-1].startswith("✓ passed: `attention.causal_mask`")
    learn.hint(MASK.name)
    assert MASK.hints[0] in pages[-1]
    learn.hint(MASK.name, 3)
    assert "solution(" in pages[-1]
    learn.solution(MASK.name)
    assert MASK.answer in pages[-1] + "\n"
    learn.progress()
    assert "✓ 05 · exercise 1 · `attention.causal_mask` · passed" in pages[-1]
    assert "○ 05 · exercise 3 · `attention.masked_softmax`" in pages[-1]


def test_parts_are_the_learners_where_they_passed_and_fit_for_training(pages):
    assert learn.part(MASK.name) is causal_mask
    learn.check(MASK.name, right_mask)
    assert learn.part(MASK.name)(3).equal(causal_mask(3))
    assert pages[-1] == "`attention.causal_mask`: yours"
    assert list(learn.parts(mask=MASK.name, norm=NORM.name)) == ["mask"]


QUESTION = Question(
    name="05.1",
    text="Which?",
    options={"a": ("this", "No: it is larger."), "b": ("that", "Yes.")},
    right="b",
)


def test_the_first_choice_is_the_one_that_is_kept(pages):
    for letter in ("b", None, "a"):
        learn.predict("05.1", letter)
    assert Workspace(home()).record()["choices"] == {"05.1": "b"}


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (None, "You skipped the prediction. It is (b): that."),
        ("a", "✗ You chose (a). It is (b): that."),
        ("(B)", "✓ You chose (b)."),
        ("z", "You skipped the prediction."),
    ],
)
def test_a_prediction_is_taken_up_after_its_experiment(monkeypatch, pages, choice, words):
    monkeypatch.setattr(learn, "find_question", lambda _: QUESTION)
    learn.predict("05.1", choice).compare("0.5")
    assert words in pages[-1]
    assert "Measured: 0.5" in pages[-1]
    learn.quiz(q=choice)
    assert ("Skipped" in pages[-1]) == (choice in (None, "z"))


@pytest.mark.parametrize("choice", [None, "a"])
def test_a_prediction_that_a_cell_shows_asks_for_its_name_and_gives_nothing_away(
    monkeypatch, pages, choice
):
    monkeypatch.setattr(learn, "find_question", lambda _: QUESTION)
    shown = repr(learn.predict("05.1", choice))
    letter = "None" if choice is None else '"a"'
    assert f'guess = predict("{QUESTION.name}", {letter})' in shown
    assert not any(answer in shown for _, answer in QUESTION.options.values())
    assert "right" not in shown


def test_steps_can_be_limited_by_one_setting_and_the_page_says_so(monkeypatch, pages):
    assert learn.steps(900) == 900
    assert pages == []
    monkeypatch.setenv("TRANSFORMER_COURSE_MOST_STEPS", "7")
    assert learn.steps(900) == 7
    assert pages[-1].startswith("Shortened: 7 steps of training, not 900.")


def test_everything_in_a_page_is_escaped():
    page = Page(("`<script>` & </script>", "an odd ` tick <b>"), code="<img onerror=1>")
    text = page.as_html()
    assert "<script" not in text
    assert "<img" not in text
    assert "<b>" in text
    assert "tick &lt;b&gt;" in text
    assert "<img onerror=1>" in page.as_text()


def test_a_record_remembers_how_checks_ended(tmp_path):
    check_answer(MASK, lambda length, past=0: np.ones(3), Workspace(tmp_path))
    entry = json.loads((tmp_path / "progress.json").read_text())["exercises"][MASK.name]
    assert entry == {"state": "not_yet", "attempts": 1}


def test_the_progress_of_one_lesson_is_shown_alone(pages):
    learn.progress("00")
    (page,) = pages
    assert page.splitlines() == [
        "Your progress",
        "○ 00 · exercise 1 · `windows.inputs_and_targets` · not started",
    ]


def test_a_lesson_without_exercises_is_answered_with_those_that_have_some(pages):
    learn.progress("77")
    assert "Lesson '77' has no exercises; those that do are 00, 0" in pages[0]
