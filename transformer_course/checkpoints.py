"""Checkpoints: a training run in one file, from which it goes on as if it had never stopped.

The file is in the safetensors format: plain numbers and a header of JSON, nothing that could run.
It holds the weights, the optimisers' averages, the states of the random generators, and both
configurations; everything else is derived when it is read.

Builds on: model, training.  Lacks: the tokenizer, which keeps a file of its own.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from transformer_course.config import TransformerConfig
from transformer_course.files import replacing
from transformer_course.model import Transformer
from transformer_course.stack import Parts
from transformer_course.training import TrainingConfig, TrainingData, TrainingRun

FORMAT = "transformer-course checkpoint 1"


def save_checkpoint(path: Path, run: TrainingRun) -> None:
    """Keep the run in `path`; an older file there is replaced only when the new one is whole."""
    tensors: dict[str, Tensor] = {
        f"model.{name}": weight for name, weight in run.model.named_parameters()
    }
    for number, optimizer in enumerate(run.optimizers):
        for parameter, averages in optimizer.state_dict()["state"].items():
            for name, average in averages.items():
                tensors[f"optimizer.{number}.{parameter}.{name}"] = average
    tensors["random.batches"] = run.generator.get_state()
    tensors["random.dropout"] = torch.get_rng_state()
    header = {
        "step": run.step,
        "model": run.model.config.to_dict(),
        "training": run.config.to_dict(),
    }
    write_file(path, header, tensors)


def save_model(path: Path, model: Transformer, notes: Mapping[str, Any]) -> None:
    """Keep the weights alone, as float16: a sixth of a checkpoint, for `load_model` to read.

    Args:
        path: The file; an older one is replaced only when the new one is whole.
        model: What to keep.
        notes: What else is to be known of it, as plain data.
    """
    tensors = {f"model.{name}": weight.half() for name, weight in model.named_parameters()}
    write_file(path, {**notes, "model": model.config.to_dict()}, tensors)


def load_checkpoint(
    path: Path,
    build_data: Callable[[TransformerConfig], TrainingData],
    *,
    parts: Parts | None = None,
    device: torch.device | str = "cpu",
) -> TrainingRun:
    """Rebuild the run that `save_checkpoint` kept; its next step is the one it would have done.

    Args:
        path: The checkpoint.
        build_data: Gives the data that the run was started with, for the model's configuration.
        parts: The parts that the model was built with.
        device: Where to train on.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, no checkpoint, or one of another version.
    """
    header, tensors = read_file(path)
    generator = torch.Generator()
    model = _build(path, header, tensors, parts).to(device)
    run = TrainingRun(
        model,
        build_data(model.config),
        TrainingConfig.from_dict(header["training"]),
        generator=generator,
    )
    run.step = header["step"]
    for number, optimizer in enumerate(run.optimizers):
        state: dict[int, dict[str, Tensor]] = {}
        for name, average in _under(f"optimizer.{number}", tensors).items():
            parameter, _, kind = name.partition(".")
            state.setdefault(int(parameter), {})[kind] = average
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})
    generator.set_state(tensors["random.batches"])
    torch.set_rng_state(tensors["random.dropout"])
    return run


def load_model(path: Path, *, parts: Parts | None = None) -> Transformer:
    """Read the model alone out of a checkpoint, ready to use.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, no checkpoint, or one of another version.
    """
    header, tensors = read_file(path)
    return _build(path, header, tensors, parts).eval()


def _build(
    path: Path, header: Mapping[str, Any], tensors: Mapping[str, Tensor], parts: Parts | None
) -> Transformer:
    model = Transformer(TransformerConfig.from_dict(header["model"]), parts=parts)
    weights = _under("model", tensors)
    parameters = dict(model.named_parameters())
    if {n: p.shape for n, p in parameters.items()} != {n: w.shape for n, w in weights.items()}:
        raise ValueError(
            f"{path} does not hold the weights of the model that it describes; it was written by "
            "another version of the course, or for a model with other parts: train again"
        )
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(weights[name])
    return model


def write_file(path: Path, header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write header and tensors with the sum that `read_file` checks; replace `path` at the end."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    complete = {"format": FORMAT, **header, "sha256": _digest(plain)}
    with replacing(path) as aside:
        save_file(plain, aside, {"checkpoint": json.dumps(complete)})


def read_file(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read what `write_file` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or of another format.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}; train a model first")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("checkpoint", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged or no checkpoint ({error}); use another one, or train again"
        ) from error
    if header.get("format") != FORMAT:
        raise ValueError(
            f"{path} is of format {header.get('format')!r}, expected {FORMAT!r}; "
            "it was written by another version of the course or another program: train again"
        )
    if header["sha256"] != _digest(tensors):
        raise ValueError(
            f"{path} is damaged: its numbers are not those that were written; "
            "use another one, or train again"
        )
    return header, tensors


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose name starts with the prefix, without it."""
    start = f"{prefix}."
    return {name[len(start) :]: t for name, t in tensors.items() if name.startswith(start)}
