"""How hard a check tries."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")


class Level(StrEnum):
    """How many instances a check tries: seconds, minutes, or as long as one likes.

    Examples
    --------
    >>> Level("standard").pick(10, 100, 1000)
    100
    """

    QUICK = "quick"
    STANDARD = "standard"
    THOROUGH = "thorough"

    def pick(self, quick: T, standard: T, thorough: T) -> T:
        """Return the one of three settings that belongs to this level."""
        return {Level.QUICK: quick, Level.STANDARD: standard, Level.THOROUGH: thorough}[self]
