"""A small world in which heads have something to do: random text that repeats itself.

Each sequence is a random segment of 16 to 32 tokens, again and again. Nothing tells the first
round; from the second on, the next token stands one period back. A model of two layers learns to
find it, and its heads share the work; one layer cannot.

The two models that the lesson reads are kept in data/. Run this file to train them anew:
`python -m transformer_course.experiments.multi_head_repeats`.

Source: Olsson et al. 2022, "In-context learning and induction heads", the sections on repeated
random sequences and on why one layer has no induction heads; Elhage et al. 2021, "A mathematical
framework for transformer circuits", on two-layer models.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from transformer_course.checkpoints import load_model, write_file
from transformer_course.config import TransformerConfig
from transformer_course.experiments.fitting import fit
from transformer_course.heads import IGNORED_TARGET, cross_entropy
from transformer_course.model import Transformer
from transformer_course.stack import Parts
from transformer_course.training import Batch, TrainingConfig

NUM_SYMBOLS = 64
LENGTH = 64
SHORTEST, LONGEST = 16, 32
SEED = 0
TRAINING = TrainingConfig(
    num_steps=2_000,
    batch_size=32,
    learning_rate=3e-3,
    weight_decay=0.0,
    warmup_steps=50,
    final_learning_rate=0.01,
)
FOLDER = Path(__file__).resolve().parents[2] / "data" / "models"
FILES = {2: FOLDER / "repeats_two_layers.safetensors", 1: FOLDER / "repeats_one_layer.safetensors"}


@dataclass(frozen=True)
class RepeatedText:
    """Sequences that repeat a segment.

    Attributes:
        ids: The tokens; the last of them is only ever a target.
        periods: The length of each sequence's segment.
    """

    ids: Int[Tensor, "batch length"]
    periods: Int[Tensor, " batch"]

    @property
    def inputs(self) -> Int[Tensor, "batch query"]:
        """What a model reads."""
        return self.ids[:, :-1]

    @property
    def foreseeable(self) -> Bool[Tensor, "batch query"]:
        """Where the next token has been seen before: from the last one of the first round on."""
        return torch.arange(self.inputs.shape[1]) >= self.periods[:, None] - 1

    @property
    def targets(self) -> Int[Tensor, "batch query"]:
        """The next tokens, those of the first round left out: nothing tells them."""
        return self.ids[:, 1:].masked_fill(~self.foreseeable, IGNORED_TARGET)


def repeated_text(
    batch_size: int, generator: torch.Generator, length: int = LENGTH
) -> RepeatedText:
    """Draw random segments of 16 to 32 tokens, each repeated until `length` + 1 are full."""
    periods = torch.randint(SHORTEST, LONGEST + 1, (batch_size,), generator=generator)
    segments = torch.randint(NUM_SYMBOLS, (batch_size, LONGEST), generator=generator)
    places = torch.arange(length + 1) % periods[:, None]
    return RepeatedText(segments.gather(1, places), periods)


def sample_repeats(batch_size: int, generator: torch.Generator) -> Batch:
    """Draw a batch to train on."""
    text = repeated_text(batch_size, generator)
    return Batch(text.inputs, text.targets)


def build_repeater(
    num_layers: int = 2, generator: torch.Generator | None = None, parts: Parts | None = None
) -> Transformer:
    """Build a decoder of four heads a layer, untrained."""
    config = TransformerConfig(
        vocab_size=NUM_SYMBOLS,
        context_length=LENGTH,
        d_model=64,
        num_layers=num_layers,
        num_heads=4,
        d_feed_forward=128,
        position="rotary",
        bias=False,
    )
    return Transformer(config, parts=parts, generator=generator)


def train_repeater(
    num_layers: int = 2, seed: int = SEED, num_steps: int = TRAINING.num_steps
) -> Transformer:
    """Train on the foreseeable tokens alone."""
    generator = torch.Generator().manual_seed(seed)
    model = build_repeater(num_layers, generator)
    training = replace(
        TRAINING, num_steps=num_steps, warmup_steps=min(TRAINING.warmup_steps, num_steps)
    )
    fit(model, sample_repeats, training, generator)
    return model


def load_repeater(num_layers: int = 2, *, parts: Parts | None = None) -> Transformer:
    """Read the trained model of one or two layers out of data/."""
    return load_model(FILES[num_layers], parts=parts)


@torch.no_grad()
def repeat_loss(model: Transformer, text: RepeatedText) -> float:
    """Return the loss on the foreseeable tokens, in nats; ln 64 = 4.16 is guessing."""
    return cross_entropy(model(text.inputs).logits, text.targets).item()


def main(num_layers: Sequence[int] = (2, 1)) -> None:
    """Train the models of the lesson and put them into data/."""
    for layers in num_layers:
        model = train_repeater(layers, SEED, TRAINING.num_steps)
        weights = {f"model.{name}": weight for name, weight in model.named_parameters()}
        header = {
            "step": TRAINING.num_steps,
            "model": model.config.to_dict(),
            "training": TRAINING.to_dict(),
            "command": f"python -m {__spec__.name}",
            "seed": SEED,
        }
        write_file(FILES[layers], header, weights)
        sys.stdout.write(f"{FILES[layers].name}: {FILES[layers].stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
