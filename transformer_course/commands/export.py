"""Keep a trained model as the course keeps its own: float16 weights and a tokenizer, nothing else.

Builds on: train, trained.  Lacks: what a run needs to go on (checkpoints).
"""

import argparse
import json
import sys
from pathlib import Path

from transformer_course.checkpoints import load_model, read_file
from transformer_course.commands.train import CHECKPOINT, DATA, SPLITS, TOKENIZER
from transformer_course.data import load_shakespeare, shakespeare_text
from transformer_course.tokenization import load_tokenizer
from transformer_course.trained import FOLDER, save_trained


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``export`` takes."""
    parser.add_argument("run_folder", type=Path, help="the folder that train was given")
    parser.add_argument("name", help="what to call the model, such as shakespeare")
    parser.add_argument("--to", type=Path, default=FOLDER, help="folder (default: data/models)")


def run(arguments: argparse.Namespace) -> int:
    """Write the model's two files and say how large they are."""
    checkpoint = arguments.run_folder / CHECKPOINT
    model = load_model(checkpoint)
    header, _ = read_file(checkpoint)
    plays = json.loads((arguments.run_folder / DATA).read_text(encoding="utf-8"))["plays"]
    file = save_trained(
        arguments.to,
        arguments.name,
        model,
        load_tokenizer(arguments.run_folder / TOKENIZER),
        text=shakespeare_text(SPLITS[plays](load_shakespeare()).train),
        steps=header["step"],
    )
    sys.stdout.write(
        f"{file}: {model.num_parameters():,} parameters, {file.stat().st_size:,} bytes\n"
    )
    return 0
