"""Optimisers: AdamW, which the lessons start from, and Muon, which learns faster on matrices.

Builds on: model.  Lacks: a schedule for the learning rate (training).
Source: Loshchilov and Hutter 2019, algorithm 2 (AdamW); Jordan et al. 2024 (Muon);
Amsel et al. 2025, section 3 (the best polynomials).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

ORTHOGONALIZING = (
    (7.7110, -22.1138, 16.2487),
    (3.2153, -2.4112, 0.5013),
    (2.2183, -1.5940, 0.4107),
)
"""Coefficients (a, b, c) of a·x + b·x³ + c·x⁵, one polynomial after the other: of all three
polynomials of this form, those that bring numbers between 0.02 and 1 closest to 1 (to 1 ± 0.1)."""


def adamw_update(
    parameter: Float[Tensor, "*shape"],
    gradient: Float[Tensor, "*shape"],
    mean: Float[Tensor, "*shape"],
    mean_square: Float[Tensor, "*shape"],
    *,
    step: int,
    learning_rate: float,
    betas: tuple[float, float],
    epsilon: float,
    weight_decay: float,
) -> None:
    """Do one step of AdamW in place, written out for reading.

    The step is the running mean of the gradient over the root of its running mean square: about
    one learning rate wide for every number, whatever the gradient's own scale. Weight decay pulls
    the parameter itself and stays out of both means.

    Training uses torch's fused kernel, which does the same in one pass over memory.
    """
    parameter.mul_(1 - learning_rate * weight_decay)
    mean.lerp_(gradient, 1 - betas[0])
    mean_square.lerp_(gradient.square(), 1 - betas[1])
    # Both means start at 0 and would be too small at first; this undoes it exactly.
    unbiased_mean = mean / (1 - betas[0] ** step)
    unbiased_square = mean_square / (1 - betas[1] ** step)
    parameter.sub_(learning_rate * unbiased_mean / (unbiased_square.sqrt() + epsilon))


def orthogonalize(
    matrices: Float[Tensor, "matrix rows columns"],
) -> Float[Tensor, "matrix rows columns"]:
    """Bring the singular values of each matrix near 1, keeping its singular vectors.

    An odd polynomial in the matrix acts on its singular values alone, so a few matrix products do
    what a singular value decomposition would, at a fraction of the cost. Singular values below a
    fiftieth of the matrix's norm come out smaller than 1: they are mostly noise.
    """
    wide = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT
    # The Frobenius norm bounds the largest singular value: all of them start in [0, 1].
    wide = wide / (wide.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for linear, cubic, quintic in ORTHOGONALIZING:
        gram = wide @ wide.mT
        polynomial = torch.baddbmm(gram, gram, gram, beta=cubic, alpha=quintic)
        wide = torch.baddbmm(wide, polynomial, wide, beta=linear)
    return wide if matrices.shape[1] <= matrices.shape[2] else wide.mT


class Muon(torch.optim.Optimizer):
    """Momentum whose every update is orthogonalised: each direction of a matrix moves alike.

    A gradient's few large singular values drown the many small ones; with all of them brought to
    1, directions that are rare in the data learn as fast as common ones. For matrices only.

    The direction turns slowly, as momentum does, so it is computed at every second step and used
    twice; computing it each time learns no faster and costs twice as much.

    Args:
        matrices: Parameters of rank 2.
        lr: Spectral size of an update.
        momentum: Share of the old average kept at each step.
    """

    def __init__(self, matrices: Iterable[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum})
        for parameter in self.param_groups[0]["params"]:
            if parameter.ndim != 2:
                raise ValueError(
                    f"Muon was given a parameter of shape {tuple(parameter.shape)}, expected "
                    "matrices; give vectors to AdamW"
                )

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient."""
        if closure is not None:
            raise ValueError("Muon takes no closure; compute the gradients before step()")
        group = self.param_groups[0]
        moving = [parameter for parameter in group["params"] if parameter.grad is not None]
        due: dict[torch.Size, list[nn.Parameter]] = {}
        for parameter in moving:
            state = self.state[parameter]
            if not state:
                state["momentum"] = torch.zeros_like(parameter)
                state["steps"] = torch.zeros(())
            state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
            if state["steps"] % 2 == 0:
                due.setdefault(parameter.shape, []).append(parameter)
            state["steps"] += 1
        for parameters in due.values():
            self._find_directions(parameters, group["momentum"])
        for parameter in moving:
            parameter.sub_(self.state[parameter]["direction"], alpha=group["lr"])

    def _find_directions(self, parameters: Sequence[nn.Parameter], momentum: float) -> None:
        """Orthogonalise the momenta of all matrices of one shape, in products of them all."""
        ahead = []
        for parameter in parameters:
            gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            # Nesterov: one gradient ahead of the average.
            ahead.append(gradient.lerp(self.state[parameter]["momentum"], momentum))
        rows, columns = parameters[0].shape
        # An orthogonal matrix that is taller than wide has entries that shrink with its height.
        scale = max(1.0, rows / columns) ** 0.5
        directions = orthogonalize(torch.stack(ahead)) * scale
        for parameter, direction in zip(parameters, directions, strict=True):
            self.state[parameter]["direction"] = direction.clone()


def build_optimizers(
    model: nn.Module,
    name: str,
    *,
    learning_rate: float,
    matrix_learning_rate: float,
    betas: tuple[float, float],
    weight_decay: float,
) -> Sequence[torch.optim.Optimizer]:
    """Return the optimisers that together train the model.

    Args:
        model: What to train.
        name: "adamw" for all parameters, or "muon" for the matrices inside the blocks with AdamW
            for the rest (embeddings and head look matrices up or score with them row by row, and
            gain nothing from orthogonal updates).
        learning_rate: AdamW's.
        matrix_learning_rate: Muon's.
        betas: AdamW's two averaging constants.
        weight_decay: AdamW's, on matrices only: norms and biases have no excess to lose.

    Raises:
        ValueError: If the name is unknown.
    """
    if name not in OPTIMIZERS:
        raise ValueError(f"optimizer={name!r} is unknown; choose one of {list(OPTIMIZERS)}")
    for_muon = []
    if name == "muon":
        for_muon = [p for n, p in model.named_parameters() if ".blocks." in n and p.ndim == 2]
    taken = {id(parameter) for parameter in for_muon}
    rest = [parameter for parameter in model.parameters() if id(parameter) not in taken]
    groups = [
        {"params": [p for p in rest if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=learning_rate, betas=betas, fused=True
    )
    return [adamw, Muon(for_muon, matrix_learning_rate)] if for_muon else [adamw]


OPTIMIZERS = ("adamw", "muon")
