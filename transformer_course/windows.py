"""Windows: a text cut into pieces, and at each place of a piece the token that should come next.

Builds on: nothing.  Lacks: a model that answers (model), learning from its answers (training).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor


class Batch(NamedTuple):
    """What a training step reads: inputs, and what should come out at each position."""

    inputs: Int[Tensor, "batch length"]
    targets: Int[Tensor, "batch length"]


@runtime_checkable
class TrainingData(Protocol):
    """Anything that can be trained on."""

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        """Draw a batch from the training set."""
        ...

    def validation_batches(self, every: int = 1) -> Iterator[Batch]:
        """Go through the validation set in a fixed order, or through one in `every` windows."""
        ...


def inputs_and_targets(
    windows: Int[Tensor, "batch longer"],
) -> tuple[Int[Tensor, "batch length"], Int[Tensor, "batch length"]]:
    """Make questions of windows: at each place of the inputs the target is the token after it.

    A window of 65 tokens makes 64 questions; its last token has nothing after it, and its first is
    asked for by nothing before it.
    """
    return windows[:, :-1], windows[:, 1:]


class TokenStream:
    """Two streams of token ids, cut into windows: each token is to be told from those before it.

    Args:
        train_ids: Training text; windows are drawn anywhere in it.
        validation_ids: Other text; its windows follow one another and leave out no token.
        context_length: Tokens in a window.
        split: Makes inputs and targets of windows, in place of the course's `inputs_and_targets`.

    Raises:
        ValueError: If a text is too short for a single window.
    """

    def __init__(
        self,
        train_ids: Sequence[int] | Tensor,
        validation_ids: Sequence[int] | Tensor,
        context_length: int,
        *,
        split: Callable[[Tensor], tuple[Tensor, Tensor]] = inputs_and_targets,
    ) -> None:
        for name, ids in (("training", train_ids), ("validation", validation_ids)):
            if len(ids) <= context_length:
                raise ValueError(
                    f"the {name} text has {len(ids)} tokens, expected more than "
                    f"context_length={context_length}; give more text or a shorter context"
                )
        self.train_ids = torch.as_tensor(train_ids)
        self.validation_ids = torch.as_tensor(validation_ids)
        self.context_length = context_length
        self._split = split
        self._window = torch.arange(context_length + 1)

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        """Draw windows anywhere in the training text."""
        last = len(self.train_ids) - self.context_length
        starts = torch.randint(last, (batch_size, 1), generator=generator)
        windows = self.train_ids[starts + self._window]
        return Batch(*self._split(windows))

    def validation_batches(self, every: int = 1) -> Iterator[Batch]:
        """Yield one in `every` windows of the validation text; the last may be shorter."""
        inputs, targets = (part[0] for part in self._split(self.validation_ids[None]))
        whole = len(inputs) // self.context_length
        shape = (whole, self.context_length)
        rows = Batch(
            inputs[: whole * self.context_length].reshape(shape)[::every],
            targets[: whole * self.context_length].reshape(shape)[::every],
        )
        yield from map(Batch._make, zip(*(part.split(64) for part in rows), strict=True))
        if every == 1 and whole * self.context_length < len(inputs):
            yield Batch(*(part[None, whole * self.context_length :] for part in (inputs, targets)))
