"""The model on paper: each number by a second way that uses nothing of the course's."""

import math

import pytest
import torch

from transformer_course.experiments.on_paper import WORDS, paper_model, stream_of
from transformer_course.training import Batch, training_step


def norm(vector):
    mean = sum(vector) / len(vector)
    deviation = math.sqrt(sum((number - mean) ** 2 for number in vector) / len(vector) + 1e-5)
    return [(number - mean) / deviation for number in vector]


def add(one, other):
    return [a + b for a, b in zip(one, other, strict=True)]


def by_hand():
    """Return all vectors of “The bank” as a reader would compute them, step by step."""
    the, bank = [2, 2, 0, 0], [2, 0, 2, 0]
    normed = [norm(the), norm(bank)]
    keys = [[row[0], row[2], row[1], row[3]] for row in normed]
    scores = [sum(a * b for a, b in zip(normed[1], key, strict=True)) / 2 for key in keys]
    total = sum(map(math.exp, scores))
    shares = [math.exp(score) / total for score in scores]
    mixed = [shares[0] * a + shares[1] * b for a, b in zip(*normed, strict=True)]
    attended = [normed[0], mixed]
    m = [add(x, update) for x, update in zip((the, bank), attended, strict=True)]
    normed_again = [norm(row) for row in m]
    worked = [[0, 0, 0, max(0, row[0])] for row in normed_again]
    y = [add(x, update) for x, update in zip(m, worked, strict=True)]
    return {
        "x": [the, bank],
        "norm(x)": normed,
        "attention adds": attended,
        "m": m,
        "norm(m)": normed_again,
        "feed-forward adds": worked,
        "y": y,
        "last norm": [norm(row) for row in y],
    }


def test_every_step_is_the_one_on_paper_and_the_last_is_the_models():
    model, ids = paper_model(), torch.tensor([0, 1])
    found, wanted = stream_of(model, ids), by_hand()
    assert list(found) == list(wanted)
    for name, rows in wanted.items():
        torch.testing.assert_close(found[name], torch.tensor(rows, dtype=torch.float32))
    output = model(ids[None])
    torch.testing.assert_close(output.hidden[0], found["last norm"])
    torch.testing.assert_close(output.logits[0], found["last norm"][:, 1:])


def test_the_numbers_that_the_lesson_prints_are_those_of_the_model():
    steps = stream_of(paper_model(), torch.tensor([0, 1]))
    printed = {"m": (3, 0.76, 1.24, -1), "y": (3, 0.76, 1.24, 0.40)}
    printed["last norm"] = (1.65, -0.59, -0.11, -0.95)
    for name, numbers in printed.items():
        torch.testing.assert_close(steps[name][1], torch.tensor(numbers), atol=0.006, rtol=0)


def test_one_step_moves_the_heads_rows_as_on_paper():
    model = paper_model()
    inputs, targets = torch.tensor([[0, 1]]), torch.tensor([[1, 2]])
    hidden = torch.tensor(by_hand()["last norm"], dtype=torch.float64)
    shares = hidden[:, 1:].exp() / hidden[:, 1:].exp().sum(1, keepdim=True)
    cost = -(shares[0, 1].log() + shares[1, 2].log()) / 2
    errors = shares - torch.tensor([[0, 1, 0], [0, 0, 1]])
    rows = torch.eye(4, dtype=torch.float64)[1:] - errors.T @ hidden / 2
    head = model.head.projection
    loss, _ = training_step(
        model, [torch.optim.SGD([head.weight], lr=1.0)], [Batch(inputs, targets)], 100.0
    )
    assert loss == pytest.approx(cost.item(), abs=1e-5)
    torch.testing.assert_close(head.weight.double(), rows, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        rows[2], torch.tensor([0.58, -0.30, 0.05, 0.68], dtype=torch.float64), atol=0.006, rtol=0
    )
    said = [WORDS[number] for number in model(inputs).logits[0].argmax(-1)]
    assert said == ["bank", "was"]


def test_a_model_without_decoder_is_refused():
    model = paper_model()
    model.decoder = None
    with pytest.raises(ValueError, match="give one that paper_model has built"):
        stream_of(model, torch.tensor([0]))
