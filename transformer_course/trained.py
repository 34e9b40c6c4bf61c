"""Models that the course has trained itself and brings with it: small files, ready to use.

How each was made, and how to make it again, stands in data/README.md.

Builds on: checkpoints, tokenization.  Lacks: other people's models (pretrained).
"""

import difflib
from dataclasses import dataclass
from pathlib import Path

from transformer_course.checkpoints import load_model, read_file, save_model
from transformer_course.model import Transformer
from transformer_course.stack import Parts
from transformer_course.tokenization import AnyTokenizer, load_tokenizer

FOLDER = Path(__file__).resolve().parents[1] / "data" / "models"
RESTORE = "get it back from the course's repository: git checkout -- data/models"


@dataclass(frozen=True, kw_only=True)
class TrainedWriter:
    """A trained language model with its tokenizer.

    Attributes:
        model: In evaluation mode.
        tokenizer: The one that it was trained with.
        characters: Those that its training text holds; it has never met any other.
        steps: Optimiser steps that it was trained for.
    """

    model: Transformer
    tokenizer: AnyTokenizer
    characters: frozenset[str]
    steps: int


def save_trained(
    folder: Path, name: str, model: Transformer, tokenizer: AnyTokenizer, *, text: str, steps: int
) -> Path:
    """Keep a trained model for `load_trained`, and return its file.

    Args:
        folder: Where to.
        name: What to call it.
        model: The model.
        tokenizer: Its tokenizer; it gets a file of its own beside the model's.
        text: What it was trained on.
        steps: For how many steps.
    """
    tokenizer.save(folder / f"{name}.json")
    file = folder / f"{name}.safetensors"
    save_model(file, model, {"characters": "".join(sorted(set(text))), "step": steps})
    return file


def load_trained(
    name: str, *, parts: Parts | None = None, folder: Path | None = None
) -> TrainedWriter:
    """Load a model that comes with the course.

    Args:
        name: "shakespeare".
        parts: Replacements in the model, as `Transformer` takes them.
        folder: Where it is kept; the course's own data/models if left out.

    Raises:
        FileNotFoundError: If there is no model of this name, or half of it is gone.
        ValueError: If a file is damaged or does not belong to the other one.
    """
    folder = FOLDER if folder is None else folder
    weights, tokenizer_file = folder / f"{name}.safetensors", folder / f"{name}.json"
    for file in (weights, tokenizer_file):
        if not file.is_file():
            raise FileNotFoundError(_missing(folder, name, file))
    try:
        header, _ = read_file(weights)
        model, tokenizer = load_model(weights, parts=parts), load_tokenizer(tokenizer_file)
    except ValueError as error:
        raise ValueError(f"{str(error).partition(';')[0]}; {RESTORE}") from error
    if tokenizer.vocab_size != model.config.vocab_size:
        raise ValueError(
            f"{tokenizer_file} has {tokenizer.vocab_size} tokens and {weights.name} expects "
            f"{model.config.vocab_size}: the two do not belong together; {RESTORE}"
        )
    return TrainedWriter(
        model=model,
        tokenizer=tokenizer,
        characters=frozenset(header["characters"]),
        steps=header["step"],
    )


def _missing(folder: Path, name: str, file: Path) -> str:
    names = sorted(path.stem for path in folder.glob("*.safetensors"))
    if name in names:
        return f"{file} is gone; {RESTORE}"
    near = difflib.get_close_matches(name, names, n=1, cutoff=0)
    offered = f"did you mean {near[0]!r}? There are {names}" if near else f"{folder} holds none"
    return f"there is no trained model {name!r}; {offered}"
