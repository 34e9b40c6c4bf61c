"""Run-time shape checks for the whole package, and what several tests share."""

from collections.abc import Iterator

import jaxtyping
import pytest
import torch

# Before any test imports the package: every signature's shapes are then checked at each call.
jaxtyping.install_import_hook("transformer_course", "shape_checker.check")

from transformer_course import data  # noqa: E402


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Switch the shape checks off, so that the package's own error is the one that is seen."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(11)


@pytest.fixture(scope="session")
def shakespeare_plays() -> tuple[data.Play, ...]:
    return data.load_shakespeare()
