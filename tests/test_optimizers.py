"""The optimisers against torch's own, against a singular value decomposition, and in use."""

import math

import pytest
import torch
from torch import nn

from transformer_course.config import TransformerConfig
from transformer_course.model import Transformer
from transformer_course.optimizers import (
    ORTHOGONALIZING,
    Muon,
    adamw_update,
    build_optimizers,
    orthogonalize,
)

RATES = {
    "learning_rate": 1e-3,
    "matrix_learning_rate": 0.02,
    "betas": (0.9, 0.99),
    "weight_decay": 0.1,
}


def small_model() -> Transformer:
    return Transformer(
        TransformerConfig(
            vocab_size=13,
            context_length=7,
            d_model=12,
            num_layers=2,
            num_heads=3,
            d_feed_forward=20,
        )
    )


def test_adamw_written_out_equals_the_fused_kernel_step_by_step():
    fused = nn.Parameter(torch.randn(5, 7, dtype=torch.float64))
    ours = fused.detach().clone()
    mean, mean_square = torch.zeros_like(ours), torch.zeros_like(ours)
    optimizer = torch.optim.AdamW([fused], lr=0.03, betas=(0.8, 0.97), eps=1e-6, weight_decay=0.2)
    for step in range(1, 12):
        gradient = torch.randn_like(ours) * 10.0 ** (step % 3)
        fused.grad = gradient.clone()
        optimizer.step()
        adamw_update(
            ours,
            gradient,
            mean,
            mean_square,
            step=step,
            learning_rate=0.03,
            betas=(0.8, 0.97),
            epsilon=1e-6,
            weight_decay=0.2,
        )
        torch.testing.assert_close(ours, fused.detach())


@pytest.mark.parametrize("shape", [(3, 5, 11), (3, 11, 5), (2, 7, 7)])
def test_orthogonalising_keeps_the_singular_vectors_and_brings_the_values_near_one(shape):
    left, _, right = torch.linalg.svd(torch.randn(shape, dtype=torch.float64), full_matrices=False)
    # The widest spread that the polynomials are made for: a fiftieth of the norm is the least.
    values = torch.logspace(math.log10(0.05), 0, left.shape[-1], dtype=torch.float64)
    result = left.mT @ orthogonalize(left * values @ right) @ right.mT
    new_values = result.diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(result, torch.diag_embed(new_values))
    assert new_values.min() > 0.9
    assert new_values.max() < 1.1


def test_orthogonalising_does_not_care_for_the_size_of_the_gradient():
    matrices = torch.randn(2, 5, 7)
    torch.testing.assert_close(orthogonalize(matrices * 1e4), orthogonalize(matrices))


def test_no_other_three_polynomials_do_better_between_a_fiftieth_and_one():
    # At the best one, the error touches its largest value four times, with alternating sign.
    values = torch.linspace(0.02, 1, 100_001, dtype=torch.float64)
    for linear, cubic, quintic in ORTHOGONALIZING:
        values = linear * values + cubic * values**3 + quintic * values**5
        low, high = values.min().item(), values.max().item()
        turns = ((values - low) < 1e-3 * low) | ((high - values) < 1e-3 * low)
        sides = (values[turns] > 1).int()
        assert 1 - low == pytest.approx(high - 1, rel=0.01)
        assert (sides.diff() != 0).sum() >= 3
        values = torch.linspace(low, high, 100_001, dtype=torch.float64)
    assert 0.08 < high - 1 < 0.1


def test_a_gradient_of_zeros_moves_nothing():
    assert orthogonalize(torch.zeros(2, 3, 5)).abs().max() == 0


def test_muon_updates_every_matrix_as_it_would_alone():
    shapes = [(5, 7), (7, 5), (5, 7), (3, 3)]
    together = [nn.Parameter(torch.randn(shape)) for shape in shapes]
    alone = [nn.Parameter(parameter.detach().clone()) for parameter in together]
    one = Muon(together, lr=0.1)
    several = [Muon([parameter], lr=0.1) for parameter in alone]
    for _ in range(3):
        for first, second in zip(together, alone, strict=True):
            first.grad = torch.randn_like(first)
            second.grad = first.grad.clone()
        one.step()
        for optimizer in several:
            optimizer.step()
    for first, second in zip(together, alone, strict=True):
        torch.testing.assert_close(first, second)


def test_the_first_step_of_muon_goes_against_the_gradient_with_spectral_size_about_lr():
    parameter = nn.Parameter(torch.zeros(6, 6))
    parameter.grad = torch.randn(6, 6)
    Muon([parameter], lr=0.1).step()
    assert (parameter * parameter.grad).sum() < 0
    assert 0.09 < torch.linalg.matrix_norm(parameter.detach(), ord=2) < 0.11


def test_muon_uses_each_direction_twice():
    parameter = nn.Parameter(torch.zeros(5, 7))
    optimizer = Muon([parameter], lr=0.1)
    moves = []
    for _ in range(4):
        before = parameter.detach().clone()
        parameter.grad = torch.randn(5, 7)
        optimizer.step()
        moves.append(parameter.detach() - before)
    torch.testing.assert_close(moves[0], moves[1])
    torch.testing.assert_close(moves[2], moves[3])
    assert (moves[1] - moves[2]).abs().max() > 1e-3


def test_muon_passes_over_a_matrix_without_a_gradient():
    still = nn.Parameter(torch.ones(3, 5))
    Muon([still], lr=0.1).step()
    assert torch.equal(still, torch.ones(3, 5))


def test_muon_refuses_vectors():
    with pytest.raises(ValueError, match=r"shape \(5,\), expected matrices; give vectors to AdamW"):
        Muon([nn.Parameter(torch.ones(5))], lr=0.1)


def test_muon_refuses_a_closure():
    with pytest.raises(ValueError, match="takes no closure"):
        Muon([nn.Parameter(torch.ones(3, 5))], lr=0.1).step(lambda: 0.0)


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_every_parameter_belongs_to_exactly_one_optimiser(name):
    model = small_model()
    owned = [
        id(parameter)
        for optimizer in build_optimizers(model, name, **RATES)
        for group in optimizer.param_groups
        for parameter in group["params"]
    ]
    assert sorted(owned) == sorted(id(parameter) for parameter in model.parameters())


def test_muon_takes_the_matrices_of_the_blocks_and_nothing_else():
    model = small_model()
    _, muon = build_optimizers(model, "muon", **RATES)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    taken = {names[id(parameter)] for parameter in muon.param_groups[0]["params"]}
    assert taken == {
        name for name, p in model.named_parameters() if ".blocks." in name and p.ndim == 2
    }
    assert not any("embedding" in name or "head" in name for name in taken)


def test_weight_decay_leaves_norms_and_biases_alone():
    (adamw,) = build_optimizers(small_model(), "adamw", **RATES)
    decays = {
        parameter.ndim: group["weight_decay"]
        for group in adamw.param_groups
        for parameter in group["params"]
    }
    assert decays == {2: 0.1, 1: 0.0}


def test_an_unknown_optimiser_is_refused():
    with pytest.raises(ValueError, match=r"optimizer='sgd' is unknown; choose one of \['adamw'"):
        build_optimizers(small_model(), "sgd", **RATES)
