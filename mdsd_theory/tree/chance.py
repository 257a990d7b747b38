"""Where a walk's choices come from: drawn with a generator, or all of them with their exact chances.

A walk is a function of a :class:`Source` and of arguments that can be hashed. It takes every random
choice from the source and nothing else, so that the same code is run and enumerated.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Protocol, TypeVar

import numpy as np

from mdsd_theory.errors import SizeError
from mdsd_theory.schemes.base import Number

T = TypeVar("T", bound=Hashable)

MOST_BRANCHES = 2_000_000
"""Most branches of one enumeration."""


class Source(Protocol):
    """What a walk draws from."""

    def draw(self, law: Mapping[T, Number]) -> T:
        """Return a key of a law, with the chance that it has there."""
        ...

    def visit(self, walk: Callable[..., T], *arguments: Hashable) -> T:
        """Return ``walk(source, *arguments)``, with choices of its own."""
        ...


class Dice:
    """Choices drawn with a generator.

    Parameters
    ----------
    generator : numpy.random.Generator
    """

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def draw(self, law: Mapping[T, Number]) -> T:
        """Return a key of a law, with its chance; chances are divided by their sum."""
        sums = np.cumsum([float(chance) for chance in law.values()])
        place = int(np.searchsorted(sums, self._generator.random() * sums[-1], side="right"))
        return list(law)[min(place, len(law) - 1)]

    def visit(self, walk: Callable[..., T], *arguments: Hashable) -> T:
        """Return ``walk(self, *arguments)``."""
        return walk(self, *arguments)


class Enumeration:
    """All choices: the exact law of what a walk returns.

    A walk is run once for each of its branches, by replay. What it visits is enumerated once for all
    branches that visit the same, which is what makes trees of depth 3 a matter of milliseconds.

    Examples
    --------
    >>> from fractions import Fraction
    >>> def tails_before_heads(source, most):
    ...     heads = source.draw({True: Fraction(1, 2), False: Fraction(1, 2)})
    ...     return 0 if heads or not most else 1 + source.visit(tails_before_heads, most - 1)
    >>> {k: str(v) for k, v in Enumeration().law(tails_before_heads, 2).items()}
    {0: '1/2', 1: '1/4', 2: '1/4'}
    """

    def __init__(self) -> None:
        self._known: dict[Any, dict[Any, Number]] = {}
        self._branches = 0

    def law(self, walk: Callable[..., T], *arguments: Hashable) -> dict[T, Number]:
        """Return the law of ``walk(source, *arguments)``: value → chance, in the walk's own numbers.

        Raises
        ------
        SizeError
            After :data:`MOST_BRANCHES` branches.
        """
        key = (walk, arguments)
        if key not in self._known:
            found: dict[T, Number] = {}
            branch: _Branch | None = _Branch(self, [])
            while branch is not None:
                self._count()
                value = walk(branch, *arguments)
                found[value] = found.get(value, 0) + branch.weight
                branch = branch.next()
            self._known[key] = found
        return self._known[key]

    def _count(self) -> None:
        self._branches += 1
        if self._branches > MOST_BRANCHES:
            raise SizeError(
                f"the walk has over {MOST_BRANCHES:,} branches; take a smaller vocabulary or tree"
            )


class _Branch:
    """One run of a walk: the choices that are prescribed, then the first of each."""

    def __init__(self, enumeration: Enumeration, script: list[int]) -> None:
        self._enumeration = enumeration
        self._script = script
        self._taken: list[tuple[int, int]] = []
        self.weight: Number = 1

    def draw(self, law: Mapping[T, Number]) -> T:
        options = [(value, chance) for value, chance in law.items() if chance]
        place = len(self._taken)
        turn = self._script[place] if place < len(self._script) else 0
        self._taken.append((turn, len(options)))
        value, chance = options[turn]
        self.weight *= chance
        return value

    def visit(self, walk: Callable[..., T], *arguments: Hashable) -> T:
        return self.draw(self._enumeration.law(walk, *arguments))

    def next(self) -> _Branch | None:
        """Return the branch after this one, the last choice turning first."""
        taken = list(self._taken)
        while taken:
            turn, options = taken.pop()
            if turn + 1 < options:
                return _Branch(self._enumeration, [t for t, _ in taken] + [turn + 1])
        return None
