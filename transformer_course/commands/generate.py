"""Let a model that ``train`` has kept, or one that comes with the course, write token by token.

Builds on: checkpoints, trained, tokenization, generation.  Lacks: chat (pretrained).
"""

import argparse
import sys
from pathlib import Path

import torch

from transformer_course.checkpoints import load_model
from transformer_course.commands.train import CHECKPOINT, TOKENIZER
from transformer_course.device import default_device
from transformer_course.generation import generate
from transformer_course.model import Transformer
from transformer_course.tokenization import AnyTokenizer, load_tokenizer
from transformer_course.trained import FOLDER, load_trained


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``generate`` takes."""
    parser.add_argument(
        "run_folder", type=Path, help="the folder that train was given, or a name: shakespeare"
    )
    parser.add_argument("--prompt", default="\n", help="text to go on from (default a new line)")
    parser.add_argument("--tokens", type=int, default=500, help="how many to add (default 500)")
    parser.add_argument(
        "--temperature", type=float, default=0.8, help="0 is greedy, 1 as trained (default 0.8)"
    )
    parser.add_argument("--top-k", type=int, help="keep the K likeliest tokens (default all)")
    parser.add_argument(
        "--top-p", type=float, default=1.0, help="keep the likeliest that hold P (default 1: all)"
    )
    parser.add_argument("--seed", type=int, help="for the same text again (default: another)")


def run(arguments: argparse.Namespace) -> int:
    """Write the prompt and its continuation, as it comes."""
    model, tokenizer = _load(arguments.run_folder)
    model.to(default_device())
    generator = torch.Generator()
    if arguments.seed is None:
        generator.seed()
    else:
        generator.manual_seed(arguments.seed)
    ids = tokenizer.encode(arguments.prompt)
    written = 0

    def write(row: int, token: int) -> None:  # noqa: ARG001
        nonlocal written
        ids.append(token)
        text = tokenizer.decode(ids)
        # A character of several bytes is whole only with its last token: hold it back until then.
        ready = text.rstrip("\N{REPLACEMENT CHARACTER}")
        sys.stdout.write(ready[written:])
        sys.stdout.flush()
        written = max(written, len(ready))

    sys.stdout.write(arguments.prompt)
    written = len(arguments.prompt)
    generate(
        model,
        [list(ids)],
        arguments.tokens,
        temperature=arguments.temperature,
        top_k=arguments.top_k,
        top_p=arguments.top_p,
        generator=generator,
        on_token=write,
    )
    sys.stdout.write(f"{tokenizer.decode(ids)[written:]}\n")
    return 0


def _load(place: Path) -> tuple[Transformer, AnyTokenizer]:
    """Read a run's model, or the course's own of that name where there is no such folder."""
    if not place.exists() and (FOLDER / f"{place}.safetensors").exists():
        writer = load_trained(str(place))
        return writer.model, writer.tokenizer
    return load_model(place / CHECKPOINT), load_tokenizer(place / TOKENIZER)
