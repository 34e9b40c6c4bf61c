"""Word vectors by skip-gram with negative sampling: a word is known by the words around it.

Two tables are trained: one vector for a word in the middle, one for a word beside it. Pairs that
stand near each other in a text are pulled together, pairs drawn at random are pushed apart.

Builds on: embeddings.  Lacks: context at the time of reading (attention), pieces of words.
Source: Mikolov et al. 2013, "Distributed Representations of Words and Phrases and their
Compositionality", sections 2.2 (equation 4) and 2.3 (equation 5).
"""

import difflib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (as the papers' code and learners call it)

from transformer_course.device import one_thread
from transformer_course.embeddings import TokenEmbedding

WORD = re.compile(r"'?[a-z]+(?:['-][a-z]+)*")
LossFunction = Callable[[Tensor, Tensor, Tensor], Tensor]
PairMaker = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class UnknownWordError(ValueError):
    """A word has no row in the table; says which ones are spelled like it."""


def read_words(text: str) -> list[str]:
    """Cut a text into words: lower case, apostrophes and hyphens inside a word are kept."""
    return WORD.findall(text.lower())


class Vocabulary:
    """The words that have a row in the table, the most frequent first.

    Args:
        words: Each once, in the order of their rows.
        counts: How often each was met, where that is known.

    Raises:
        ValueError: If there are no words, one is there twice, or there is not one count a word.
    """

    def __init__(self, words: Sequence[str], counts: Sequence[int] = ()) -> None:
        if not words or len(set(words)) != len(words) or len(counts) not in (0, len(words)):
            raise ValueError(
                f"{len(words)} words ({len(set(words))} different) with {len(counts)} counts make "
                "no vocabulary; give each word once, with its count, or with no counts at all"
            )
        self.words = tuple(words)
        self.counts = torch.tensor(counts)
        self._rows = {word: row for row, word in enumerate(words)}

    @classmethod
    def count(cls, words: Sequence[str], min_count: int = 5) -> "Vocabulary":
        """Take the words that were met `min_count` times or more.

        Raises:
            ValueError: If none was.
        """
        counted = [(word, count) for word, count in Counter(words).most_common()]
        kept = [(word, count) for word, count in counted if count >= min_count]
        if not kept:
            raise ValueError(
                f"none of {len(counted)} different words in a text of {len(words)} was met "
                f"min_count={min_count} times; give a longer text, or a lower min_count"
            )
        return cls(*zip(*kept, strict=True))

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._rows

    def row(self, word: str) -> int:
        """Return the row of a word.

        Raises:
            UnknownWordError: If it has none; names the nearest spellings that have.
        """
        found = self._rows.get(word, self._rows.get(word.strip().lower()))
        if found is None:
            near = difflib.get_close_matches(word.strip().lower(), self.words, n=3, cutoff=0.6)
            offered = f"did you mean {' or '.join(near)}?" if near else "nothing is spelled like it"
            raise UnknownWordError(f"“{word}” has no row among {len(self):,} words; {offered}")
        return found

    def rows(self, words: Sequence[str]) -> Int[Tensor, " words"]:
        """Return the rows of several words, in their order."""
        return torch.tensor([self.row(word) for word in words], dtype=torch.long)

    def encode(self, words: Sequence[str]) -> Int[Tensor, " known"]:
        """Return the ids of a text; words without a row are left out."""
        return torch.tensor([self._rows[word] for word in words if word in self._rows])


def window_pairs(
    ids: Int[Tensor, " length"], reach: Int[Tensor, " length"]
) -> tuple[Int[Tensor, " pairs"], Int[Tensor, " pairs"]]:
    """Pair each word of a text with the words around it.

    Args:
        ids: The text.
        reach: How many places to either side each word looks.

    Returns:
        The word in the middle and the word beside it, of every pair; in no particular order.
    """
    places = torch.arange(len(ids))
    pairs = [torch.empty((2, 0), dtype=ids.dtype)]
    for distance in range(1, int(reach.max()) + 1):
        for beside in (places - distance, places + distance):
            kept = (beside >= 0) & (beside < len(ids)) & (reach >= distance)
            pairs.append(torch.stack((ids[kept], ids[beside[kept]])))
    centres, contexts = torch.cat(pairs, dim=1)
    return centres, contexts


def skip_gram_loss(
    centre: Float[Tensor, "pairs d_model"],
    context: Float[Tensor, "pairs d_model"],
    noise: Float[Tensor, "noise d_model"],
    num_negatives: float = 5.0,
) -> Float[Tensor, ""]:
    """Ask of each pair whether it is real: yes for words met together, no for words drawn.

    The formula sums over `num_negatives` noise words for each pair. Here all pairs of a batch meet
    the same noise words, and the mean over these, taken `num_negatives` times, stands for the sum:
    it has the same expectation, and is one matrix product.

    Args:
        centre: Vectors of the words in the middle.
        context: Vectors of the words beside them, a row for each pair.
        noise: Vectors of words that were drawn at random, from the table of `context`.
        num_negatives: How many noise words a real pair is weighed against, k in the formula.

    Returns:
        The mean over the pairs of −log σ(centre · context) − k · mean of log σ(−centre · noise).
    """
    real = F.logsigmoid((centre * context).sum(-1))
    drawn = F.logsigmoid(-centre @ noise.T).mean(-1)
    return -(real + num_negatives * drawn).mean()


def nearest(
    query: Float[Tensor, " d_model"],
    table: Float[Tensor, "rows d_model"],
    count: int,
    banned: Sequence[int] = (),
) -> tuple[Int[Tensor, " count"], Float[Tensor, " count"]]:
    """Find the rows whose direction is most like that of a vector.

    Args:
        query: The vector.
        table: A vector a row.
        count: How many to find.
        banned: Rows that must not be found: the word itself, or those of a question.

    Returns:
        The rows, the most similar first, and their cosines.
    """
    lengths = table.norm(dim=-1) * query.norm()
    cosines = table @ query / lengths.clamp(min=1e-12)
    cosines[list(banned)] = -math.inf
    similarities, rows = cosines.topk(count)
    return rows, similarities


@dataclass(frozen=True, kw_only=True)
class SkipGramConfig:
    """How word vectors are trained.

    Raises:
        ValueError: If a number is not one that can be trained with.
    """

    d_model: int = 64
    window: int = 5
    num_negatives: float = 5.0
    noise_words: int = 64
    batch_size: int = 4096
    num_steps: int = 2250
    learning_rate: float = 0.02
    keep_below: float = 1e-3

    def __post_init__(self) -> None:
        for name, number in vars(self).items():
            if not number > 0:
                raise ValueError(f"{name}={number} must be above 0; leave it out for the default")


@dataclass(frozen=True, kw_only=True)
class WordVectors:
    """A table with a name for each row.

    Attributes:
        vocabulary: The names.
        table: The vectors.
        mean: What was subtracted from each, if it was: what all have in common tells nothing apart.
        losses: Of every step, if they were trained here.

    Raises:
        ValueError: If there is not one vector a word, or some are not finite.
    """

    vocabulary: Vocabulary
    table: Float[Tensor, "rows d_model"]
    mean: Float[Tensor, " d_model"] | float = 0.0
    losses: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.table.ndim != 2 or len(self.table) != len(self.vocabulary):
            raise ValueError(
                f"a table of shape {tuple(self.table.shape)} has not one row for each of "
                f"{len(self.vocabulary)} words"
            )
        broken = (~self.table.isfinite().all(-1)).nonzero()[:, 0].tolist()
        if broken:
            word = self.vocabulary.words[broken[0]]
            raise ValueError(
                f"{len(broken)} of {len(self.table)} vectors hold nan or inf, the first that of "
                f"“{word}”; train again with a lower learning rate"
            )

    def __getitem__(self, word: str) -> Float[Tensor, " d_model"]:
        return self.table[self.vocabulary.row(word)]

    @cached_property
    def directions(self) -> Float[Tensor, "rows d_model"]:
        """The vectors, each divided by its length: their dot products are cosines."""
        return F.normalize(self.table, dim=-1)

    def with_mean(self) -> "WordVectors":
        """Return the vectors as they were before their mean was subtracted."""
        return WordVectors(vocabulary=self.vocabulary, table=self.table + self.mean)

    def neighbours(
        self, word: str, count: int = 5, find: Callable[..., tuple[Tensor, Tensor]] = nearest
    ) -> list[tuple[str, float]]:
        """Name the nearest words with their cosines, the word itself left out."""
        row = self.vocabulary.row(word)
        return self.named(*find(self.table[row], self.table, count, [row]))

    def analogy(
        self,
        a: str,
        b: str,
        c: str,
        count: int = 5,
        *,
        own_words: bool,
        find: Callable[..., tuple[Tensor, Tensor]] = nearest,
    ) -> list[tuple[str, float]]:
        """Complete "a is to b as c is to …": the words nearest to b − a + c, each of length 1.

        Args:
            a: The first word of the example.
            b: What it becomes.
            c: The word that is asked about.
            count: How many answers.
            own_words: Whether a, b and c themselves may be answers.
            find: Finds the nearest rows.
        """
        rows = self.vocabulary.rows((a, b, c))
        first, second, third = self.directions[rows]
        banned = [] if own_words else rows.tolist()
        return self.named(*find(second - first + third, self.directions, count, banned))

    def named(
        self, rows: Int[Tensor, " found"], similarities: Float[Tensor, " found"]
    ) -> list[tuple[str, float]]:
        """Write words in the place of rows."""
        words = [self.vocabulary.words[row] for row in rows.tolist()]
        return list(zip(words, similarities.tolist(), strict=True))


def centred(
    vocabulary: Vocabulary, table: Float[Tensor, "rows d_model"], losses: Sequence[float] = ()
) -> WordVectors:
    """Subtract the mean of all rows, and name the rows."""
    mean = table.mean(0)
    return WordVectors(vocabulary=vocabulary, table=table - mean, mean=mean, losses=tuple(losses))


def train_word_vectors(
    ids: Int[Tensor, " length"],
    vocabulary: Vocabulary,
    config: SkipGramConfig,
    generator: torch.Generator,
    loss: LossFunction = skip_gram_loss,
    pairs: PairMaker = window_pairs,
) -> WordVectors:
    """Train two tables on a text, and keep the one of the words in the middle.

    Args:
        ids: The text, in rows of the vocabulary.
        vocabulary: Its words and their counts.
        config: How to train.
        generator: Of all that is drawn.
        loss: Of a batch's centre, context and noise vectors.
        pairs: Makes pairs of a text and of how far each word looks.

    Raises:
        ValueError: If the text makes no pair, or the vectors are not finite in the end.
    """
    centre, context = (TokenEmbedding(len(vocabulary), config.d_model) for _ in range(2))
    for table in (centre, context):
        table.weight.data.normal_(std=0.02, generator=generator)
    optimizer = torch.optim.Adam([centre.weight, context.weight], fused=True)
    batches = _batches(ids, vocabulary, config, generator, pairs)
    losses = []
    with one_thread():
        for step in range(config.num_steps):
            middle, beside, noise = next(batches)
            optimizer.param_groups[0]["lr"] = config.learning_rate * (1 - step / config.num_steps)
            found = loss(centre(middle), context(beside), context(noise))
            found.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(found.item())
    return centred(vocabulary, centre.weight.detach(), losses)


def _batches(
    ids: Int[Tensor, " length"],
    vocabulary: Vocabulary,
    config: SkipGramConfig,
    generator: torch.Generator,
    pairs: PairMaker,
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield words in the middle, words beside them, and noise, pass after pass over the text."""
    share = vocabulary.counts / vocabulary.counts.sum()
    kept = (config.keep_below / share).sqrt()  # equation 5: what is very frequent tells little
    noise = vocabulary.counts.double() ** 0.75
    while True:
        thinned = ids[torch.rand(len(ids), generator=generator) < kept[ids]]
        # A window drawn for each word: what is nearer is paired more often.
        reach = torch.randint(1, config.window + 1, thinned.shape, generator=generator)
        middle, beside = pairs(thinned, reach) if len(thinned) else (thinned, thinned)
        if len(middle) == 0:
            raise ValueError(f"a text of {len(ids)} words makes no pair; give a longer text")
        order = torch.randperm(len(middle), generator=generator)
        # The last batch of a pass is as long as it comes out.
        for chosen in order.split(config.batch_size):
            drawn = torch.multinomial(
                noise, config.noise_words, replacement=True, generator=generator
            )
            yield middle[chosen], beside[chosen], drawn


def principal_plane(
    vectors: Float[Tensor, "rows d_model"],
) -> tuple[Float[Tensor, "2 d_model"], float]:
    """Find the two directions along which vectors differ most.

    Returns:
        The directions, at right angles and of length 1, and the share of the vectors' variance
        that lies in their plane: what a map of them can show at most.

    Raises:
        ValueError: If there are fewer than three vectors.
    """
    if len(vectors) < 3:
        raise ValueError(f"{len(vectors)} vectors make no plane; give three or more")
    spread = vectors - vectors.mean(0)
    _, sizes, directions = torch.linalg.svd(spread, full_matrices=False)
    plane = directions[:2]
    # A direction may come out either way round: its largest number is made positive.
    largest = plane.gather(1, plane.abs().argmax(1, keepdim=True))
    share = sizes[:2].square().sum() / sizes.square().sum()
    return plane * largest.sign(), share.item()
