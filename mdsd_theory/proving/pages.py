"""The pages of ``proofs/``: each a text and, beside it, a check."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np

import mdsd_theory
from mdsd_theory.errors import InputError, MdsdError
from mdsd_theory.proving.evidence import Evidence
from mdsd_theory.proving.levels import Level

NAME = re.compile(r"(\d\d)_(\w+)\.py")


@dataclass(frozen=True)
class Page:
    """One theorem: its text and its check.

    Attributes
    ----------
    number : int
    path : Path
        Of the check; the text is beside it with the suffix ``.md``.
    """

    number: int
    path: Path

    @cached_property
    def text(self) -> str:
        """The page, in Markdown."""
        return self.path.with_suffix(".md").read_text(encoding="utf-8")

    @property
    def texts(self) -> list[str]:
        """The page and its continuations, which have its number: ``10_k_seq.md``."""
        beside = self.path.parent.glob(f"{self.number:02}_*.md")
        others = sorted(path for path in beside if path.stem != self.path.stem)
        return [self.text, *(path.read_text(encoding="utf-8") for path in others)]

    @property
    def title(self) -> str:
        """The first heading, without its number."""
        heading = self.text.split("\n", 1)[0].lstrip("# ")
        return heading.split(". ", 1)[-1].strip()

    @cached_property
    def module(self) -> ModuleType:
        """The check's module."""
        return load(self.path)

    def check(self, level: Level | str, rng: np.random.Generator) -> Evidence:
        """Run the check beside the page."""
        check = cast("Callable[[Level, np.random.Generator], Evidence]", self.module.check)
        return check(Level(level), rng)


def pages() -> list[Page]:
    """Return all pages in order.

    Raises
    ------
    MdsdError
        When the folder of proofs is missing.

    Examples
    --------
    >>> [page.number for page in pages()][:1]
    [1]
    """
    named = ((NAME.fullmatch(path.name), path) for path in folder().iterdir())
    return sorted(
        (Page(int(match[1]), path) for match, path in named if match), key=lambda page: page.number
    )


def page(number: int) -> Page:
    """Return one page.

    Raises
    ------
    InputError
        When there is no page of that number.
    """
    known = pages()
    for candidate in known:
        if candidate.number == number:
            return candidate
    raise InputError(f"there is no theorem {number}; expected 1 to {known[-1].number}")


def folder() -> Path:
    """Return the folder of proofs: beside the package in a checkout, inside it when installed."""
    package = Path(mdsd_theory.__file__).parent
    for candidate in (package / "proofs", package.parent / "proofs"):
        if any(candidate.glob("01_*.py")):
            return candidate
    raise MdsdError("the folder of proofs is missing; install mdsd-theory again")


def load(path: Path, text: str | None = None) -> ModuleType:
    """Return a check as a module, from its file or from an altered text of it."""
    name = f"mdsd_theory_proofs_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    if text is None:
        spec.loader.exec_module(module)
    else:
        namespace: dict[str, Any] = vars(module)
        exec(compile(text, str(path), "exec", dont_inherit=True), namespace)
    return module
