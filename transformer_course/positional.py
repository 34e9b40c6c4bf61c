"""Positions: four ways to tell a transformer which token stands where.

Two add a vector to the token's embedding (sinusoidal, learned); two act inside attention, where
queries meet keys (rotary turns both by an angle, ALiBi lowers the score with the distance).

Builds on: embeddings.  Lacks: the attention that uses them (attention, multi_head).
Source: Vaswani et al. 2017, section 3.5 (sinusoidal); Su et al. 2021, section 3.4.2 (rotary);
Press et al. 2022, section 3 (ALiBi).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


def pair_frequencies(d_model: int, base: float = 10_000.0) -> Float[Tensor, " pairs"]:
    """By how many radians each pair of numbers turns from one position to the next.

    Pair i turns by base^(−2i/d_model): the first by 1, each further one by the same factor less.

    Args:
        d_model: Width of a vector; it has half as many pairs.
        base: Ratio of the slowest to the fastest, nearly.

    Raises:
        ValueError: If `d_model` is odd, since one number would be left without a partner, or a
            number is not positive.
    """
    check_positive(d_model=d_model, base=base)
    if d_model % 2:
        raise ValueError(
            f"d_model={d_model} is odd, and positions come in pairs of numbers; "
            f"choose an even number, such as {d_model + 1}"
        )
    exponents = torch.arange(0, d_model, 2, dtype=torch.float64) / d_model
    return base**-exponents


def sinusoidal_table(
    length: int, d_model: int, base: float = 10_000.0
) -> Float[Tensor, "{length} {d_model}"]:
    """Sines and cosines of the position, one pair a frequency.

    Column 2i is sin(position · base^(−2i/d_model)), column 2i + 1 the cosine of the same angle.
    Because sine and cosine stand together, the dot product of two rows depends only on their
    distance.

    Raises:
        ValueError: If `d_model` is odd: a sine would be left without its cosine. Or if a number is
            not positive.
    """
    check_positive(length=length)
    positions = torch.arange(length)[:, None]
    angles = positions * pair_frequencies(d_model, base)
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)


TableFunction = Callable[[int, int], Tensor]


class SinusoidalEncoding(nn.Module):
    """Adds fixed sine and cosine waves of the position to the embeddings; nothing is learned.

    Args:
        context_length: Rows of the table.
        d_model: Width of a row.
        make_table: What computes the rows, in place of the course's own `sinusoidal_table`.
    """

    table: Tensor

    def __init__(
        self, context_length: int, d_model: int, make_table: TableFunction = sinusoidal_table
    ) -> None:
        super().__init__()
        # Angles need more digits than the sum does, so the table is rounded once it is made. It is
        # not part of the checkpoint: it follows from the two sizes.
        table = make_table(context_length, d_model).to(torch.get_default_dtype())
        self.register_buffer("table", table, persistent=False)

    def forward(
        self,
        embeddings: Float[Tensor, "batch length d_model"],
        positions: Int[Tensor, "#batch length"],
    ) -> Float[Tensor, "batch length d_model"]:
        """Add the row of each token's position.

        Raises:
            ValueError: If there is no row for a position.
        """
        check_positions(positions, len(self.table))
        return embeddings + self.table[positions]


class LearnedEncoding(nn.Module):
    """Adds one learned vector a position; positions beyond the training length stay untrained."""

    def __init__(self, context_length: int, d_model: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(context_length, d_model))
        nn.init.normal_(self.weight, std=0.02)

    def forward(
        self,
        embeddings: Float[Tensor, "batch length d_model"],
        positions: Int[Tensor, "#batch length"],
    ) -> Float[Tensor, "batch length d_model"]:
        """Add the vector of each token's position.

        Raises:
            ValueError: If there is no vector for a position.
        """
        check_positions(positions, len(self.weight))
        return embeddings + self.weight[positions]


def turn_pair(
    pair: Float[Tensor, "2"], positions: Int[Tensor, "*length"], frequency: float
) -> Float[Tensor, "*length 2"]:
    """Turn one pair of numbers at each position by position · frequency, counterclockwise.

    `rotate` does the same to all pairs of many vectors at once.

    Args:
        pair: A point (a, b).
        positions: Where it stands.
        frequency: Radians a position.

    Returns:
        The point as it is at each position; at position 0 unchanged, and nowhere longer.
    """
    angles = positions * frequency
    first, second = pair
    turned_first = first * angles.cos() - second * angles.sin()
    turned_second = first * angles.sin() + second * angles.cos()
    return torch.stack((turned_first, turned_second), dim=-1)


def rotate(
    vectors: Float[Tensor, "*batch length d_head"],
    cosine: Float[Tensor, "*#batch length pairs"],
    sine: Float[Tensor, "*#batch length pairs"],
) -> Float[Tensor, "*batch length d_head"]:
    """Turn every pair of numbers by its angle; number k of each half makes pair k.

    Args:
        vectors: Queries or keys.
        cosine: cos of the angle of each position and pair.
        sine: sin of the same angles.

    Returns:
        Vectors of the same lengths; where the angle is 0, as at position 0, unchanged.
    """
    first, second = vectors.chunk(2, dim=-1)
    return torch.cat((first * cosine - second * sine, first * sine + second * cosine), dim=-1)


RotateFunction = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Rotation:
    """The angles by which rotary embedding turns the pairs of a query or a key.

    Attributes:
        cosine: cos of each angle, by position and pair.
        sine: sin of each angle.
        neighbours_pair: Whether number 2k pairs with 2k + 1, and not k of one half with k of the
            other.
        rotate: What turns the pairs, once they stand in halves.
    """

    cosine: Float[Tensor, "#batch 1 length pairs"]
    sine: Float[Tensor, "#batch 1 length pairs"]
    neighbours_pair: bool
    rotate: RotateFunction

    def apply(
        self, vectors: Float[Tensor, "batch head length d_head"]
    ) -> Float[Tensor, "batch head length d_head"]:
        """Turn every pair by its angle; norms stay, and position 0 is left as it is."""
        if not self.neighbours_pair:
            return self.rotate(vectors, self.cosine, self.sine)
        halves = vectors.unflatten(-1, (-1, 2)).mT.flatten(-2)
        turned = self.rotate(halves, self.cosine, self.sine)
        return turned.unflatten(-1, (2, -1)).mT.flatten(-2)


class RotaryEmbedding(nn.Module):
    """Rotary position embedding (RoPE): scores come to depend on the signed step i − j only.

    It acts on queries and keys, never on embeddings or values. Weights are made for one of two
    layouts, and reading them with the other is silently wrong: "half" (Llama as `transformers`
    stores it) pairs element k with k + d_head/2, "interleaved" (the paper, GGUF files) pairs 2k
    with 2k + 1.

    Args:
        d_head: Width of a query.
        base: Ratio of the longest wavelength to the shortest, nearly.
        layout: "half" or "interleaved".
        rotate: What turns the pairs, in place of the course's own `rotate`.

    Raises:
        ValueError: If `d_head` is odd or the layout is unknown.
    """

    def __init__(
        self, d_head: int, base: float, layout: str = "half", rotate: RotateFunction = rotate
    ) -> None:
        super().__init__()
        if d_head % 2:
            raise ValueError(
                f"d_head={d_head} is odd, and rotary embedding turns pairs; choose an even d_head"
            )
        if layout not in ("half", "interleaved"):
            raise ValueError(f"layout={layout!r} is unknown; choose 'half' or 'interleaved'")
        self.d_head = d_head
        self.base = base
        self.neighbours_pair = layout == "interleaved"
        self.rotate = rotate

    def forward(self, positions: Int[Tensor, "#batch length"], dtype: torch.dtype) -> Rotation:
        """Compute the angles once for all layers: position · base^(−2k/d_head) for pair k."""
        # A position of some thousands times a frequency needs more digits than float32 has;
        # Apple's GPU has no float64 and must do without.
        exact = torch.float32 if positions.device.type == "mps" else torch.float64
        frequencies = pair_frequencies(self.d_head, self.base).to(exact).to(positions.device)
        angles = positions[:, None, :, None].to(exact) * frequencies
        cosine, sine = angles.cos().to(dtype), angles.sin().to(dtype)
        return Rotation(cosine, sine, self.neighbours_pair, self.rotate)


def distance_bias(
    query_positions: Int[Tensor, "*batch query"],
    key_positions: Int[Tensor, "*#batch key"],
    slope: float | Float[Tensor, "*heads"],
) -> Float[Tensor, "*biases query key"]:
    """Return what ALiBi adds to the scores: −slope for each step between query and key.

    Args:
        query_positions: Where the words stand that ask.
        key_positions: Where those stand that answer.
        slope: By how much a step lowers a score; a tensor has to fit (…, query, key).
    """
    steps = query_positions[..., :, None] - key_positions[..., None, :]
    return -slope * steps.abs()


BiasFunction = Callable[[Tensor, Tensor, Tensor], Tensor]


class AlibiBias(nn.Module):
    """ALiBi: each head lowers its scores in proportion to the distance, at a slope of its own.

    The slopes run geometrically from 2^(−8/num_heads) to 2^(−8); for a number of heads that is no
    power of two, as in the paper's own code, the sequence of the next lower power is filled up
    with every other slope of the double one. Without a causal mask the distance counts in both
    directions.

    Args:
        num_heads: Number of slopes.
        bias: What turns positions and slopes into biases, in place of the course's own
            `distance_bias`.

    Raises:
        ValueError: If `num_heads` is not positive.
    """

    slopes: Tensor

    def __init__(self, num_heads: int, bias: BiasFunction = distance_bias) -> None:
        super().__init__()
        check_positive(num_heads=num_heads)
        self.bias = bias
        power = 1 << (num_heads.bit_length() - 1)
        slopes = [2 ** (-8 * (head + 1) / power) for head in range(power)]
        slopes += [2 ** (-4 * (head + 1) / power) for head in range(0, 2 * power, 2)]
        self.register_buffer("slopes", torch.tensor(slopes[:num_heads]), persistent=False)

    def forward(
        self,
        query_positions: Int[Tensor, "#batch query"],
        key_positions: Int[Tensor, "#batch key"],
    ) -> Float[Tensor, "#batch head query key"]:
        """Return what is added to the scaled scores."""
        slopes = self.slopes[:, None, None]
        bias = self.bias(query_positions[:, None], key_positions[:, None], slopes)
        return bias.to(slopes.dtype)


def check_positive(**numbers: float) -> None:
    """Raise a ValueError that names the first number that is not above 0."""
    for name, number in numbers.items():
        if not number > 0:
            raise ValueError(f"{name}={number} must be above 0; choose a positive number")


def check_positions(positions: Int[Tensor, "..."], num_rows: int) -> None:
    """Raise a ValueError that names a position for which a table has no row."""
    if not positions.numel():
        return
    smallest, largest = (int(extreme) for extreme in positions.aminmax())
    if smallest < 0 or largest >= num_rows:
        outside = smallest if smallest < 0 else largest
        raise ValueError(
            f"position {outside} is outside the table of {num_rows}; positions run from 0 to "
            f"{num_rows - 1}: shorten the input, or build the table with a longer context_length"
        )
