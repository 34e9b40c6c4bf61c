"""Small models that read letter by letter, many trained at once: RNN, GRU, LSTM, attention.

Models of one kind and size stand in a *bank*: every weight has an axis in front, one entry a model,
so that five seeds cost little more than one. They share nothing: each has its own weights, its own
batches, and its own clipped gradient.

Builds on: recurrent, attention.  Lacks: what they are asked (recurrent).
Source: Tallec and Ollivier 2018, section 2 (chrono initialisation).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from transformer_course.attention import causal_mask, scaled_dot_product_attention
from transformer_course.device import one_thread
from transformer_course.recurrent import gru_step, lstm_step, rnn_step, unroll

FIRST_LETTERS, OTHER_LETTERS = "abcd", "wxyz"
LETTERS = FIRST_LETTERS + OTHER_LETTERS
CHANCE = 1 / len(FIRST_LETTERS)
D_INPUT = 16
WIDTHS: Mapping[str, int] = {"RNN": 40, "GRU": 20, "LSTM": 16, "attention": 22}
"""By these widths all four have 2,292 to 2,572 parameters."""

BLOCKS: Mapping[str, int] = {"RNN": 1, "GRU": 3, "LSTM": 4}
LEARNING_RATE, BATCH_SIZE, CLIP_NORM, MOST_STEPS = 5e-3, 32, 1.0, 200
DONE_LOSS, DONE_BATCHES = 0.02, 5
NUM_QUESTIONS = 512
LONGEST_MEMORY = 200

Initialise = Callable[["Readers", torch.Generator], None]


class Readers(nn.Module):
    """A bank of models of one kind; at each letter they score which letter was the first.

    Args:
        kind: A key of `WIDTHS`.
        num_models: How many; None for a single one, whose weights have no axis in front.
        generator: Draws the weights: of the standard normal for letters, and evenly between
            ±1/√width for all others, as torch does for its recurrent layers.
        initialise: Changes weights after that.
        parts: "step" and "unroll", in place of `rnn_step` and `unroll`; for an RNN.

    Raises:
        ValueError: If the kind or a part is unknown.
    """

    letters: nn.Parameter
    input_weight: nn.Parameter
    hidden_weight: nn.Parameter
    bias: nn.Parameter
    hidden_bias: nn.Parameter
    head: nn.Parameter
    head_bias: nn.Parameter

    def __init__(
        self,
        kind: str,
        num_models: int | None,
        generator: torch.Generator,
        initialise: Initialise | None = None,
        parts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if kind not in WIDTHS:
            raise ValueError(f"kind={kind!r} is unknown; choose one of {list(WIDTHS)}")
        unknown = set(parts or {}) - {"step", "unroll"}
        if unknown or (parts and kind != "RNN"):
            raise ValueError(
                f"parts {sorted(parts or {})} of a model of kind {kind!r}; "
                "only an RNN takes parts, named 'step' and 'unroll'"
            )
        self.kind, self.width = kind, WIDTHS[kind]
        self.front = () if num_models is None else (num_models,)
        self.parts = {"step": rnn_step, "unroll": unroll, **(parts or {})}
        for name, shape in self._shapes().items():
            self.register_parameter(name, nn.Parameter(torch.empty(*self.front, *shape)))
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if name == "letters":
                    parameter.normal_(generator=generator)
                else:
                    parameter.uniform_(-1, 1, generator=generator).mul_(self.width**-0.5)
            if initialise is not None:
                initialise(self, generator)

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        width, head = self.width, (self.width, len(FIRST_LETTERS))
        ends = {"head": head, "head_bias": (1, head[1])}
        if self.kind == "attention":
            matrices = dict.fromkeys(("query", "key", "value", "output"), (width, width))
            biases = {f"{name}_bias": (1, width) for name in matrices}
            return {"letters": (len(LETTERS), width), **matrices, **biases, **ends}
        columns = BLOCKS[self.kind] * width
        biases = {"bias": (1, columns)}
        if self.kind == "GRU":
            biases["hidden_bias"] = (1, columns)
        return {
            "letters": (len(LETTERS), D_INPUT),
            "input_weight": (D_INPUT, columns),
            "hidden_weight": (width, columns),
            **biases,
            **ends,
        }

    def forward(self, ids: Int[Tensor, "*batch length"]) -> Float[Tensor, "*batch length letters"]:
        """Score the first letters at each place, from what was read up to there."""
        return self.score(self.embed(ids))

    def embed(self, ids: Int[Tensor, "*batch length"]) -> Float[Tensor, "*batch length d_input"]:
        """Look the letters' vectors up, each model in its own table."""
        if not self.front:
            return self.letters[ids]
        models = torch.arange(self.front[0]).view(-1, 1, 1)
        return self.letters[models, ids]

    def score(
        self, inputs: Float[Tensor, "*batch length d_input"]
    ) -> Float[Tensor, "*batch length letters"]:
        """Score the first letters from vectors of letters."""
        return self.states(inputs) @ self._over_places(self.head) + self._over_places(
            self.head_bias
        )

    def states(
        self, inputs: Float[Tensor, "*batch length d_input"]
    ) -> Float[Tensor, "*batch length d_hidden"]:
        """Return what the scores are computed from: an RNN's states, or what attention mixed."""
        return (self._attend if self.kind == "attention" else self._recur)(inputs)

    def last(self, ids: Int[Tensor, "*batch length"]) -> Float[Tensor, "*batch letters"]:
        """Score the first letters at the last place alone: attention then asks there only."""
        inputs = self.embed(ids)
        if self.kind != "attention":
            return self.score(inputs)[..., -1, :]
        read = self._attend(inputs, asked=1)
        scores = read @ self._over_places(self.head) + self._over_places(self.head_bias)
        return scores[..., 0, :]

    def _over_places(self, weight: Tensor) -> Tensor:
        """Give a bank's weight an axis that stands for the batch."""
        return weight.unsqueeze(-3) if self.front else weight

    def _recur(self, inputs: Tensor) -> Tensor:
        start = inputs.new_zeros(*inputs.shape[:-2], self.width)
        weights = {"input_weight": self.input_weight, "hidden_weight": self.hidden_weight}
        if self.kind == "GRU":
            biases = {
                "input_bias": self._row(self.bias),
                "hidden_bias": self._row(self.hidden_bias),
            }
            return unroll(partial(gru_step, **weights, **biases), inputs, start)
        step = partial(
            lstm_step if self.kind == "LSTM" else self.parts["step"],
            **weights,
            bias=self._row(self.bias),
        )
        if self.kind == "LSTM":
            states = unroll(step, inputs, torch.cat([start, start], -1))
            return states[..., : self.width]
        return self.parts["unroll"](step, inputs, start)

    def _row(self, bias: Tensor) -> Tensor:
        return bias if self.front else bias[0]

    def _attend(self, inputs: Tensor, asked: int | None = None) -> Tensor:
        """Attend from the last places that are asked, from all if none is given."""
        length = inputs.shape[-2]
        asked = length if asked is None else asked
        query = self._project(inputs[..., length - asked :, :], "query")
        key, value = (self._project(inputs, name) for name in ("key", "value"))
        mask = causal_mask(asked, length - asked)
        return self._project(scaled_dot_product_attention(query, key, value, mask)[0], "output")

    def _project(self, vectors: Tensor, name: str) -> Tensor:
        weight, bias = getattr(self, name), getattr(self, f"{name}_bias")
        return vectors @ self._over_places(weight) + self._over_places(bias)


def chrono(readers: Readers, generator: torch.Generator) -> None:
    """Have each cell of an LSTM remember for a time of its own, from 1 to 200 steps.

    A gate that keeps sigmoid(b) a step forgets within about eᵇ steps; what it lets in is set
    against it.
    """
    bias, width = readers.bias, readers.width
    times = torch.empty(*readers.front, 1, width).uniform_(
        1, LONGEST_MEMORY - 1, generator=generator
    )
    bias[..., width : 2 * width] = times.log()
    bias[..., :width] = -times.log()


def keep_by(forget_bias: float) -> Initialise:
    """Return what sets the bias of an LSTM's keep gate."""

    def initialise(readers: Readers, _: torch.Generator) -> None:
        readers.bias[..., readers.width : 2 * readers.width] = forget_bias

    return initialise


def rotate_by(recurrent_weight: float) -> Initialise:
    """Return what makes an RNN's recurrent matrix a rotation times one number."""

    def initialise(readers: Readers, generator: torch.Generator) -> None:
        drawn = torch.empty_like(readers.hidden_weight).normal_(generator=generator)
        readers.hidden_weight.copy_(recurrent_weight * torch.linalg.qr(drawn).Q)

    return initialise


def sample_letters(
    front: tuple[int, ...], distance: int, generator: torch.Generator
) -> Int[Tensor, "*front length"]:
    """Draw one of a–d, and after it w–z up to the place that is `distance` steps later.

    Raises:
        ValueError: If the distance is below 1.
    """
    if distance < 1:
        raise ValueError(f"distance={distance} leaves nothing to remember; choose 1 or more")
    first = torch.randint(len(FIRST_LETTERS), (*front, 1), generator=generator)
    others = torch.randint(len(OTHER_LETTERS), (*front, distance), generator=generator)
    return torch.cat([first, len(FIRST_LETTERS) + others], -1)


@dataclass(frozen=True, kw_only=True)
class Distances:
    """Which distances a bank is trained at: one of these is drawn for each batch, log-evenly.

    Attributes:
        shortest: The least.
        longest: The most; where both are the same, there is one distance only.
    """

    shortest: int
    longest: int

    def draw(self, generator: torch.Generator) -> int:
        """Draw the distance of a batch."""
        low, high = math.log(self.shortest), math.log(self.longest + 1)
        share = torch.rand((), generator=generator, dtype=torch.float64).item()
        return min(self.longest, int(math.exp(low + share * (high - low))))


def teach(
    readers: Readers,
    distances: Distances,
    generator: torch.Generator,
    num_steps: int = MOST_STEPS,
    learning_rate: float = LEARNING_RATE,
) -> int:
    """Train a bank to name the first letter at the last place.

    It ends early once each model's loss has been below .02 for five batches.

    Returns:
        The steps that were done.
    """
    optimizer = torch.optim.Adam(readers.parameters(), lr=learning_rate)
    calm = 0
    with one_thread():
        for done in range(num_steps):
            distance = distances.draw(generator)
            ids = sample_letters((*readers.front, BATCH_SIZE), distance, generator)
            losses = last_loss(readers, ids)
            optimizer.zero_grad(set_to_none=True)
            losses.sum().backward()
            clip_each(readers)
            optimizer.step()
            calm = calm + 1 if (losses < DONE_LOSS).all() else 0
            if calm == DONE_BATCHES:
                return done + 1
    return num_steps


def last_loss(readers: Readers, ids: Int[Tensor, "*batch length"]) -> Float[Tensor, "*models"]:
    """Return each model's mean cross-entropy at the last place, in nats."""
    logits = readers.last(ids)
    return -logits.log_softmax(-1).gather(-1, ids[..., :1])[..., 0].mean(-1)


def clip_each(readers: Readers) -> None:
    """Shorten each model's gradient to the clipping norm, where it is longer."""
    gradients = [parameter.grad for parameter in readers.parameters() if parameter.grad is not None]
    axes = len(readers.front)
    squares = sum(gradient.square().flatten(axes).sum(-1) for gradient in gradients)
    factor = (CLIP_NORM / torch.as_tensor(squares).sqrt().clamp(min=CLIP_NORM)).detach()
    for gradient in gradients:
        gradient.mul_(factor.view(*factor.shape, *[1] * (gradient.ndim - axes)))


@torch.inference_mode()
def recall(readers: Readers, distance: int, seed: int = 0) -> list[float]:
    """Return the share of 512 fresh sequences whose first letter each model names at the last."""
    generator = torch.Generator().manual_seed(1_000_000 + seed)
    ids = sample_letters((*readers.front, NUM_QUESTIONS), distance, generator)
    with one_thread():
        right = readers.last(ids).argmax(-1) == ids[..., 0]
    return right.double().mean(-1).reshape(-1).tolist()
