"""Claim C10, the second output: the genre of a speech, from plays that nothing has read.

The same trunk with another head: mean pooling and three scores. Beside it stand the answer that is
always the same, words counted without order (TF-IDF with logistic regression), and the same trunk
with random weights. Five folds hold out every play once.

Source: Devlin et al. 2019, section 3.2 (a head on a trained trunk); Manning et al. 2008, section
6.2.2 (TF-IDF).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from transformer_course.experiments.fitting import Sample, fit
from transformer_course.experiments.heads_speeches import (
    GENRES,
    PADDING_ID,
    Speeches,
)
from transformer_course.model import Transformer, TransformerOutput
from transformer_course.training import Batch, Step, TrainingConfig, training_step

FINE_TUNING = TrainingConfig(
    num_steps=120,
    batch_size=32,
    learning_rate=1e-3,
    weight_decay=0.1,
    warmup_steps=12,
)
WORDS = {"sublinear_tf": True, "min_df": 2}
MOST_ITERATIONS = 1_000


class GenreReader(nn.Module):
    """A trunk with a classification head, which tells padding from text by itself.

    Args:
        trunk: A decoder with any head; its weights are copied.
        seed: Of the new head's weights; where `trunk` is None, of all.
        parts: Replacements, as `Transformer` takes them: "pooling", for one.
    """

    def __init__(
        self, trunk: Transformer, seed: int = 0, parts: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__()
        config = replace(trunk.config, head="classification", num_classes=len(GENRES))
        generator = torch.Generator().manual_seed(seed)
        self.model = Transformer(config, parts=parts, generator=generator)
        taken = {
            name: weight
            for name, weight in trunk.state_dict().items()
            if not name.startswith("head.")
        }
        self.model.load_state_dict(taken, strict=False)

    def forward(self, ids: Int[Tensor, "speech token"]) -> TransformerOutput:
        """Score the genres of speeches."""
        return self.model(ids, padding_mask=ids != PADDING_ID)


def fine_tune(
    reader: GenreReader,
    ids: Int[Tensor, "speech token"],
    labels: Int[Tensor, " speech"],
    seed: int = 0,
    *,
    num_steps: int = FINE_TUNING.num_steps,
    step: Step = training_step,
) -> GenreReader:
    """Train head and trunk together on speeches with their genres."""
    training = replace(
        FINE_TUNING, num_steps=num_steps, warmup_steps=min(FINE_TUNING.warmup_steps, num_steps)
    )
    fit(reader, sampler(ids, labels), training, torch.Generator().manual_seed(seed), step)
    return reader


def sampler(ids: Int[Tensor, "speech token"], labels: Int[Tensor, " speech"]) -> Sample:
    """Return what draws speeches with their genres at random."""

    def sample(batch_size: int, generator: torch.Generator) -> Batch:
        chosen = torch.randint(len(labels), (batch_size,), generator=generator)
        return Batch(ids[chosen], labels[chosen])

    return sample


@torch.inference_mode()
def genre_logits(
    reader: nn.Module, ids: Int[Tensor, "speech token"]
) -> Float[Tensor, "speech genre"]:
    """Return the scores of every speech."""
    return torch.cat([reader(part).logits for part in ids.split(256)])


@torch.inference_mode()
def pooled_vectors(
    reader: GenreReader, ids: Int[Tensor, "speech token"]
) -> Float[np.ndarray, "speech d_model"]:
    """Return what the head is given: the mean over each speech's vectors."""
    head: Any = reader.model.head
    with_pooled = []
    for part in ids.split(256):
        stack: Any = reader.model.decoder
        mask = part != PADDING_ID
        with_pooled.append(head.pool(stack(part, padding_mask=mask).hidden, mask))
    return torch.cat(with_pooled).numpy()


def by_the_usual_genre(train: Speeches, test: Speeches) -> Bool[Tensor, " speech"]:
    """Always answer the genre that most training speeches have; tell where that is right."""
    ((usual, _),) = Counter(train.labels.tolist()).most_common(1)
    return test.labels == usual


def by_counting_words(train: Speeches, test: Speeches) -> Bool[Tensor, " speech"]:
    """Weigh each speech's words by TF-IDF and draw straight borders; tell where that is right."""
    counter = make_pipeline(TfidfVectorizer(**WORDS), LogisticRegression(max_iter=MOST_ITERATIONS))
    counter.fit(train.texts, train.labels.numpy())
    return torch.tensor(counter.predict(test.texts)) == test.labels


def by_frozen_vectors(
    reader: GenreReader,
    train_ids: Int[Tensor, "speech token"],
    train_labels: Int[Tensor, " speech"],
    test_ids: Int[Tensor, "asked token"],
    test_labels: Int[Tensor, " asked"],
) -> Bool[Tensor, " asked"]:
    """Leave the trunk as it is and draw straight borders between its pooled vectors."""
    borders = make_pipeline(StandardScaler(), LogisticRegression(max_iter=MOST_ITERATIONS))
    borders.fit(pooled_vectors(reader, train_ids), train_labels.numpy())
    return torch.tensor(borders.predict(pooled_vectors(reader, test_ids))) == test_labels


def split_at_random(speeches: Speeches, fold: int, num_folds: int) -> tuple[Speeches, Speeches]:
    """Hold every fifth speech out, whichever play it is from: the trap."""
    order = torch.randperm(len(speeches.texts), generator=torch.Generator().manual_seed(0))
    held_out = torch.zeros(len(order), dtype=torch.bool)
    held_out[order[fold::num_folds]] = True
    return speeches.chosen((~held_out).nonzero()[:, 0]), speeches.chosen(held_out.nonzero()[:, 0])
