"""What a stored result was computed with, so that another figure elsewhere need not surprise."""

import platform
from importlib.metadata import version


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of Python and of these packages, without what only names a build."""
    found = {"python": platform.python_version()}
    return found | {package: version(package).partition("+")[0] for package in packages}
