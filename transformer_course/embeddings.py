"""Token embedding: one learned vector a token, looked up by the token's id.

Builds on: tokenization.  Lacks: word order (positional), context (attention).
Source: Vaswani et al. 2017, section 3.4; pairs: Pagnoni et al. 2024, section 3.2.1; mixing with
the token before: Peng et al. 2023, section 3.1.1 (token shift).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


def one_hot_lookup(
    ids: Int[Tensor, "*batch"], table: Float[Tensor, "vocab d_model"]
) -> tuple[Float[Tensor, "*batch vocab"], Float[Tensor, "*batch d_model"]]:
    """Look vectors up by a matrix product: the readable path, `TokenEmbedding` is the fast one.

    Args:
        ids: Which rows of the table are wanted.
        table: A vector a token.

    Returns:
        For each id a row that is 1 at the id and 0 elsewhere, and these rows times the table.
    """
    one_hot = (ids[..., None] == torch.arange(len(table))).to(table.dtype)
    return one_hot, one_hot @ table


class TokenEmbedding(nn.Module):
    """A table of `vocab_size` vectors; row `id` is the vector of token `id`.

    The lookup equals a one-hot matrix times the table, without multiplying by all those zeros.
    """

    def __init__(self, vocab_size: int, d_model: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(vocab_size, d_model))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, ids: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch d_model"]:
        """Look the vectors up.

        Raises:
            ValueError: If an id is negative or not below `vocab_size`.
        """
        vocab_size = self.weight.shape[0]
        if ids.numel():
            smallest, largest = (int(extreme) for extreme in ids.aminmax())
            if smallest < 0 or largest >= vocab_size:
                outside = smallest if smallest < 0 else largest
                raise ValueError(
                    f"token id {outside} is outside the vocabulary of {vocab_size}; "
                    f"ids run from 0 to {vocab_size - 1}: encode with this model's own tokenizer"
                )
        return nn.functional.embedding(ids, self.weight)


class PairEmbedding(nn.Module):
    """A second table, looked up by a token together with the one before it.

    What follows "th" is mostly settled before any attention; a table that knows the last two
    tokens spares the blocks the work of finding out, and a lookup costs no matrix product. There
    are vocab_size² pairs; a hash folds them into `num_rows`, and those that share a row are few
    enough in real text to do little harm. The table starts at 0 and adds nothing at first.
    """

    def __init__(self, num_rows: int, d_model: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(num_rows, d_model))

    def forward(
        self, ids: Int[Tensor, "batch length"], previous_ids: Int[Tensor, "batch length"]
    ) -> Float[Tensor, "batch length d_model"]:
        """Look up each token with the one before it (−1 where there is none)."""
        # Two large odd multipliers spread neighbouring ids over the rows.
        rows = (ids * 36_313 + (previous_ids + 1) * 27_191) % self.weight.shape[0]
        return nn.functional.embedding(rows, self.weight)


class PreviousMixing(nn.Module):
    """Adds to each vector a share of the one before it, as much as each channel has learned.

    To find out which token stands before it, a model otherwise has to train a head of attention
    that looks one place back. Here it is there from the first step, for `d_model` numbers. The
    shares start at 0 and mix nothing at first.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.zeros(d_model))

    def forward(
        self,
        hidden: Float[Tensor, "batch length d_model"],
        previous: Float[Tensor, "batch length d_model"],
    ) -> Float[Tensor, "batch length d_model"]:
        """Mix the vectors with those before them (0 where there is none)."""
        return torch.addcmul(hidden, self.share, previous)
