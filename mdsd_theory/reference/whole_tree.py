r"""The best lossless verification of a whole tree of drafts, as a linear program.

A rule sees all drafts T at once and emits a path u in T and one token y more. Let R(u) be the chance
that it emits more than u, beginning with u, and σ(u) = R(u) − Σ_y R(uy) that u is the last draft.
Continued by the target, the output has the target's law iff e(uy) = R(u) p(y|u) − R(uy), the chance that
it emits exactly uy, is nowhere negative; and some rule has these σ iff, for all sets A of paths, σ(A) is
at most the chance f(A) that T meets A. So the largest expected number of tokens, Σ_u R(u), is

.. math:: \max \sum_u R(u) \quad \text{s.t.} \quad R() = 1, \quad 0 \le R(uy) \le R(u)\, p(y|u), \quad
          \sigma(A) \le f(A) .

f is a coverage function, so that the laws σ are mixtures of "the first path of an order that T holds":
columns that are generated, the best one for given prices by sorting. Both sides end in fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from mdsd_theory.errors import CertificationError
from mdsd_theory.reference.drafted_tree import DraftedTree, Tokens

MOST_COLUMNS = 2000
"""Most orders that are tried."""

TOLERANCE = 1e-9
"""Largest width of the certified enclosure."""


@dataclass(frozen=True, eq=False)
class TreeOptimum:
    """The most tokens that a lossless rule emits in one step, in the mean, enclosed in fractions.

    Attributes
    ----------
    lower, upper : Fraction
        Proven by the two witnesses.
    reach : dict of tuple to Fraction
        R(u) of a rule that emits ``lower`` tokens.
    orders : list of (Fraction, list of tuple)
        Chance and order of paths: the rule takes the first path of a random order that T holds.
    prices : dict of tuple to Fraction
        g(u), the multipliers of the upper bound.
    columns : int
        Orders that were tried.
    """

    lower: Fraction
    upper: Fraction
    reach: dict[Tokens, Fraction]
    orders: list[tuple[Fraction, list[Tokens]]]
    prices: dict[Tokens, Fraction]
    columns: int

    @property
    def value(self) -> float:
        """The middle of the enclosure."""
        return float((self.lower + self.upper) / 2)


def solve_whole_tree(drafted: DraftedTree) -> TreeOptimum:
    """Return the largest expected number of tokens that a lossless rule emits from a drafted tree.

    Parameters
    ----------
    drafted : DraftedTree

    Returns
    -------
    TreeOptimum
        With ``upper - lower`` at most :data:`TOLERANCE`.

    Raises
    ------
    SizeError
        For trees of more than :data:`~mdsd_theory.reference.drafted_tree.MOST_PATHS` paths.
    CertificationError
        When the solver fails or the two bounds do not meet.

    Notes
    -----
    One linear program of twice as many rows as paths for each order that is tried: seconds at V = 3,
    two drafts a node, depth 3 (40 paths). New here; for a chain it is the bound that block verification
    reaches (Sun et al. 2024, arXiv 2403.10444).

    Examples
    --------
    >>> half = (Fraction(1, 2), Fraction(1, 2))
    >>> drafts = {(0,): Fraction(3, 4), (1,): Fraction(1, 4)}
    >>> found = solve_whole_tree(DraftedTree([[1], []], lambda u, n: drafts, lambda u: half))
    >>> found.lower, found.upper  # one draft: 1 + Σ min(p, q)
    (Fraction(7, 4), Fraction(7, 4))
    """
    paths = drafted.paths[1:]
    orders = [sorted(paths, key=lambda u: (-len(u), u))]
    columns = [_column(drafted, orders[0])]
    program = _Program(drafted)
    while len(orders) <= MOST_COLUMNS:
        reach, weights, prices, paid = program.solve(columns)
        best = sorted((u for u in paths if prices[u] > 0), key=lambda u: -prices[u])
        column = _column(drafted, best)
        if sum(prices[u] * x for u, x in column.items()) <= paid + TOLERANCE / 100:
            return _certified(drafted, reach, orders, weights, prices)
        orders.append(best)
        columns.append(column)
    raise CertificationError(f"the program is not solved by {MOST_COLUMNS:,} orders of paths")


def _column(drafted: DraftedTree, order: list[Tokens]) -> dict[Tokens, float]:
    return drafted.greedy(order, exact=False)


class _Program:
    """The program over R and the weights λ of the orders, for HiGHS."""

    def __init__(self, drafted: DraftedTree) -> None:
        self.paths = drafted.paths[1:]
        place = {u: k for k, u in enumerate(self.paths)}
        size = len(self.paths)
        self.within = np.zeros((size, size))  # R(uy) − R(u) p(y|u) ≤ 0, or p(y) at the root
        self.limits = np.zeros(size)
        self.last = np.eye(size)  # σ(u) = R(u) − Σ R(uy)
        for k, u in enumerate(self.paths):
            chance = float(drafted.target(u[:-1])[u[-1]])
            self.within[k, k] = 1.0
            if len(u) == 1:
                self.limits[k] = chance
            else:
                self.within[k, place[u[:-1]]] = -chance
                self.last[place[u[:-1]], k] = -1.0

    def solve(
        self, columns: list[dict[Tokens, float]]
    ) -> tuple[dict[Tokens, float], list[float], dict[Tokens, float], float]:
        """Return R, λ, the prices of σ ≤ Σ λ v, and the price of Σ λ = 1."""
        from scipy.optimize import linprog

        size, count = len(self.paths), len(columns)
        mixed = np.array([[-column.get(u, 0.0) for column in columns] for u in self.paths])
        rows = np.block([[self.within, np.zeros((size, count))], [self.last, mixed.reshape(size, count)]])
        found: Any = linprog(
            np.concatenate([-np.ones(size), np.zeros(count)]),
            A_ub=rows,
            b_ub=np.concatenate([self.limits, np.zeros(size)]),
            A_eq=np.concatenate([np.zeros(size), np.ones(count)])[None],
            b_eq=[1.0],
            method="highs-ds",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        if found.status != 0:
            raise CertificationError(f"HiGHS reports {found.message!r}; expected an optimum")
        prices = np.maximum(-found.ineqlin.marginals[size:], 0.0)
        return (
            dict(zip(self.paths, found.x[:size].tolist(), strict=True)),
            found.x[size:].tolist(),
            dict(zip(self.paths, prices.tolist(), strict=True)),
            float(-found.eqlin.marginals[0]),
        )


def _certified(
    drafted: DraftedTree,
    reach: dict[Tokens, float],
    orders: list[list[Tokens]],
    weights: list[float],
    prices: dict[Tokens, float],
) -> TreeOptimum:
    """Return both witnesses in fractions, the simplest that meet."""
    used = [(w, order) for w, order in zip(weights, orders, strict=True) if w > 1e-12]
    best: TreeOptimum | None = None
    for digits in (10**3, 10**6, 10**12):
        mixture = [(Fraction(w).limit_denominator(digits), order) for w, order in used]
        total = sum(w for w, _ in mixture)
        mixture = [(w / total, order) for w, order in mixture if w]
        lower, feasible = lower_bound(drafted, _simple(reach, digits), mixture)
        g = _simple(prices, digits)
        upper = upper_bound(drafted, g)
        found = TreeOptimum(lower, upper, feasible, mixture, g, len(orders))
        if best is None or upper - lower < best.upper - best.lower:
            best = found
        if best.upper == best.lower:
            break
    assert best is not None
    if best.upper - best.lower > TOLERANCE:
        raise CertificationError(
            f"the bounds are {float(best.lower)} and {float(best.upper)}; expected them to meet"
        )
    return best


def _simple(values: dict[Tokens, float], digits: int) -> dict[Tokens, Fraction]:
    return {u: max(Fraction(x).limit_denominator(digits), Fraction(0)) for u, x in values.items()}


def lower_bound(
    drafted: DraftedTree, reach: dict[Tokens, Fraction], mixture: list[tuple[Fraction, list[Tokens]]]
) -> tuple[Fraction, dict[Tokens, Fraction]]:
    """Return Σ R of a rule that a mixture of orders can carry out, and its R: the given one, cut to fit.

    R is cut from the root down to R(uy) ≤ R(u) p(y|u), and then scaled by one number off the root such
    that σ(u) is at most the mixture's chance to take u: then σ(A) ≤ f(A) for all A.
    """
    fit: dict[Tokens, Fraction] = {(): Fraction(1)}
    for u in drafted.paths[1:]:
        fit[u] = min(reach[u], fit[u[:-1]] * drafted.target(u[:-1])[u[-1]])
    offered: dict[Tokens, Fraction] = {}
    for weight, order in mixture:
        for u, chance in drafted.greedy(order).items():
            offered[u] = offered.get(u, Fraction(0)) + weight * chance
    asked = last_draft(fit)
    scale = min(
        (min(Fraction(1), offered.get(u, Fraction(0)) / x) for u, x in asked.items() if u and x > 0),
        default=Fraction(1),
    )
    cut = {u: x if not u else x * scale for u, x in fit.items()}
    return sum(cut.values(), start=Fraction(0)), cut


def last_draft(reach: dict[Tokens, Fraction]) -> dict[Tokens, Fraction]:
    """Return σ(u) = R(u) − Σ_y R(uy), the chance that u is the last draft."""
    found = dict(reach)
    for u, x in reach.items():
        if u:
            found[u[:-1]] -= x
    return found


def upper_bound(drafted: DraftedTree, prices: dict[Tokens, Fraction]) -> Fraction:
    r"""Return what no lossless rule exceeds, from any prices g(u) ≥ 0, g() = 0.

    .. math:: E \max_{u \in T} g(u) + 1 + \sum_y p(y) M(y), \qquad
              M(uy) = \Bigl(1 - g(uy) + g(u) + \sum_{z} p(z|uy) M(uyz)\Bigr)_+

    because Σ R(u) ≤ Σ R(u) + E max g − Σ σ(u) g(u), and R(uy) ≤ R(u) p(y|u).
    """
    g = {(): Fraction(0), **prices}
    order = sorted((u for u in drafted.paths[1:] if g[u] > 0), key=lambda u: -g[u])
    taken = drafted.greedy(order)
    total = sum((g[u] * chance for u, chance in taken.items()), start=Fraction(1))
    gain = dict.fromkeys(drafted.paths, Fraction(0))
    for u in sorted(drafted.paths[1:], key=len, reverse=True):
        most = max(Fraction(0), 1 - g[u] + g[u[:-1]] + gain[u])
        gain[u[:-1]] += drafted.target(u[:-1])[u[-1]] * most
    return total + gain[()]
