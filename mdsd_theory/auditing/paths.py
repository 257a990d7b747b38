"""The branches of a verifier: walked one after the other, by replay."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from mdsd_theory.auditing.uniforms import Interval, Uniform
from mdsd_theory.errors import InputError, SizeError

NEGLIGIBLE = 1e-12
"""Branches of less weight come from rounding alone; what happens there is not held against a rule."""

MAX_PATHS = 4000
"""Most branches on one tuple of drafts."""


@dataclass
class Path:
    """One walk through the branches, and the script by which it is replayed.

    Attributes
    ----------
    script : list of int
        Branches to take first.
    weight : Fraction
        Chance of the walk, branches of measure zero left out.
    points : int
        Branches of measure zero on the walk, at most one.
    """

    script: list[int]
    taken: list[tuple[int, int]] = field(default_factory=list)
    weight: Fraction = Fraction(1)
    points: int = 0

    def decide(self, weights: list[Fraction | None]) -> int:
        """Return the branch to take, and account for it."""
        options = [i for i, w in enumerate(weights) if w or (w is None and not self.points)]
        turn = self.script[len(self.taken)] if len(self.taken) < len(self.script) else 0
        self.taken.append((turn, len(options)))
        chosen = weights[options[turn]]
        if chosen is None:
            self.points += 1
        else:
            self.weight *= chosen
        return options[turn]

    def following(self) -> list[int] | None:
        """Return the script of the next walk, depth first; None after the last."""
        turns = list(self.taken)
        while turns:
            turn, options = turns.pop()
            if turn + 1 < options:
                return [t for t, _ in turns] + [turn + 1]
        return None


class PathSource:
    """What a callable takes as ``uniforms=``: numbers that are compared, tokens that are chosen.

    It has the methods of ``numpy.random.Generator`` that a verifier needs, so that the same code can
    run on either.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def random(self, size: int | tuple[int, ...] | None = None) -> Any:
        """Return a uniform number on [0, 1) that can be compared, or an array of them."""
        if size is None:
            return Uniform(Interval(self._path))
        found = np.empty(size, dtype=object)
        for place in np.ndindex(found.shape):
            found[place] = self.random()
        return found

    def uniform(
        self, low: float = 0.0, high: float = 1.0, size: int | tuple[int, ...] | None = None
    ) -> Any:
        """Return a uniform number on [low, high) that can be compared, or an array of them."""
        return low + (high - low) * self.random(size)

    def __call__(self) -> Any:
        return self.random()

    def __iter__(self) -> PathSource:
        return self

    def __next__(self) -> Any:
        return self.random()

    def index(self, weights: Any) -> int:
        """Return i with chance weights[i] / Σ weights, exactly."""
        values = [Fraction(w) if isinstance(w, Fraction) else _weight(w) for w in weights]
        total = sum(values, start=Fraction(0))
        if min(values) < 0 or total <= 0:
            raise InputError(f"weights are {list(map(float, values))}; expected them >= 0, one > 0")
        return self._path.decide([w / total for w in values])

    def choice(self, a: Any, p: Any = None) -> Any:
        """Return one of ``a``, or of 0 … a − 1, with chances p."""
        tokens = np.arange(a) if np.ndim(a) == 0 else np.asarray(a)
        return tokens[self.index([1] * tokens.size if p is None else p)]


def _weight(w: Any) -> Fraction:
    value = float(w)
    if not math.isfinite(value):
        raise InputError(f"a weight is {value}; expected finite numbers >= 0")
    return Fraction(value)


@dataclass(frozen=True)
class Outcome:
    """Where one walk ended: the token, its chance, and whether a measure-zero branch was on the way."""

    token: int
    weight: Fraction
    point: bool


def outcomes(
    call: Callable[[PathSource], Any],
    limit: int = MAX_PATHS,
    forgiving: bool = True,
    deadline: float = math.inf,
) -> Iterator[Outcome]:
    """Run a function of one source along every path.

    Parameters
    ----------
    call : callable
        Source → token, with no randomness but the source's.
    limit : int
        Most paths.
    forgiving : bool
        Pass over what is raised on branches that only rounding opens.
    deadline : float
        Of :func:`time.perf_counter`.

    Raises
    ------
    SizeError
        When there are more paths, or the time is over.
    """
    script: list[int] | None = []
    for _ in range(limit):
        path = Path(script or [])
        try:
            yield Outcome(call(PathSource(path)), path.weight, path.points > 0)
        except Exception:
            if not forgiving or path.weight >= NEGLIGIBLE:
                raise
        script = path.following()
        if script is None:
            return
        if time.perf_counter() > deadline:
            break
    raise SizeError(f"the verifier has over {limit:,} branches on one tuple of drafts, or takes too long")
