"""Run-time shape checks for the whole package, and what several tests share."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import jaxtyping
import pytest
import torch

hypothesis.settings.register_profile("course", deadline=None)  # busy machines fail no test
hypothesis.settings.load_profile("course")

PACKAGE = Path(__file__).parents[1] / "transformer_course"
SHAPED = [path.stem for path in PACKAGE.glob("[!_]*.py")] + ["experiments", "widgets"]

# Before any test imports the package: every signature's shapes are then checked at each call. The
# engine and what it is told have no shapes, and would take seconds a check.
jaxtyping.install_import_hook(
    [f"transformer_course.{name}" for name in SHAPED], "shape_checker.check"
)

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
