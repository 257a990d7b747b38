"""The distributions that ``mdsd capture --keep-distributions`` kept, as laws at a temperature."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdsd_theory.capture.kept import KEPT, LOGITS, NAMES
from mdsd_theory.errors import DataFileError, InputError
from mdsd_theory.logits import from_logits

Law = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Kept:
    """Logits of both models at one position.

    Attributes
    ----------
    folder : Path
        Of the capture.
    key : dict of str to int
        Prompt, turn, position and token.
    target, draft : tensor, shape (V,)
    """

    folder: Path
    key: dict[str, int]
    target: Any
    draft: Any

    def laws(self, temperature: float) -> tuple[Law, Law]:
        """Return p and q of shape (V,) in float64."""
        p, q = (
            from_logits(x.double().numpy(), temperature=temperature) for x in (self.target, self.draft)
        )
        return p, q

    def __str__(self) -> str:
        key = ", ".join(f"{name} {self.key[name]}" for name in ("prompt", "turn", "position"))
        return f"{self.folder} {key}"


def read_kept(folders: Sequence[Path], count: int) -> list[Kept]:
    """Return ``count`` kept positions of some captures, evenly spaced over all of them.

    Raises
    ------
    DataFileError
        For a capture that kept none, or a damaged file.
    InputError
        When there are fewer than ``count``.
    """
    found = [kept for folder in folders for kept in _of_folder(folder)]
    if len(found) < count:
        raise InputError(
            f"{len(found)} positions are kept; expected at least --positions {count}: capture more with "
            "--keep-distributions, or lower --positions"
        )
    return [found[i] for i in np.linspace(0, len(found) - 1, count).astype(int)]


def _of_folder(folder: Path) -> list[Kept]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / KEPT
    if not path.is_file():
        raise DataFileError(f"{path} is missing; run mdsd capture with --keep-distributions K to its end")
    try:
        tensors = load_file(path)
        target, draft = (tensors[name] for name in LOGITS)
        keys = [tensors[name].tolist() for name in NAMES]
    except (OSError, KeyError, SafetensorError) as error:
        raise DataFileError(f"{path} cannot be read: {error}") from None
    return [
        Kept(folder, dict(zip(NAMES, key, strict=True)), target[row], draft[row])
        for row, key in enumerate(zip(*keys, strict=True))
    ]


def truncated(p: Law, q: Law, most: int) -> tuple[Law, Law]:
    """Return p and q on the k likeliest tokens of either, renormalised, with the largest k that fits.

    Parameters
    ----------
    p, q : array, shape (V,)
    most : int
        Tokens of the union, at least 2.
    """
    best = np.minimum(_ranks(p), _ranks(q))
    sizes = np.cumsum(np.bincount(best, minlength=p.size))
    chosen = best < np.searchsorted(sizes, most, side="right")
    return p[chosen] / p[chosen].sum(), q[chosen] / q[chosen].sum()


def _ranks(x: Law) -> NDArray[np.intp]:
    rank = np.empty(x.size, dtype=np.intp)
    rank[np.argsort(-x, kind="stable")] = np.arange(x.size)
    return rank


def whole_numbers(option: str, text: str) -> tuple[int, ...]:
    """Return whole numbers above zero from a list with commas.

    Raises
    ------
    InputError
    """
    try:
        found = tuple(dict.fromkeys(int(x) for x in text.split(",")))
    except ValueError:
        found = ()
    if not found or min(found) < 1:
        raise InputError(f"{option} is {text!r}; expected whole numbers above 0, separated by commas")
    return found
