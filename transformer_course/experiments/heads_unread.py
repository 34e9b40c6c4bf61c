"""Claim C10, the second output, live: genres of plays that the course's own trunk has not read.

The trunk that writes stays as it is, and only a head is learned: straight borders between the
pooled vectors of 1,000 speeches. Who counts words gets the same beginnings of the same speeches in
one row, and all there is in another. Five folds over all plays are stored: heads_folds.

Source: Devlin et al. 2019, section 5.3 (a head on a trunk that stays as it is).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.data import load_shakespeare
from transformer_course.experiments.heads_genre import (
    MOST_ITERATIONS,
    GenreReader,
    by_counting_words,
    by_the_usual_genre,
    pooled_vectors,
)
from transformer_course.experiments.heads_next import TRUNK
from transformer_course.experiments.heads_speeches import (
    NUM_TOKENS,
    PADDING_ID,
    Speeches,
    beginnings,
    encode_speeches,
    read_speeches,
    split_unread,
)
from transformer_course.model import Transformer
from transformer_course.trained import load_trained

NUM_LEARNED = 1_000
NUM_PADDED = 300


@dataclass(frozen=True, kw_only=True)
class UnreadGenres:
    """Shares of right genres on six plays that nothing has read, and what padding does.

    Attributes:
        usual: Always the genre that most training speeches have.
        words: Word counts of all training speeches, whole.
        fair_words: Word counts of the 1,000 speeches and 64 tokens that the head learns from.
        trunk: The trunk that has read, with a head.
        random_trunk: The same with random weights.
        moved: Share of answers that change where 64 tokens of padding are appended.
        moved_unmasked: The same where pooling counts the padding.
    """

    usual: float
    words: float
    fair_words: float
    trunk: float
    random_trunk: float
    moved: float
    moved_unmasked: float


def unread_genres(seed: int = 0, *, parts: Mapping[str, Any] | None = None) -> UnreadGenres:
    """Learn heads for the trunk and for a random one, count words, and ask for six plays.

    Args:
        seed: Of the random trunk, and of which speeches are learned from.
        parts: Replacements in the trunk, as `Transformer` takes them: "pooling", for one.
    """
    writer = load_trained(TRUNK)
    train, test = (read_speeches(part) for part in split_unread(load_shakespeare()))
    order = torch.randperm(len(train.texts), generator=torch.Generator().manual_seed(seed))
    few = train.chosen(order[:NUM_LEARNED])
    ids, test_ids = (encode_speeches(part, writer.tokenizer) for part in (few, test))
    random = Transformer(writer.model.config, generator=torch.Generator().manual_seed(seed))
    readers = [GenreReader(trunk, seed, parts).eval() for trunk in (writer.model, random)]
    heads = [learn_head(pooled_vectors(reader, ids), few) for reader in readers]
    answers = [
        head.predict(pooled_vectors(reader, test_ids))
        for head, reader in zip(heads, readers, strict=True)
    ]
    padded = torch.nn.functional.pad(test_ids[:NUM_PADDED], (0, NUM_TOKENS), value=PADDING_ID)
    kept, counted = (
        heads[0].predict(vectors)
        for vectors in (pooled_vectors(readers[0], padded), unmasked_vectors(readers[0], padded))
    )
    labels = test.labels.numpy()
    return UnreadGenres(
        usual=by_the_usual_genre(train, test).double().mean().item(),
        words=by_counting_words(train, test).double().mean().item(),
        fair_words=by_counting_words(*(beginnings(part, writer.tokenizer) for part in (few, test)))
        .double()
        .mean()
        .item(),
        trunk=float((answers[0] == labels).mean()),
        random_trunk=float((answers[1] == labels).mean()),
        moved=float((kept != answers[0][:NUM_PADDED]).mean()),
        moved_unmasked=float((counted != answers[0][:NUM_PADDED]).mean()),
    )


def learn_head(vectors: Float[np.ndarray, "speech d_model"], speeches: Speeches) -> Pipeline:
    """Draw straight borders between the genres: a classification head, learned alone."""
    head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=MOST_ITERATIONS))
    return head.fit(vectors, speeches.labels.numpy())


@torch.inference_mode()
def unmasked_vectors(
    reader: GenreReader, ids: Int[Tensor, "speech token"]
) -> Float[np.ndarray, "speech d_model"]:
    """Return the mean over each speech's vectors with the padding counted: the mistake."""
    stack: Any = reader.model.decoder
    return stack(ids, padding_mask=ids != PADDING_ID).hidden.mean(1).numpy()


@claim_of("C10", unread_genres)
def one_trunk_has_a_second_head(shares: UnreadGenres) -> Finding:
    """Judge what a head on the trunk that writes is worth, beside what is simpler."""
    bounds = (
        above(shares.trunk - shares.usual, 0.03),
        above(shares.words, 0.48),
        above(shares.words - shares.trunk, 0.04),
        below(abs(shares.trunk - shares.random_trunk), 0.09),
        below(shares.moved, 0.01),
        above(shares.moved_unmasked, 0.3),
        below(abs(shares.trunk - shares.fair_words), 0.06),
    )
    return Finding(
        f"a head on the trunk that writes, six unread plays: right for more than “always "
        f"histories” by {bounds[0]}; padding changes {bounds[4]} of its answers",
        f"all words counted: right {bounds[1]}, ahead by {bounds[2]}; words of what the head "
        f"learned from: as good (difference {bounds[6]}); random trunk: {bounds[3]} from it; "
        f"padding pooled along: {bounds[5]} of the answers change",
        all(bound.holds for bound in bounds),
    )
