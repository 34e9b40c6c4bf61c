"""A transformer small enough for paper: three words, a stream of four numbers, weights we chose.

It is the course's own class at that size. The first number of the stream is the same for all
words; the second, third and fourth say which word it is. So does the head: it reads them off.

Builds on: model.  Lacks: positions, biases, a second head; what a lesson says of the numbers.
Source: Vaswani et al. 2017, section 3; norms first: Xiong et al. 2020, section 3.
"""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from transformer_course.config import TransformerConfig
from transformer_course.model import Transformer

WORDS = ("The", "bank", "was")
EMBEDDING = ((2.0, 2.0, 0.0, 0.0), (2.0, 0.0, 2.0, 0.0), (2.0, 0.0, 0.0, 2.0))
SAME = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
SWAPPED = (SAME[0], SAME[2], SAME[1], SAME[3])
"""Keys have their second and third number swapped: then “bank” asks for “The”."""
READS_FIRST = (SAME[0],)
ADDS_TO_LAST = ((0.0,), (0.0,), (0.0,), (1.0,))
HEAD = SAME[1:]
CONFIG = TransformerConfig(
    vocab_size=len(WORDS),
    context_length=len(WORDS),
    d_model=4,
    num_layers=1,
    num_heads=1,
    d_feed_forward=1,
    position="none",
    feed_forward="relu",
    bias=False,
    tie_embedding=False,
)


def paper_model(parts: Mapping[str, Any] | None = None) -> Transformer:
    """Build the model with these weights.

    Args:
        parts: Replacements, as `Transformer` takes them.
    """
    model = Transformer(CONFIG, parts=parts)
    weights = {
        "decoder.embedding.weight": EMBEDDING,
        "decoder.blocks.0.attention.query.weight": SAME,
        "decoder.blocks.0.attention.key.weight": SWAPPED,
        "decoder.blocks.0.attention.value.weight": SAME,
        "decoder.blocks.0.attention.output.weight": SAME,
        "decoder.blocks.0.feed_forward.expand.weight": READS_FIRST,
        "decoder.blocks.0.feed_forward.contract.weight": ADDS_TO_LAST,
        "head.projection.weight": HEAD,
    }
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, rows in weights.items():
            parameters[name].copy_(torch.tensor(rows))
    return model.eval()


@torch.no_grad()
def stream_of(
    model: Transformer, ids: Int[Tensor, " length"]
) -> dict[str, Float[Tensor, "length d_model"]]:
    """Return what stands on the stream of a one-block decoder, and beside it, step by step.

    Args:
        model: As `paper_model` builds it.
        ids: The words.
    """
    stack = model.decoder
    if stack is None:
        raise ValueError("this model has no decoder; give one that paper_model has built")
    block: Any = stack.blocks[0]
    x = stack.embedding(ids[None])
    read = block.attention_residual.before(x)
    attended = block.attention(read).output
    m = x + attended
    read_again = block.feed_forward_residual.before(m)
    worked = block.feed_forward(read_again)
    y = m + worked
    steps = {
        "x": x,
        "norm(x)": read,
        "attention adds": attended,
        "m": m,
        "norm(m)": read_again,
        "feed-forward adds": worked,
        "y": y,
        "last norm": stack.final_norm(y),
    }
    return {name: vectors[0] for name, vectors in steps.items()}
