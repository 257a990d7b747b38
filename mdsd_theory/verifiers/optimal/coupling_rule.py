"""The optimal rule of any scheme whose sets of drafts can be listed: the transport program's coupling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from mdsd_theory.arrays import Array, host
from mdsd_theory.distributions import Pair
from mdsd_theory.errors import InputError
from mdsd_theory.schemes.base import Number, Scheme
from mdsd_theory.verifiers.base import RowRate, Verifier
from mdsd_theory.verifiers.plan import Plan
from mdsd_theory.verifiers.recursive_law import drop_zeros, normalised
from mdsd_theory.verifiers.single_draft import SingleDraft


class OptimalCoupling(Verifier):
    r"""Emit i ∈ S with probability c(S, i)/w(S), else Y ∝ p − Σ_S c(S, ·).

    c is an optimal solution of the transport program, so that

    .. math:: P(Y \in S) = \sum_{S, i} c(S, i) = \alpha^* .

    Serves every scheme, your own included, as long as its sets of drafts can be listed.

    Notes
    -----
    Cost of one linear program, or of one maximum flow in fractions: milliseconds for a few hundred sets.

    Examples
    --------
    >>> rule = OptimalCoupling()
    >>> round(rule.acceptance_rate([0.5, 0.5], {(0, 1): 0.5, (0, 0): 0.5}, 2).value, 12)
    1.0
    """

    name: ClassVar[str] = "optimal"
    schemes: ClassVar[tuple[str, ...] | None] = None
    default_scheme: ClassVar[str] = "joint"
    summary: ClassVar[str] = "the coupling that solves the transport program"
    source: ClassVar[str] = "Hu et al. 2025, arXiv 2502.18779"

    def _law(
        self, p: Sequence[Number], q: Any, drafts: tuple[int, ...], scheme: Scheme
    ) -> dict[int, Number]:
        """Return the law of Y given the drafts."""
        rule = coupling(p, q, len(drafts), scheme)
        chances = rule.chances(frozenset(drafts))
        law = dict(chances)
        missing = 1 - sum(chances.values())
        if missing > 0:
            for token, share in enumerate(normalised(rule.residual)):
                law[token] = law.get(token, 0) + missing * share
        return drop_zeros(law)

    def _plan(self, pair: Pair, n: int, scheme: Scheme) -> CouplingPlan:
        rows = [coupling(*pair.row(r), n, scheme) for r in range(pair.p.shape[0])]
        return CouplingPlan(pair, n, rows)

    def _rate(self, pair: Pair, n: int, scheme: Scheme) -> RowRate:
        rows = [coupling(*pair.row(r), n, scheme) for r in range(pair.p.shape[0])]
        value, bound = (
            pair.backend.array([float(getattr(row, name)) for row in rows]) for name in ("optimum", "gap")
        )
        return RowRate(value, value, "coupling", error_bound=bound)


@dataclass(frozen=True)
class Coupling:
    """c(S, i) of one target and set law.

    Attributes
    ----------
    law : dict of frozenset to number
        w(S).
    by_set : dict of frozenset to dict of int to number
        The positive c(S, i).
    residual : list of numbers, length V
        p − Σ_S c(S, ·).
    optimum : number
        α*, from the minimising subset.
    gap : number
        α* − Σ c(S, i): rounding, zero in fractions.
    """

    law: Mapping[frozenset[int], Number]
    by_set: Mapping[frozenset[int], Mapping[int, Number]]
    residual: list[Number]
    optimum: Number
    gap: Number

    def chances(self, drafts: frozenset[int]) -> dict[int, Number]:
        """Return c(S, ·)/w(S).

        Raises
        ------
        InputError
            For a set that the scheme never draws.
        """
        if drafts not in self.law:
            raise InputError(f"the scheme never draws the drafts {sorted(drafts)}: probability zero")
        weight = self.law[drafts]
        return {token: mass / weight for token, mass in self.by_set.get(drafts, {}).items()}


def coupling(p: Sequence[Number], q: Any, n: int, scheme: Scheme) -> Coupling:
    """Return an optimal coupling: by linear programming in floats, by maximum flow in fractions.

    Raises
    ------
    SizeError
        When the sets of drafts are too many to list.
    """
    # A fraction equals its float as a key: the flag keeps their answers apart.
    exact = all(isinstance(x, Fraction | int) for x in (*p, *_numbers(q)))
    return _solve(tuple(p), _Frozen(q), n, scheme, exact)


def _numbers(q: Any) -> list[Number]:
    """Return the numbers of a draft: a mapping's weights, a distribution, or n of them."""
    items = q.values() if isinstance(q, Mapping) else q
    return [x for item in items for x in (item if isinstance(item, Sequence) else [item])]


@lru_cache(maxsize=64)
def _solve(p: tuple[Number, ...], q: _Frozen, n: int, scheme: Scheme, exact: bool) -> Coupling:
    from mdsd_theory.reference import solve_transport

    law = scheme.set_law(q.value, n)
    solution = solve_transport(p, law, "rational" if exact else "highs")
    by_set: dict[frozenset[int], dict[int, Number]] = {}
    residual: list[Number] = list(p)
    for (drafts, token), mass in (solution.coupling or {}).items():
        by_set.setdefault(drafts, {})[token] = mass
        residual[token] -= mass
    return Coupling(law, by_set, [max(x, 0) for x in residual], solution.value, solution.gap)


class _Frozen:
    """A draft as a key of the cache."""

    def __init__(self, q: Any) -> None:
        self.value = q
        if isinstance(q, Mapping):
            self.key: Any = frozenset(q.items())
        else:
            self.key = tuple(tuple(x) if isinstance(x, Sequence) else x for x in q)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Frozen) and self.key == other.key


@dataclass(frozen=True, eq=False, repr=False)
class CouplingPlan(Plan):
    """The couplings of each row.

    Attributes
    ----------
    rows : list of Coupling
    """

    rows: list[Coupling]

    @property
    def acceptance(self) -> Any:
        """Σ c(S, i) of each row."""
        return self.at_least([float(row.optimum - row.gap) for row in self.rows])

    @property
    def gap(self) -> Any:
        """α* − Σ c(S, i) of each row: rounding."""
        return self.at_most([float(row.gap) for row in self.rows])

    def _emit(self, drafts: Array, generator: Any) -> Array:
        xp = self.pair.backend.xp
        u = self.uniforms(generator, drafts.shape[0], 2, drafts.shape[1])
        emitted = [self._emit_row(r, drafts[r, ...], u[r, ...]) for r in range(drafts.shape[0])]
        return xp.stack(emitted, axis=0)

    def _emit_row(self, r: int, drafts: Array, u: Array) -> Array:
        """Return the tokens of one row for drafts (count, n) and uniform numbers (2, count)."""
        backend, xp, row = self.pair.backend, self.pair.backend.xp, self.rows[r]
        ordered = xp.sort(drafts, axis=-1)
        found, inverse = np.unique(host(ordered), axis=0, return_inverse=True)
        sums = backend.array(np.cumsum([_chances_in_place(row, x) for x in found.tolist()], axis=-1))
        mine = sums[backend.integers(inverse.reshape(-1), "inverse"), :]
        slot = xp.sum(xp.astype(mine <= u[0, :][:, None], xp.int64), axis=-1)
        inside = xp.clip(slot, None, self.n - 1)
        pick = xp.take_along_axis(ordered, inside[:, None], axis=-1)[:, 0]
        p = self.pair.p[r, ...]
        left = backend.array([float(x) for x in row.residual])
        # Nothing is left where chances miss one by rounding alone: Y ~ p then.
        residual = xp.cumulative_sum(left if any(row.residual) else p, axis=-1)
        return SingleDraft(backend, p, p, residual).draw(pick, slot < self.n, u[1, :])


def _chances_in_place(row: Coupling, drafts: list[int]) -> list[float]:
    """Return the chance of each draft of a sorted tuple, zero for a repeated one."""
    chances = row.chances(frozenset(drafts))
    return [
        0.0 if k and drafts[k - 1] == token else float(chances.get(token, 0))
        for k, token in enumerate(drafts)
    ]
