"""Packages that only models need, asked for by name."""

from __future__ import annotations

import importlib.util

from mdsd_theory.errors import MissingDependencyError

EXTRA = "pip install 'mdsd-theory[models]'"


def require(purpose: str, *packages: str) -> None:
    """Raise unless all packages are installed.

    Parameters
    ----------
    purpose : str
        What needs them: ``"a GGUF file"``.
    packages : str
        Names as they are imported.

    Raises
    ------
    MissingDependencyError
        Naming the first that is missing.
    """
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise MissingDependencyError(f"{purpose} needs {package}, which is not installed: {EXTRA}")
