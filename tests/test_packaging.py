"""pyproject.toml, constraints.txt, environment.yml and the checks tell one and the same story."""

import importlib.metadata
import os
import re
import tomllib
from pathlib import Path

import pytest
import run_checks
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
REQUIREMENTS = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINS = [Requirement(line) for line in LINES if not line.startswith("#")]
VERSIONS = {pin.name: str(pin.specifier).removeprefix("==") for pin in PINS}


def needed_by(name: str, extras: frozenset[str], found: set[str]) -> set[str]:
    """Add a package and all that it needs on this machine to those found."""
    found.add(canonicalize_name(name))
    for text in importlib.metadata.requires(name) or ():
        requirement = Requirement(text)
        wanted = requirement.marker is None or any(
            requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)
        )
        if wanted and canonicalize_name(requirement.name) not in found:
            needed_by(requirement.name, frozenset(requirement.extras), found)
    return found


def test_every_constraint_is_one_exact_version():
    assert all(re.fullmatch(r"[a-z0-9-]+==[\w.]+", line) for line in LINES if line[0] != "#")
    assert len(VERSIONS) == len(PINS)


@pytest.mark.parametrize("text", REQUIREMENTS)
def test_the_tested_version_lies_in_the_promised_range(text):
    requirement = Requirement(text)
    assert requirement.specifier.contains(VERSIONS[requirement.name])


def test_every_package_that_the_course_brings_is_pinned():
    found = needed_by(PROJECT["name"], frozenset(["test"]), set())
    # Where torch brings CUDA it names those versions itself.
    unpinned = found - set(VERSIONS) - {PROJECT["name"]}
    assert not {name for name in unpinned if not name.startswith(("nvidia", "cuda", "triton"))}


def test_the_cpu_build_of_torch_satisfies_its_constraint():
    pin = next(pin for pin in PINS if pin.name == "torch")
    assert pin.specifier.contains(f"{VERSIONS['torch']}+cpu")


def test_conda_installs_the_package_within_the_constraints():
    asked = next(entry["pip"] for entry in ENVIRONMENT["dependencies"] if isinstance(entry, dict))
    assert {"--constraint constraints.txt", "--editable .[test]"} < set(asked)
    assert not [line for line in asked if not line.startswith("--")]


def test_conda_and_the_tools_take_the_oldest_python_of_the_project():
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert f"python={oldest}" in ENVIRONMENT["dependencies"]
    assert PYPROJECT["tool"]["mypy"]["python_version"] == oldest
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    major, minor = Version(oldest).release
    script = (ROOT / "course.py").read_text(encoding="utf-8")
    assert f"sys.version_info < ({major}, {minor})" in script


def test_no_tested_version_refuses_the_first_release_of_the_oldest_python():
    first = PROJECT["requires-python"].removeprefix(">=") + ".0"
    refusing = [
        found.name
        for found in importlib.metadata.distributions()
        if found.version.partition("+")[0] == VERSIONS.get(canonicalize_name(found.name))
        and not SpecifierSet(found.metadata["Requires-Python"] or "").contains(first)
    ]
    assert not refusing


def test_a_commit_is_checked_by_the_tools_of_the_test_run():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = {hook["name"]: hook["entry"].split() for hook in config["repos"][0]["hooks"]}
    for name in ("format", "lint", "types", "import contract"):
        tool = "lint-imports" if name == "import contract" else run_checks.CHECKS[name][2]
        assert tool in hooks[name]


def test_the_check_for_machines_can_be_run():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
