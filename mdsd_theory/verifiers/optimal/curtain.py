r"""Which priorities a token draws, so that the largest priority wins with a given law.

Each of n i.i.d. drafts X_j draws a priority in [0, 1] from a kernel K(X_j, ·) whose mixture over q is
uniform; the largest wins. The winner's priority has density n t^{n−1}, so token i wins with probability
q_i E[n t^{n−1} | i], and a law y = q f can be had if and only if f is majorised by n t^{n−1}.

[0, 1] is cut at the running sums Q_0 < Q_1 < … of q in the order of f, and priorities within a *level*
[Q_{k−1}, Q_k] are made exchangeable, which replaces n t^{n−1} there by its mean

.. math:: h_k = \frac{Q_k^n - Q_{k-1}^n}{Q_k - Q_{k-1}} .

f is constant on the same levels, and majorisation is a statement about the sums at the cuts, so that
it holds for h as it does for n t^{n−1}: nothing is lost, and every equation below is linear.
**Fractions stay fractions for every n.** The kernel is the left-curtain coupling of Beiglböck and
Juillet (2016): tokens by f ascending take, from what is left of [0, 1], the one stretch of length q_i
whose mean of h is f_i. New here for verification.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate, pairwise

from mdsd_theory.schemes.base import Number

Interval = tuple[Number, Number]

SLACK = 2.0**-48
"""Relative error of masses in floats; fractions have none."""


@dataclass(frozen=True)
class Curtain:
    """The stretches of [0, 1] that the atoms take.

    Attributes
    ----------
    cuts : list of numbers, length K + 1
        Q_0 = 0 … Q_K: the ends of the levels.
    heights : list of numbers, length K
        h_k, the mean of n t^{n−1} on each level.
    pieces : list of K lists of intervals
        What each atom takes; together they tile [0, Q_K].
    """

    cuts: list[Number]
    heights: list[Number]
    pieces: list[list[Interval]]

    def kernel(self) -> list[list[tuple[int, Number]]]:
        """Return, for each atom, the levels that it can draw and their masses, which sum to its q."""
        return [self._levels(pieces) for pieces in self.pieces]

    def _levels(self, pieces: list[Interval]) -> list[tuple[int, Number]]:
        found: dict[int, Number] = {}
        for start, end in pieces:
            k = _level(self.cuts, start)
            while k < len(self.heights) and self.cuts[k] < end:
                width = min(end, self.cuts[k + 1]) - max(start, self.cuts[k])
                if width > 0:
                    found[k] = found.get(k, 0) + width
                k += 1
        return list(found.items())


def left_curtain(q: list[Number], density: list[Number], n: int) -> Curtain:
    """Return the stretches for atoms of masses q and densities f, f ascending.

    Parameters
    ----------
    q : list of positive numbers, summing to one
    density : list of numbers
        f, ascending, majorised by n t^{n−1} for q.
    n : int
        Number of drafts.

    Returns
    -------
    Curtain

    Notes
    -----
    Cost O(K log² K): each atom solves one monotone, piecewise linear equation; the gaps that earlier
    atoms left lie on a stack, and each is passed once.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> curtain = left_curtain([F(4, 5), F(1, 5)], [F(4, 5), F(9, 5)], 2)
    >>> [[tuple(map(str, piece)) for piece in pieces] for pieces in curtain.pieces]
    [[('0', '4/5')], [('4/5', '1')]]
    """
    cuts = [q[0] * 0, *accumulate(q)]
    heights = [sum(b**j * a ** (n - 1 - j) for j in range(n)) for a, b in pairwise(cuts)]
    if n == 1:
        return Curtain(cuts, heights, [[level] for level in pairwise(cuts)])
    slack = SLACK if isinstance(cuts[-1], float) else 0
    solver = _Filling(cuts, heights, [x**n for x in cuts], [], slack)
    pieces = [solver.take(mass, mass * f) for mass, f in zip(q, density, strict=True)]
    return Curtain(cuts, heights, pieces)


def _level(cuts: list[Number], x: Number) -> int:
    return min(max(bisect_right(cuts, x) - 1, 0), len(cuts) - 2)


@dataclass(frozen=True)
class _Filling:
    """[0, 1] while it is taken: lengths are carried beside positions, so that small ones stay exact.

    ``gaps`` are the stretches taken so far, from left to right; what lies right of the last is free.
    ``slack`` is the relative error of a mass within which two stretches count as equally good, and the
    left one is taken: it leaves no hole.
    """

    cuts: list[Number]
    heights: list[Number]
    sums: list[Number]
    gaps: list[Interval]
    slack: Number

    def right(self, start: Number, length: Number) -> Number:
        """Return the integral of h over the ``length`` to the right of ``start``."""
        a, b = _level(self.cuts, start), _level(self.cuts, start + length)
        if a == b:
            return length * self.heights[a]
        first = (self.cuts[a + 1] - start) * self.heights[a]
        last = (length - (self.cuts[b] - start)) * self.heights[b]
        return first + (self.sums[b] - self.sums[a + 1]) + last

    def left(self, end: Number, length: Number) -> Number:
        """Return the integral of h over the ``length`` to the left of ``end``."""
        a = _level(self.cuts, end - length)
        b = max(a, bisect_left(self.cuts, end) - 1)
        if a == b:
            return length * self.heights[a]
        last = (end - self.cuts[b]) * self.heights[b]
        first = (length - (end - self.cuts[a + 1])) * self.heights[a]
        return first + (self.sums[b] - self.sums[a + 1]) + last

    def take(self, width: Number, mass: Number) -> list[Interval]:
        """Return the stretch of this width and mass, gaps skipped; it joins the gaps."""
        frontier = self.gaps[-1][1] if self.gaps else width * 0
        if not self.gaps or self.right(frontier, width) <= mass * (1 + self.slack):
            return self._take_free(frontier, width, mass)
        return self._take_around(frontier, width, mass)

    def _take_free(self, frontier: Number, width: Number, mass: Number) -> list[Interval]:
        """Take one interval right of all gaps; it starts in the level before the cut found."""
        cuts = self.cuts
        low, high = _level(cuts, frontier) + 1, len(cuts) - 1
        while low < high:
            middle = (low + high) // 2
            if cuts[middle] + width > cuts[-1] or self.right(cuts[middle], width) >= mass * (
                1 - self.slack
            ):
                high = middle
            else:
                low = middle + 1
        cut = cuts[low]
        x = self._split(cut, cut, min(width, cut - max(cuts[low - 1], frontier)), width, mass)
        self.gaps.append((cut - x, cut + (width - x)))
        return [self.gaps[-1]]

    def _take_around(self, frontier: Number, width: Number, mass: Number) -> list[Interval]:
        """Take a stretch around the last gaps: whole free stretches between them, then a part."""
        pieces: list[Interval] = []
        while True:
            edge, _ = self.gaps.pop()
            floor = self.gaps[-1][1] if self.gaps else width * 0
            room = min(edge - floor, width)
            inside = self.left(edge, room)
            if not self.gaps or inside + self.right(frontier, width - room) <= mass * (1 + self.slack):
                break
            if room > 0:
                pieces.append((floor, edge))
            width, mass = width - room, mass - inside
        x = self._split(edge, frontier, room, width, mass)
        self.gaps.append((edge - x, frontier + (width - x)))
        pieces += [(edge - x, edge), (frontier, frontier + (width - x))]
        return [(a, b) for a, b in pieces if b > a]

    def _split(self, edge: Number, start: Number, most: Number, width: Number, mass: Number) -> Number:
        """Return the length x ≤ ``most`` left of ``edge`` that, with width − x right of ``start``, has
        the mass asked for: a decreasing, piecewise linear function of x, linear between cuts.
        """

        goal = mass * (1 - self.slack)

        def excess(x: Number) -> Number:
            return self.left(edge, x) + self.right(start, width - x) - goal

        low, high = min(most, max(most * 0, start + width - self.cuts[-1])), most
        from_left = [edge - c for c in self._between(edge - most, edge)]
        on_right = self._between(start + (width - most), start + width)
        for lengths in (from_left, [width - (c - start) for c in on_right]):
            first, last = 0, len(lengths)
            while first < last:
                middle = (first + last) // 2
                x = lengths[middle]
                if not low < x < high:
                    first, last = (middle + 1, last) if x >= high else (first, middle)
                elif excess(x) >= 0:
                    low, last = x, middle
                else:
                    high, first = x, middle + 1
        above, below = excess(low), excess(high)
        if below >= 0:
            return high
        if above <= 0:
            return low
        return low + (high - low) * (above / (above - below))

    def _between(self, low: Number, high: Number) -> list[Number]:
        return self.cuts[bisect_right(self.cuts, low) : bisect_left(self.cuts, high)]
