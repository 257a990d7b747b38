"""A claim, the numbers that bear on it, and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mdsd_theory.study.clusters import Estimate

Sign = Literal["yes", "no", "open"]

LEVEL = 0.95
"""Chance that all intervals of a finding hold at once, by Bonferroni's inequality."""

TOLERANCE = 1e-6
"""Differences of rates up to this count as none: rounding of the capture."""


@dataclass(frozen=True)
class Number:
    """An estimate under one condition.

    Attributes
    ----------
    pair : str
    temperature : float
    n : int
    what : str
        What was measured.
    estimate : Estimate
        Where it decides, a mean above zero is for the claim.
    slack : float
        Bound on the error of the mean other than from sampling.
    decides : bool
        False for what is told only for comparison.
    sign : str
        Whether it speaks for the claim: ``yes``, ``no`` or ``open``.
    part : bool
        Whether a rate in it is known at a sample of the positions; the estimate counts these.
    digits : int
        Decimals that are shown.
    """

    pair: str
    temperature: float
    n: int
    what: str
    estimate: Estimate
    slack: float = 0.0
    decides: bool = True
    sign: Sign = "open"
    part: bool = False
    digits: int = 5

    @property
    def condition(self) -> tuple[str, float, int]:
        """Pair, temperature and n."""
        return self.pair, self.temperature, self.n


@dataclass(frozen=True)
class Finding:
    """What the rows say of a claim.

    Attributes
    ----------
    key, claim : str
        A short name; the claim in words.
    numbers : tuple of Number
    note : str
        How the numbers are computed, or more that was seen.
    everywhere : bool
        Whether it claims something of every condition; otherwise that something happens at one at least.
    """

    key: str
    claim: str
    numbers: tuple[Number, ...]
    note: str = ""
    everywhere: bool = True

    @property
    def signs(self) -> tuple[Sign, ...]:
        """The sign of each condition: of pair, temperature and n."""
        return condition_signs(self.numbers, self.everywhere)

    @property
    def verdict(self) -> str:
        """What the conditions say together, see :func:`verdict_of`."""
        return verdict_of(self.signs, self.everywhere)

    @property
    def fails(self) -> tuple[Number, ...]:
        """The numbers that speak against the claim."""
        return tuple(x for x in self.numbers if x.decides and x.sign == "no")


def signed(numbers: Iterable[Number]) -> tuple[Number, ...]:
    """Return the numbers with their signs, by intervals that all hold with the chance :data:`LEVEL`.

    ``yes`` is an interval above :data:`TOLERANCE`, ``no`` one that does not pass it, each widened by the
    slack.
    """
    found = tuple(numbers)
    level = level_of(found)
    return tuple(replace(x, sign=_sign(x, level)) if x.decides else x for x in found)


def level_of(numbers: Sequence[Number]) -> float:
    """Return the level of each of the intervals that decide."""
    return 1 - (1 - LEVEL) / max(1, sum(x.decides for x in numbers))


def _sign(number: Number, level: float) -> Sign:
    low, high = number.estimate.interval(level)
    if low > TOLERANCE + number.slack:
        return "yes"
    return "no" if high + number.slack <= TOLERANCE else "open"


def condition_signs(numbers: Iterable[Number], everywhere: bool = True) -> tuple[Sign, ...]:
    """Return the sign of each condition, in the order in which they appear.

    Of the deciding numbers of a condition all have to be for a claim about everything, and one for a
    claim that something happens.
    """
    found: dict[tuple[str, float, int], list[Sign]] = {}
    for x in numbers:
        if x.decides:
            found.setdefault(x.condition, []).append(x.sign)
    one: Sign = "no" if everywhere else "yes"
    every: Sign = "yes" if everywhere else "no"
    return tuple(_together(signs, one, every) for signs in found.values())


def _together(signs: Sequence[Sign], one: Sign, every: Sign) -> Sign:
    """Return a sign that one of them has, or another that all have."""
    if one in signs:
        return one
    return every if all(x == every for x in signs) else "open"


def verdict_of(signs: Sequence[Sign], everywhere: bool = True) -> str:
    """Return the verdict of a claim from the signs of its conditions.

    One ``no`` refutes a claim of every condition, and one ``yes`` confirms that something happens. The
    other way all conditions have to agree; where k of m do and the others are open, it is ``confirmed
    where decided (k of m)`` or ``refuted where decided (k of m)``.

    Examples
    --------
    >>> verdict_of(["yes", "open"]), verdict_of(["yes", "no"]), verdict_of(["open"])
    ('confirmed where decided (1 of 2)', 'refuted', 'not enough data')
    """
    one: Sign = "no" if everywhere else "yes"
    words = {"yes": "confirmed", "no": "refuted"}
    if one in signs:
        return words[one]
    decided = len(signs) - signs.count("open")
    if not decided:
        return "not enough data"
    word = words["yes" if everywhere else "no"]
    return word if decided == len(signs) else f"{word} where decided ({decided} of {len(signs)})"
