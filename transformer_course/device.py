"""The device that lessons compute on: the fastest there is, unless the learner says otherwise.

Lacks: several devices at once (scaling).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def default_device() -> torch.device:
    """Return `$TRANSFORMER_COURSE_DEVICE`, else CUDA, else Apple's MPS, else the CPU.

    Raises:
        ValueError: If the environment variable names no device that this machine has.
    """
    name = os.environ.get("TRANSFORMER_COURSE_DEVICE", "")
    if name:
        return _usable(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def _usable(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"TRANSFORMER_COURSE_DEVICE={name!r} is not a device of this machine; "
            "set it to cpu, or unset it to let the course choose"
        ) from error
    return device


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread: models this small spend more time on handing work to a second."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
