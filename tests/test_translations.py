"""Errors in plain words: each pattern is met by the very error that it was written for."""

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from transformer_course.engine.answers import verdict_on
from transformer_course.engine.catalogue import find_exercise
from transformer_course.engine.probing import Raised
from transformer_course.engine.sources import build
from transformer_course.engine.translations import PLAIN_WORDS, in_plain_words
from transformer_course.engine.verdict import State

pytestmark = pytest.mark.usefixtures("unchecked")

NOTHING = None
A, B = torch.ones(3, 4), torch.ones(3, 5)
LEARNED = torch.ones(3, requires_grad=True)


def unpack(*things):
    first, second = things
    return first, second


def twice():
    loss = (LEARNED * LEARNED).sum()
    loss.backward()
    loss.backward()


def in_place():
    LEARNED[0] = 3


def before_it_has_a_value():
    later += 1
    return later


class WithoutStart(nn.Module):
    def __init__(self):
        self.weight = nn.Parameter(torch.ones(3))


SLIPS = {
    "3x4 met 3x5 in a product": lambda: A @ B,
    "length 4 met length 3 on axis 1": lambda: A - A.mean(-1),
    "width 4 met 3 in a product": lambda: np.ones((3, 4)) @ np.ones((3, 4)),
    "these shapes do not fit: (3,4) (3,)": lambda: np.ones((3, 4)) / np.ones(3),
    "tensors of 2 and of 3 axes cannot be joined": lambda: torch.cat((A, A[None])),
    "joined along axis 0, all other axes must have equal lengths, and 4 met 5": lambda: torch.cat(
        (A, B)
    ),
    "a mask of shape [4] does not fit a tensor of shape [3, 4]": lambda: A[torch.ones(4) > 0],
    "index 7 is asked for on axis 0, whose length is 3": lambda: A[7],
    "index 8 is asked for on axis 0, whose length is 3": lambda: np.ones(3)[8],
    "there is no axis 2 here, only -2 to 1": lambda: A.sum(2),
    "there is no axis 2 in an array of 1 axes": lambda: np.ones(3).sum(axis=2),
    "12 numbers cannot be arranged as [5, 2]": lambda: A.reshape(5, 2),
    "3 numbers cannot be arranged as (2,2)": lambda: np.ones(3).reshape(2, 2),
    "a shape takes whole numbers; 4 / 2 is 2.0, 4 // 2 is 2": lambda: A.view(4, 6 / 2),
    "the weights that Linear is given do not fit what `__init__` makes": lambda: nn.Linear(
        2, 3
    ).load_state_dict({"weight": torch.ones(3, 2)}),
    "view cannot join these axes; reshape can": lambda: A.T.view(-1),
    "torch's transpose asks for the two axes": lambda: A.transpose(),
    "it expected targets of shape [2, 7] and got [2, 5]": lambda: nn.functional.cross_entropy(
        torch.ones(2, 5, 7), torch.zeros(2, 5, dtype=int)
    ),
    "scores for 10 questions met targets for 2": lambda: nn.functional.cross_entropy(
        torch.ones(10, 7), torch.zeros(2, dtype=int)
    ),
    "`~` turns every entry of a mask round, `is not None` asks": lambda: not A,
    "`~` met None: no mask was given in this case": lambda: ~NOTHING,
    "`-` met None, where a number must stand": lambda: -NOTHING,
    "`-` met a pair: torch's max along an axis gives values and their places; take `.values`, "
    "or amax": lambda: A - A.max(-1, keepdim=True),
    "`*` met None: what is not given in a case is None there": lambda: A * NOTHING,
    "`/` met None": lambda: NOTHING / 3,
    "a whole number; 4 / 2 is 2.0, 4 // 2 is 2": lambda: A[: 4 / 2],
    "several truth values stand where one is asked for": lambda: not np.ones(3),
    "`-` does not turn a mask around; `~` does": lambda: -(A > 0),
    "`-` does not turn a mask around;": lambda: -(np.ones(3) > 0),
    "numpy cannot carry gradients on": lambda: LEARNED.numpy(),
    "what was given would be changed in place": in_place,
    "no gradient can flow from here": lambda: A.sum().backward(),
    "by numbers that torch does not follow": lambda: torch.autograd.grad(LEARNED.sum(), A),
    "a gradient is of one number, and several came": lambda: (LEARNED * 2).backward(),
    "backward is called twice on one result": twice,
    "only floating-point numbers can be learned": lambda: nn.Parameter(torch.ones(3, dtype=int)),
    "several numbers stand where one is asked for; torch.sqrt": lambda: math.sqrt(A),
    "batch and height of the second have to be [2, 3], and are [2, 4]": lambda: torch.bmm(
        torch.ones(2, 5, 3), torch.ones(2, 4, 5)
    ),
    "numbers of type float met double in a product": lambda: A @ torch.ones(4, 2).double(),
    "32-bit numbers met 64-bit ones in a product": lambda: torch.einsum(
        "ij,jk->ik", A, torch.ones(4, 2).double()
    ),
    "super().__init__() has to come first": WithoutStart,
    "a Module cannot be called itself": lambda: nn.Module()(A),
    "2 things are expected here, and 1 came (a tensor's chunk": lambda: unpack(1),
    "2 things are expected here, and more came": lambda: unpack(1, 2, 3),
    "cannot be read backwards by [::-1]": lambda: A[::-1],
    "belongs into one tuple or list": lambda: torch.cat(A, dim=-1),
    "something else among its tensors: NoneType, at place 1": lambda: torch.cat((A, None)),
    "`sqrt` takes a tensor, and int was given": lambda: torch.sqrt(3),
    "max along an axis returns values and their places": lambda: A.max(-1).exp(),
    "holds its results by name": lambda: SimpleNamespace(logits=A)[0],
    "such as `.logits` or `.output`": lambda: A + SimpleNamespace(output=A),
    "None stands where `shape` is asked of": lambda: None.shape,
    "None stands where something callable is needed": lambda: (lambda f: f(3))(None),
    "numpy's arrays have no `exp`": lambda: np.ones(3).exp(),
    "torch's tensors have no `append`": lambda: A.append(3),
    "what stands here is of type float, without `backward`": lambda: (3.0).backward(),
    "it is called without 'fill'": lambda: (lambda scores, fill: scores)(3),
    "it is called with `fill`, which it does not take": lambda: (lambda scores: scores)(3, fill=1),
    "`nowhere` has no value here": lambda: eval("nowhere"),
    "`later` is used before it has a value": before_it_has_a_value,
}


def raised_by(slip):
    with pytest.raises(Exception, match=r".") as caught:
        slip()
    return Raised(caught.type.__name__, str(caught.value).partition("\n")[0], "", 0)


@pytest.mark.parametrize("words", SLIPS)
def test_an_error_is_told_in_plain_words(words):
    assert words in in_plain_words(raised_by(SLIPS[words]))


def test_each_translation_is_of_something_that_is_really_said():
    messages = [raised_by(slip).message for slip in SLIPS.values()]
    for pattern, _ in PLAIN_WORDS:
        assert any(re.search(pattern, message) for message in messages), pattern


def test_what_has_no_translation_stays_as_it_is():
    assert in_plain_words(Raised("ValueError", "too wide", "", 0)) == "ValueError: too wide"
    assert in_plain_words(Raised("SystemExit", "", "", 0)) == "SystemExit"


def test_a_plain_cross_entropy_of_torchs_is_told_what_to_do():
    step = find_exercise("training.training_step")
    source = step.answer.replace("cross_entropy(model", "F.cross_entropy(model")
    verdict = verdict_on(step, build(source, "a try", step.lent()))
    assert verdict.state is State.STOPPED
    assert "torch looks for the classes on axis 1" in verdict.seen
    flat = step.answer.replace(
        "cross_entropy(model(batch.inputs).logits, batch.targets)",
        "F.cross_entropy(model(batch.inputs).logits.flatten(0, 1), batch.targets.flatten())",
    )
    assert verdict_on(step, build(flat, "another", step.lent())).state is State.PASSED
