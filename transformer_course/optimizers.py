"""Optimisers: AdamW, which the lessons start from, and Muon, which learns faster on matrices.

Builds on: model.  Lacks: a schedule for the learning rate (training).
Source: Loshchilov and Hutter 2019, algorithm 2 (AdamW); Jordan et al. 2024 (Muon);
Bernstein and Newhouse 2024, section 2.2 (why orthogonal updates).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of x·a + x³·b + x⁵·c, chosen for steepness at 0: the map sends singular values
from (0, 1] towards 1 in few steps, and only roughly (0.7 to 1.2), which is all that training
needs (Jordan et al. 2024)."""


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
    matrices: Float[Tensor, "matrix rows columns"], num_steps: int
) -> Float[Tensor, "matrix rows columns"]:
    """Bring all singular values of each matrix near 1, keeping its singular vectors.

    A polynomial in the matrix acts on its singular values alone, so a few matrix products do what
    a singular value decomposition would, at a fraction of the cost.
    """
    wide = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT
    # The Frobenius norm bounds the largest singular value: all of them start in (0, 1].
    wide = wide / (wide.norm(dim=(1, 2), keepdim=True) + 1e-7)
    linear, cubic, quintic = NEWTON_SCHULZ
    for _ in range(num_steps):
        gram = wide @ wide.mT
        polynomial = torch.baddbmm(gram, gram, gram, beta=cubic, alpha=quintic)
        wide = torch.baddbmm(wide, polynomial, wide, beta=linear)
    return wide if matrices.shape[1] <= matrices.shape[2] else wide.mT


class Muon(torch.optim.Optimizer):
    """Momentum whose every update is orthogonalised: each direction of a matrix moves alike.

    A gradient's few large singular values drown the many small ones; with all of them brought to
    1, directions that are rare in the data learn as fast as common ones. For matrices only.

    Args:
        matrices: Parameters of rank 2.
        lr: Spectral size of an update.
        momentum: Share of the old average kept at each step.
        num_steps: Newton–Schulz steps.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        lr: float,
        momentum: float = 0.9,
        num_steps: int = 3,
    ) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "num_steps": num_steps})
        for parameter in self.param_groups[0]["params"]:
            if parameter.ndim != 2:
                raise ValueError(
                    f"Muon was given a parameter of shape {tuple(parameter.shape)}, expected "
                    "matrices; give vectors to AdamW"
                )

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Update every matrix; all of one shape go through the products together."""
        if closure is not None:
            raise ValueError("Muon takes no closure; compute the gradients before step()")
        group = self.param_groups[0]
        by_shape: dict[tuple[int, ...], list[nn.Parameter]] = {}
        for parameter in group["params"]:
            if parameter.grad is not None:
                by_shape.setdefault(tuple(parameter.shape), []).append(parameter)
        for (rows, columns), parameters in by_shape.items():
            updates = torch.stack([self._nesterov(p, group["momentum"]) for p in parameters])
            # A tall matrix of orthogonal columns has entries that shrink with its height.
            scale = max(1.0, rows / columns) ** 0.5
            directions = orthogonalize(updates, group["num_steps"])
            for parameter, direction in zip(parameters, directions, strict=True):
                parameter.sub_(direction, alpha=group["lr"] * scale)

    def _nesterov(self, parameter: nn.Parameter, momentum: float) -> Tensor:
        """Average the gradient into the momentum and look one step ahead of it."""
        gradient = parameter.grad
        if gradient is None:
            raise RuntimeError("only parameters with a gradient are updated")
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(gradient)
        state["momentum"].lerp_(gradient, 1 - momentum)
        return gradient.lerp(state["momentum"], momentum)


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
