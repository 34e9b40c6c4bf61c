"""Lesson 08 is built out of all the answers that it can take, and each of them is called."""

import ast
import json
from collections import Counter
from pathlib import Path

import pytest
import torch
from small_runs import model_config

from transformer_course import characters, generation, heads, learn, training, windows
from transformer_course.engine.catalogue import exercises
from transformer_course.engine.pages import Page
from transformer_course.engine.sources import build
from transformer_course.engine.workspace import HOME, Workspace
from transformer_course.experiments import addition, dates, reverse
from transformer_course.model import PLUGGABLE, Transformer

NOTEBOOK = Path(__file__).parents[1] / "notebooks/08_full_transformer.ipynb"
COUNTED = """
import builtins
{answer}
_own = {name}
def _count():
    builtins.calls_of_own_parts["{exercise}"] += 1
"""
OF_A_FUNCTION = """
def {name}(*arguments, **options):
    _count()
    return _own(*arguments, **options)
"""
OF_A_CLASS = """
class {name}(_own):
    def {method}(self, *arguments, **options):
        _count()
        return super().{method}(*arguments, **options)
"""


def asked_for():
    """Return what the lesson hands to `parts`, by the name that keeps it: {place: exercise}."""
    found = {}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"]).replace("await ", "")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "parts":
                found |= {one.arg: ast.literal_eval(one.value) for one in node.keywords}
    return found


def keep_counted(workspace, name):
    exercise = exercises()[name]
    words = {"answer": exercise.answer, "name": exercise.called, "exercise": name}
    if exercise.asks_for_class:
        words["method"] = "forward" if "def forward" in exercise.answer else "encode"
    counted = OF_A_CLASS if exercise.asks_for_class else OF_A_FUNCTION
    workspace.keep(name, (COUNTED + counted).format(**words))


def test_all_that_a_lesson_asks_for_is_the_learners_and_is_called(tmp_path, monkeypatch):
    calls = Counter()
    monkeypatch.setattr("builtins.calls_of_own_parts", calls, raising=False)
    monkeypatch.setattr(Page, "publish", lambda _: None)
    monkeypatch.setattr(learn, "unfit_for_training", lambda *_: None)
    monkeypatch.setenv(HOME, str(tmp_path))
    places = asked_for()
    for name in places.values():
        keep_counted(Workspace(tmp_path), name)
    own = learn.parts(**places)
    assert own.keys() == places.keys()
    use(own)
    assert {name for name in places.values() if not calls[name]} == set()


def use(own):
    """Use parts as the lesson does, at a smaller size; a name that nothing takes is an error."""
    tokenizer = own.pop("tokenizer", characters.CharacterTokenizer).train("to be, or not to be")
    ids = torch.tensor(tokenizer.encode("to be, or not to be" * 3))
    stream = windows.TokenStream(ids, ids, 11, split=own.pop("split"))
    run_with = {"step": own.pop("step"), "loss": own.pop("loss")}
    write_with = {name: own.pop(name) for name in ("extend", "probabilities")}
    model = Transformer(model_config(position="rotary"), parts=own)
    run = training.TrainingRun(
        model,
        stream,
        training.TrainingConfig(num_steps=1, warmup_steps=1, batch_size=2),
        generator=torch.Generator().manual_seed(1),
        **run_with,
    )
    training.train(run, show_progress=False)
    (written,) = generation.generate(model, [[1, 2]], 3, temperature=0, **write_with)
    assert len(written) == 3


def test_the_lesson_leaves_out_no_answer_that_fits():
    fitting = {
        "attention.scaled_dot_product_attention",
        "blocks.LayerNorm",
        "blocks.TransformerBlock",
        "characters.CharacterTokenizer",
        "generation.extend",
        "heads.cross_entropy",
        "heads.next_token_probabilities",
        "multi_head.merge_heads",
        "multi_head.split_heads",
        "positional.rotate",
        "training.training_step",
        "windows.inputs_and_targets",
    }
    assert set(asked_for().values()) == fitting


def test_the_validation_loss_is_measured_by_the_loss_that_is_handed_over():
    def doubled(logits, targets):
        return 2 * heads.cross_entropy(logits, targets)

    ids = torch.arange(60) % 23
    usual, run = (
        training.TrainingRun(
            Transformer(model_config(), generator=torch.Generator().manual_seed(2)),
            windows.TokenStream(ids, ids, 11),
            training.TrainingConfig(num_steps=1, warmup_steps=1, batch_size=2),
            generator=torch.Generator().manual_seed(3),
            **given,
        )
        for given in ({}, {"loss": doubled})
    )
    torch.testing.assert_close(run.evaluate(), 2 * usual.evaluate())


TASKS = {
    "addition": (addition.build_adder, addition.sampler(reverse=True)),
    "addition without positions": (
        lambda generator, parts=None: addition.build_adder(generator, "none", parts),
        addition.sampler(reverse=True),
    ),
    "dates": (
        lambda generator, parts=None: dates.Translator(parts, generator),
        dates.sample_dates,
    ),
    "reverse": (reverse.build_reverser, reverse.sample_sequences),
}


@pytest.mark.parametrize("task", TASKS)
def test_right_answers_change_no_number_of_a_tasks_model(task):
    """A part stands where one of its kind stood: LayerNorm instead of RMSNorm learns otherwise."""
    build_model, sample = TASKS[task]
    answers = {
        place: build(exercises()[name].answer, name, exercises()[name].lent())
        for place, name in asked_for().items()
        if place in PLUGGABLE
    }
    inputs = sample(3, torch.Generator().manual_seed(1)).inputs
    usual, own = (
        build_model(torch.Generator().manual_seed(2), parts=parts)(inputs).logits
        for parts in (None, answers)
    )
    torch.testing.assert_close(own, usual)
