"""What a rigorous enclosure is, and what it says is proved."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from mdsd_theory.errors import CertificationError
from mdsd_theory.rigorous.balls import float_above, float_below

PROVED_BY = {
    "closed_form": "the closed form, page 8, in integers: nothing is rounded",
    "power_prefix": "the prefix property, page 6: every prefix of the exact order of p/q, in "
    "integers and balls",
    "second_draft": "the prefix property, page 6, and Q in closed form at n = 2: every prefix, "
    "in integers",
    "race_chords": "the race formula with its quadrature error, page 7, in balls; between the prefixes "
    "evaluated, Q lies below its chords by q-convexity, page 6",
    "all_subsets": "subset selection, page 4: every H, in integers",
    "weighted_mean": "the inequality of means, whose bound has a prefix as its minimiser, page 6; it "
    "does not meet α* in general",
}
"""Why each route is a proof, with the page of ``proofs/`` that has the theorem."""


@dataclass(frozen=True, eq=False)
class Enclosure:
    """A proof that α* of one instance lies in an interval.

    Attributes
    ----------
    lower, upper : float
        α* is between them; rounded outwards.
    bounds : tuple of two Fractions
        The same before they were rounded to floats; equal where α* is known exactly.
    subset : array of bool, shape (V,)
        H, whose P(H) + 1 − Q(H) does not exceed ``upper``.
    scheme : str
        Name of the draft scheme.
    n : int
        Number of drafts.
    route : str
        How it was proved: a key of :data:`PROVED_BY`.

    Examples
    --------
    >>> half = Fraction(1, 2)
    >>> print(Enclosure.of(half, half, np.array([True, False]), "top_k", 1, "closed_form"))
    α* is 0.5 exactly, proved for top_k with V = 2 and n = 1
      at most:  P(H) + 1 − Q(H) is no larger for a set H of 1 token
      at least: by subset selection, page 4, if no H gives less, and none does
      proof:    the closed form, page 8, in integers: nothing is rounded
    """

    lower: float
    upper: float
    bounds: tuple[Fraction, Fraction] = field(repr=False)
    subset: np.ndarray[Any, np.dtype[np.bool_]] = field(repr=False)
    scheme: str
    n: int
    route: str

    @classmethod
    def of(
        cls,
        lower: Fraction,
        upper: Fraction,
        subset: np.ndarray[Any, np.dtype[np.bool_]],
        scheme: str,
        n: int,
        route: str,
    ) -> Enclosure:
        """Return the enclosure, cut to the probabilities.

        Raises
        ------
        CertificationError
            When the lower bound exceeds the upper one: a fault of the program, for no instance is so.
        """
        if lower > upper:
            raise CertificationError(
                f"route {route!r} found {float(lower)!r} <= α* <= {float(upper)!r} for {scheme}, "
                f"n = {n}, V = {subset.size} (a fault of the program); please report the instance"
            )
        bounds = max(lower, Fraction(0)), min(upper, Fraction(1))
        low, high = float_below(bounds[0]), float_above(bounds[1])
        return cls(low, high, bounds, subset, scheme, n, route)

    @property
    def width(self) -> float:
        """``upper − lower`` of ``bounds``, rounded up: zero where α* is known exactly."""
        return float_above(self.bounds[1] - self.bounds[0])

    @property
    def exact(self) -> bool:
        """Whether α* is known exactly, as the fraction ``bounds[0]``."""
        return self.bounds[0] == self.bounds[1]

    def __contains__(self, value: Any) -> bool:
        """Tell whether a number lies between the exact bounds."""
        return bool(self.bounds[0] <= value <= self.bounds[1])

    def __str__(self) -> str:
        size = int(self.subset.sum())
        return (
            f"α* is {self._shown()}, proved for {self.scheme} with V = {self.subset.size:,} and "
            f"n = {self.n}\n"
            f"  at most:  P(H) + 1 − Q(H) is no larger for a set H of {size:,} token{'s' * (size != 1)}\n"
            "  at least: by subset selection, page 4, if no H gives less, and none does\n"
            f"  proof:    {PROVED_BY[self.route]}"
        )

    def _shown(self) -> str:
        if self.exact:
            return f"{self.lower!r} exactly" if self.lower == self.upper else self._rounded()
        return f"in [{self.lower!r}, {self.upper!r}] (width {self.width:.1e})"

    def _rounded(self) -> str:
        return f"a fraction between {self.lower!r} and the next float (exact in .bounds)"


__all__ = ["PROVED_BY", "Enclosure"]
