"""The recipes keep what they promise: no more parameters, and more learned from as much text."""

import pytest
import torch

from transformer_course.model import Transformer
from transformer_course.recipes import (
    plain_model,
    plain_training,
    quick_model,
    quick_training,
    strong_model,
    strong_training,
)
from transformer_course.training import TokenStream, TrainingRun, train

VOCAB_SIZE = 69
FAST = [(quick_model, quick_training), (strong_model, strong_training)]


def parameters(model_recipe) -> int:
    return Transformer(model_recipe(VOCAB_SIZE)).num_parameters()


@pytest.mark.parametrize("model_recipe", [quick_model, strong_model])
def test_a_fast_model_has_no_more_parameters_than_the_plain_one(model_recipe):
    assert 0.9 * parameters(plain_model) < parameters(model_recipe) <= parameters(plain_model)


def test_the_plain_recipe_is_the_size_it_says():
    assert round(parameters(plain_model) / 1e6, 1) == 0.8


@pytest.mark.parametrize(("model_recipe", "training_recipe"), FAST)
def test_fourteen_fast_steps_learn_more_than_twenty_plain_ones(model_recipe, training_recipe):
    text = [3, 1, 4, 15, 9, 2, 6, 5, 35, 8, 9, 7] * 60

    def loss(model, training) -> float:
        run = TrainingRun(
            Transformer(model(VOCAB_SIZE), generator=torch.Generator().manual_seed(1)),
            TokenStream(text, text[:100], 64),
            training,
            generator=torch.Generator().manual_seed(1),
        )
        return train(run, show_progress=False)[-1].validation_loss

    assert loss(model_recipe, training_recipe(14)) < loss(plain_model, plain_training(20))
