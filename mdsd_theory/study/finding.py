"""A claim, the numbers that bear on it, and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mdsd_theory.study.clusters import Estimate

Verdict = Literal["confirmed", "refuted", "mixed", "not enough data"]
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
    """

    pair: str
    temperature: float
    n: int
    what: str
    estimate: Estimate
    slack: float = 0.0
    decides: bool = True
    sign: Sign = "open"


@dataclass(frozen=True)
class Finding:
    """What the rows say of a claim.

    Attributes
    ----------
    key, claim : str
        A short name; the claim in words.
    verdict : str
        ``confirmed`` where every decided condition is for it, ``refuted`` where every one is against it,
        ``mixed``, or ``not enough data`` where none is decided.
    numbers : tuple of Number
    note : str
        How the numbers are computed, or more that was seen.
    """

    key: str
    claim: str
    verdict: Verdict
    numbers: tuple[Number, ...]
    note: str = ""

    @property
    def fails(self) -> tuple[Number, ...]:
        """The conditions that speak against the claim."""
        return tuple(x for x in self.numbers if x.decides and x.sign == "no")

    @property
    def undecided(self) -> tuple[Number, ...]:
        """The conditions whose interval holds both answers."""
        return tuple(x for x in self.numbers if x.decides and x.sign == "open")


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


def verdict_of(numbers: Sequence[Number]) -> Verdict:
    """Return what the deciding numbers say together."""
    signs = {x.sign for x in numbers if x.decides} - {"open"}
    if not signs:
        return "not enough data"
    if len(signs) > 1:
        return "mixed"
    return "confirmed" if signs == {"yes"} else "refuted"
