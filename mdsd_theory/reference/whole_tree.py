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
from mdsd_theory.reference.exact_vertex import solve_exactly

MOST_COLUMNS = 2000
"""Most orders that are tried."""

TOLERANCE = 1e-8
"""Largest width of the certified enclosure."""

MASS_UNIT = 2.0**-20
"""Masses are passed in this unit: the solver's tolerance is absolute, and a path can be rare."""

ATTEMPTS: tuple[tuple[Any, dict[str, Any]], ...] = (
    ("highs-ds", {"dual_feasibility_tolerance": 1e-10}),
    ("highs-ds", {"dual_feasibility_tolerance": 1e-9, "presolve": False}),
    ("highs-ipm", {"dual_feasibility_tolerance": 1e-9}),
)
"""Solvers and options, tried in turn where HiGHS gives up."""

GAIN = 1e-10
"""Distance of the two bounds, in floats, at which no further order is added."""

IDLE, NEAR = 20, 1e-7
"""Orders without gain, and a distance, at which the solver's floats are as good as they get."""

ZERO = 1e-13
"""What the solver's floats say is zero."""

TIGHT = (1e-13, 1e-11, 1e-9)
"""Slacks up to which a constraint is taken to hold with equality, tried in turn."""


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
    >>> found = solve_whole_tree(DraftedTree([[1], []], lambda node, u: drafts, lambda u: half))
    >>> found.lower, found.upper  # one draft: 1 + Σ min(p, q)
    (Fraction(7, 4), Fraction(7, 4))
    """
    paths = drafted.paths[1:]
    orders = [sorted(paths, key=lambda u: (-len(u), u))]
    columns = [_column(drafted, orders[0])]
    program = _Program(drafted)
    least, prices = float("inf"), dict.fromkeys(paths, 0.0)
    narrowest, idle = float("inf"), 0
    while len(orders) <= MOST_COLUMNS:
        reach, weights, found = program.solve(columns)
        order = sorted((u for u in paths if found[u] > 0), key=lambda u: -found[u])
        column = _column(drafted, order)
        bound = program.bound(found, sum(found[u] * x for u, x in column.items()))
        if bound < least:
            least, prices = bound, found
        width = least - 1 - sum(reach.values())
        narrowest, idle = (width, 0) if width < 0.9 * narrowest else (narrowest, idle + 1)
        if width <= GAIN or order in orders or (idle >= IDLE and width < NEAR):
            return _certified(drafted, reach, orders, weights, prices)
        orders.append(order)
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
        self.chances = [float(drafted.target(u[:-1])[u[-1]]) for u in self.paths]
        self.last = np.eye(size)  # σ(u) = R(u) − Σ R(uy)
        for k, u in enumerate(self.paths):
            chance = self.chances[k]
            self.within[k, k] = 1.0
            if len(u) == 1:
                self.limits[k] = chance
            else:
                self.within[k, place[u[:-1]]] = -chance
                self.last[place[u[:-1]], k] = -1.0

    def solve(
        self, columns: list[dict[Tokens, float]]
    ) -> tuple[dict[Tokens, float], list[float], dict[Tokens, float]]:
        """Return R, λ, and the prices of σ ≤ Σ λ v."""
        from scipy.optimize import linprog

        size, count = len(self.paths), len(columns)
        mixed = np.array([[-column.get(u, 0.0) for column in columns] for u in self.paths])
        rows = np.block([[self.within, np.zeros((size, count))], [self.last, mixed.reshape(size, count)]])
        found: Any = None
        for method, options in ATTEMPTS:
            found = linprog(  # type: ignore[call-overload]
                np.concatenate([-np.ones(size), np.zeros(count)]),
                A_ub=rows,
                b_ub=np.concatenate([self.limits / MASS_UNIT, np.zeros(size)]),
                A_eq=np.concatenate([np.zeros(size), np.ones(count)])[None],
                b_eq=[1.0 / MASS_UNIT],
                method=method,
                options={"primal_feasibility_tolerance": 1e-9, **options},
            )
            if found.status == 0:
                break
        else:
            raise CertificationError(f"HiGHS reports {found.message!r}; expected an optimum")
        prices = np.maximum(-found.ineqlin.marginals[size:], 0.0)
        return (
            dict(zip(self.paths, (found.x[:size] * MASS_UNIT).tolist(), strict=True)),
            (found.x[size:] * MASS_UNIT).tolist(),
            dict(zip(self.paths, prices.tolist(), strict=True)),
        )

    def bound(self, prices: dict[Tokens, float], paid: float) -> float:
        """Return :func:`upper_bound` in floats, ``paid`` being E max g."""
        gain = dict.fromkeys([(), *self.paths], 0.0)
        for k, u in reversed(list(enumerate(self.paths))):
            most = max(0.0, 1 - prices[u] + prices.get(u[:-1], 0.0) + gain[u])
            gain[u[:-1]] += self.chances[k] * most
        return paid + 1 + gain[()]


def _certified(
    drafted: DraftedTree,
    reach: dict[Tokens, float],
    orders: list[list[Tokens]],
    weights: list[float],
    prices: dict[Tokens, float],
) -> TreeOptimum:
    """Return both witnesses in fractions: exact vertices where they are found, else numbers near them."""
    used = [k for k, w in enumerate(weights) if w > ZERO]
    mixture = [(Fraction(weights[k]), orders[k]) for k in used]
    for tight in TIGHT:
        exact = _exact_mixture(drafted, reach, mixture, tight)
        if exact is not None:
            mixture = exact
            break
    total = sum((w for w, _ in mixture), start=Fraction(0))
    mixture = [(w / total, order) for w, order in mixture]
    lower, feasible = lower_bound(drafted, mixture)
    found = [
        (upper_bound(drafted, g), g) for g in (_simple(prices, digits) for digits in (10**3, 10**12))
    ]
    upper, g = min(found, key=lambda x: x[0])
    if not 0 <= upper - lower <= TOLERANCE:
        raise CertificationError(
            f"the bounds are {float(lower)} and {float(upper)}; expected them to meet"
        )
    return TreeOptimum(lower, upper, feasible, mixture, g, len(orders))


def _exact_mixture(
    drafted: DraftedTree,
    reach: dict[Tokens, float],
    mixture: list[tuple[Fraction, list[Tokens]]],
    tight: float,
) -> list[tuple[Fraction, list[Tokens]]] | None:
    """Return λ as the solution of the constraints that hold with equality; None if that fails."""
    paths = [u for u in drafted.paths[1:] if reach[u] > ZERO]
    place = {u: k for k, u in enumerate(paths)}
    columns = [drafted.greedy(order) for _, order in mixture]
    weights = [float(w) for w, _ in mixture]
    size, one = len(paths), Fraction(1)
    equations = [({size + k: one for k in range(len(columns))}, one)]
    for u in paths:
        chance = drafted.target(u[:-1])[u[-1]]
        above = reach[u[:-1]] if len(u) > 1 else 1.0
        if abs(reach[u] - above * float(chance)) < tight:
            within = {place[u]: one} | ({place[u[:-1]]: -chance} if len(u) > 1 else {})
            equations.append((within, Fraction(0) if len(u) > 1 else chance))
    for u in drafted.paths[1:]:
        offered = {size + k: -column[u] for k, column in enumerate(columns) if column.get(u)}
        last = {place[u]: one} if u in place else {}
        last |= {place[w]: -one for w in paths if w[:-1] == u}
        slack = sum(-float(x) * weights[k - size] for k, x in offered.items()) - sum(
            float(x) * reach[paths[k]] for k, x in last.items()
        )
        if abs(slack) < tight and (offered or last):
            equations.append((last | offered, Fraction(0)))
    found = solve_exactly(equations, size + len(columns))
    if found is None or min(found) < 0:
        return None
    return list(zip(found[size:], (order for _, order in mixture), strict=True))


def _simple(values: dict[Tokens, float], digits: int) -> dict[Tokens, Fraction]:
    return {u: max(Fraction(x).limit_denominator(digits), Fraction(0)) for u, x in values.items()}


def lower_bound(
    drafted: DraftedTree, mixture: list[tuple[Fraction, list[Tokens]]]
) -> tuple[Fraction, dict[Tokens, Fraction]]:
    """Return the largest Σ R of a rule that a mixture of orders can carry out, and its R, exactly.

    The mixture takes u with chance o(u). R is the largest with R(uy) ≤ R(u) p(y|u) and σ(u) ≤ o(u), which
    implies σ(A) ≤ f(A): from the leaves up, with c(u) the largest r ≤ o(u) + Σ_y min(r p(y|u), c(uy)),
    and then from the root down R(uy) = min(R(u) p(y|u), c(uy)).
    """
    offered: dict[Tokens, Fraction] = {}
    for weight, order in mixture:
        for u, chance in drafted.greedy(order).items():
            offered[u] = offered.get(u, Fraction(0)) + weight * chance
    below: dict[Tokens, list[tuple[Fraction, Fraction]]] = {}
    most: dict[Tokens, Fraction] = {}
    for u in sorted(drafted.paths[1:], key=len, reverse=True):
        most[u] = _largest(offered.get(u, Fraction(0)), below.get(u, []))
        chance = drafted.target(u[:-1])[u[-1]]
        if chance:
            below.setdefault(u[:-1], []).append((chance, most[u]))
    reach: dict[Tokens, Fraction] = {(): Fraction(1)}
    for u in drafted.paths[1:]:
        reach[u] = min(reach[u[:-1]] * drafted.target(u[:-1])[u[-1]], most[u])
    return sum(reach.values(), start=Fraction(0)), reach


def _largest(offered: Fraction, below: list[tuple[Fraction, Fraction]]) -> Fraction:
    """Return the largest r ≤ 1 with r ≤ offered + Σ min(r p, c) over pairs (p, c)."""
    rest, fixed = sum((p for p, _ in below), start=Fraction(0)), offered
    for p, c in sorted(below, key=lambda pair: pair[1] / pair[0]):
        if rest < 1 and fixed / (1 - rest) <= c / p:
            break
        rest, fixed = rest - p, fixed + c
    return min(Fraction(1), fixed / (1 - rest))


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
