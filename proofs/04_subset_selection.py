"""Check of page 4: α* is the least P(H) + 1 − Q(H)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from mdsd_theory import certify, optimal_acceptance
from mdsd_theory.proving import (
    Evidence,
    Finding,
    Kind,
    Level,
    Pair,
    Position,
    Sample,
    at_schemes,
    differs,
    equal,
    fails,
    grid,
    holds,
    impossible,
    positions,
    random_drafters,
    random_pairs,
    simplex,
    total,
)
from mdsd_theory.proving.optima import solved, subsets
from mdsd_theory.proving.symbolic import z3

Tokens = frozenset[int]
Coupling = Mapping[tuple[Tokens, int], Any]
ZERO, ONE = Fraction(0), Fraction(1)
SINGLE = ("with_replacement", "without_replacement", "greedy", "top_k")


# --- the theorem's formulas -----------------------------------------------------------------------


def cut(x: Position, chosen: Tokens) -> Any:
    """P(H) + 1 − Q(H), with Q(H) = P(S ⊆ H)."""
    return total(x.p[i] for i in chosen) + 1 - total(w for s, w in x.law.items() if s <= chosen)


def complementary_cut(x: Position, aim: Tokens) -> Any:
    """P(Σ∖A) + P(S meets A)."""
    outside = total(mass for i, mass in enumerate(x.p) if i not in aim)
    return outside + total(w for s, w in x.law.items() if s & aim)


def least(x: Position) -> Fraction:
    """min over H of P(H) + 1 − Q(H)."""
    value: Fraction = min(cut(x, h) for h in subsets(x.V))
    return value


def optimum(x: Position) -> Fraction:
    """α*, by a maximum flow."""
    return solved(x.p, x.law)


def accepted(nu: Coupling) -> Any:
    """P(Y ∈ S)."""
    return total(mass for (s, i), mass in nu.items() if i in s)


def lost(nu: Coupling, h: Tokens) -> Any:
    """P(S ⊄ H, Y ∈ H) + P(Y ∉ S, and Y ∈ H or S ⊄ H)."""
    first = total(mass for (s, i), mass in nu.items() if not s <= h and i in h)
    return first + total(mass for (s, i), mass in nu.items() if i not in s and (i in h or not s <= h))


def structured(nu: Coupling, h: Tokens) -> bool:
    """Does S ⊄ H emit from S∖H, and S ⊆ H from S or from outside H, nothing else?"""
    return all(i in s - h if not s <= h else i in s or i not in h for (s, i), m in nu.items() if m)


def network_cuts(x: Position) -> Iterator[Any]:
    """The capacity of every cut of the network that is finite: sets and tokens on the source's side."""
    sets, tokens = list(x.law), range(x.V)
    for sides in product((True, False), repeat=len(sets)):
        near = [s for s, side in zip(sets, sides, strict=True) if side]
        for h in subsets(x.V):
            if all(i in h for s in near for i in s):
                yield total(x.law[s] for s in sets if s not in near) + total(
                    x.p[i] for i in tokens if i in h
                )


def inclusion_bound(x: Position) -> Fraction:
    """Σ min(p_i, P(i ∈ S))."""
    chances = (total(w for s, w in x.law.items() if i in s) for i in range(x.V))
    value: Fraction = total(map(min, x.p, chances))
    return value


# --- couplings ------------------------------------------------------------------------------------


def optimal_coupling(x: Position) -> Coupling:
    """An optimal coupling: the package's maximum flow, completed as on page 3."""
    from mdsd_theory.reference.rational import solve_rational
    from mdsd_theory.reference.transport import transport_problem

    found: Any = solve_rational(transport_problem(x.p, x.law)).coupling
    nu: dict[tuple[Tokens, int], Fraction] = defaultdict(Fraction, found)
    sets = {s: w - total(nu[s, i] for i in s) for s, w in x.law.items()}
    free = [a - total(nu[s, i] for s in x.law) for i, a in enumerate(x.p)]
    rest = sum(free, start=ZERO) or ONE
    for s, i in product(sets, range(len(free))):
        nu[s, i] += sets[s] * free[i] / rest
    return nu


def some_coupling(x: Position, backwards: bool) -> Coupling:
    """A coupling filled up corner by corner: seldom optimal."""
    nu: dict[tuple[Tokens, int], Fraction] = defaultdict(Fraction)
    free = list(x.p)
    for s, weight in x.law.items():
        for i in range(len(free))[:: -1 if backwards else 1]:
            nu[s, i] = min(weight, free[i])
            weight, free[i] = weight - nu[s, i], free[i] - nu[s, i]
    return nu


def couplings(x: Position) -> list[Coupling]:
    """An optimal one and two others."""
    return [optimal_coupling(x), some_coupling(x, True), some_coupling(x, False)]


def optimal_if_structured(x: Position) -> bool:
    """For all couplings tried and every H: both are optimal ⟺ the coupling is structured at H."""
    best = least(x)
    cuts = {h: cut(x, h) for h in subsets(x.V)}
    return all(
        structured(nu, h) == (accepted(nu) == value == best)
        for nu in couplings(x)
        for h, value in cuts.items()
    )


def consequences(x: Position) -> bool:
    """Rejections: S ⊆ H, Y ∉ H, mass Q(H) − P(H). Accepted: law p on H, mass 1 − Q(H) off it."""
    nu, best = optimal_coupling(x), least(x)
    y = [total(m for (s, i), m in nu.items() if i == j and i in s) for j in range(x.V)]
    refused = [(s, i, m) for (s, i), m in nu.items() if i not in s and m]
    return all(
        sum(m for _, _, m in refused) == 1 - cut(x, h)
        and all(s <= h and i not in h for s, i, _ in refused)
        and all(y[i] == x.p[i] for i in h)
        and total(y[i] for i in range(len(y)) if i not in h) == complementary_mass(x, h)
        for h in subsets(x.V)
        if cut(x, h) == best
    )


def complementary_mass(x: Position, h: Tokens) -> Any:
    """1 − Q(H)."""
    return 1 - total(w for s, w in x.law.items() if s <= h)


# --- all p and w ----------------------------------------------------------------------------------


def unknowns(vocabulary: int) -> tuple[Position, dict[tuple[Tokens, int], Any], list[Any]]:
    """z3: any p and w over V tokens, masses c(S, i) on i ∈ S, and what makes p and w laws."""
    logic = z3()
    sets = [s for s in subsets(vocabulary) if s]
    p, p_is = simplex("p", vocabulary)
    w, w_is = simplex("w", len(sets))
    c = {(s, i): logic.Real(f"c{sorted(s)}{i}") for s in sets for i in s}
    return Position(tuple(p), dict(zip(sets, w, strict=True))), c, [*p_is, *w_is]


def feasible(x: Position, c: Mapping[tuple[Tokens, int], Any]) -> list[Any]:
    """The constraints of the transport program."""
    sets = [total(m for (t, _), m in c.items() if t == s) <= w for s, w in x.law.items()]
    tokens = [total(m for (_, j), m in c.items() if j == i) <= a for i, a in enumerate(x.p)]
    return [*sets, *tokens, *(m >= 0 for m in c.values())]


def beats_a_cut(vocabulary: int) -> list[Any]:
    """z3: a feasible c of more mass than some cut."""
    x, c, laws = unknowns(vocabulary)
    cuts = [total(iter(c.values())) > cut(x, h) for h in subsets(vocabulary)]
    return [*laws, *feasible(x, c), z3().Or(cuts)]


def reaches_none(vocabulary: int) -> list[Any]:
    """z3: p and w for which no feasible c has the mass of a cut."""
    logic = z3()
    x, c, laws = unknowns(vocabulary)
    reached = logic.Or([total(iter(c.values())) >= cut(x, h) for h in subsets(vocabulary)])
    never = logic.Not(logic.And(*feasible(x, c), reached))
    return [*laws, logic.ForAll(list(c.values()), never)]


# --- findings -------------------------------------------------------------------------------------

EXAMPLE = Pair.of("1/6 2/3 1/6", "1/2 1/4 1/4", 2)
"""The example of the figure, without replacement."""


def values(level: Level, rng: np.random.Generator, some: Sample) -> list[Finding]:
    """α* is the least cut, for any law and for every scheme."""
    size = level.pick(60, 500, 4000)
    drafters = at_schemes(random_drafters(rng, size), ["independent"])
    pairs = grid(3, level.pick(3, 4, 5), n=[1, 2], distinct=True)
    bigger = random_pairs(rng, level.pick(25, 200, 1500), [3, 4, 5], [2, 3], distinct=True)
    hub = at_schemes(grid(3, level.pick(3, 5, 7), n=[2], distinct=True), ["spechub"])
    samples = (some, drafters, at_schemes(pairs, SINGLE), at_schemes(bigger, SINGLE), hub)
    tiny = Sample(Kind.RANDOM, "any law of sets, V = 1–3", [x for x in some.items if x.V < 4][:size])
    return [
        *(equal("α* = min over H of P(H) + 1 − Q(H)", sample, optimum, least) for sample in samples),
        equal(
            "the complement: P(H) + 1 − Q(H) = P(Σ∖A) + P(S meets A)",
            some,
            lambda x: [cut(x, h) for h in subsets(x.V)],
            lambda x: [complementary_cut(x, frozenset(range(x.V)) - h) for h in subsets(x.V)],
        ),
        equal("the least cut of the network", tiny, lambda x: min(network_cuts(x)), least),
        equal(
            "H may be taken to be a union of sets of drafts",
            some,
            lambda x: min(cut(x, h) for h in subsets(x.V) if h == united(x, h)),
            least,
        ),
        holds(
            "α* = 1 if and only if P(H) ≥ Q(H) for all H",
            some,
            lambda x: (optimum(x) == 1) == all(cut(x, h) >= 1 for h in subsets(x.V)),
        ),
    ]


def united(x: Position, h: Tokens) -> Tokens:
    """The union of the sets of drafts inside H."""
    return frozenset().union(*(s for s in x.law if s <= h))


def shipped(level: Level, rng: np.random.Generator) -> list[Finding]:
    """The package's front doors."""
    sample = random_pairs(rng, level.pick(15, 100, 600), [3, 4, 5], [2, 3], distinct=True)
    floats = Sample(Kind.FLOATING, sample.scope, sample.items)
    return [
        equal(
            "certify gives the least cut",
            sample,
            lambda x: [certify(x.p, x.q, n=x.n, scheme=name).value for name in SINGLE],
            lambda x: [least(Position.of(x, name)) for name in SINGLE],
        ),
        equal(
            "optimal_acceptance gives the least cut",
            floats,
            lambda x: [fast(x, name) for name in SINGLE],
            lambda x: [float(least(Position.of(x, name))) for name in SINGLE],
            tol=1e-12,
        ),
    ]


def fast(x: Pair, name: str) -> float:
    """The fast layer's value."""
    p, q = ([float(a) for a in v] for v in (x.p, x.q))
    return float(optimal_acceptance(p, q, n=x.n, scheme=name).value)


def neighbours() -> list[Finding]:
    """What is false nearby."""
    uniform = Pair.of("1/2 1/2 0", "1/3 1/3 1/3", 2)
    equal_laws = Pair.of("1/2 1/2", "1/2 1/2", 2)
    return [
        fails(
            "α* ≥ Σ min(p_i, P(i ∈ S))",
            uniform,
            lambda x: optimum(Position.of(x, "with_replacement")),
            lambda x: inclusion_bound(Position.of(x, "with_replacement")),
        ),
        differs(
            "H = ∅ and H = Σ may be left out",
            equal_laws,
            lambda x: optimum(Position.of(x, "with_replacement")),
            lambda x: min(cut(Position.of(x, "with_replacement"), frozenset({i})) for i in range(2)),
        ),
    ]


def check(level: Level, rng: np.random.Generator) -> Evidence:
    """α* = min over H of P(H) + 1 − Q(H), and what an optimal coupling looks like."""
    some = positions(rng, level.pick(80, 800, 6000), [1, 2, 3, 4])
    two = positions(rng, level.pick(60, 500, 4000), [2])
    example = Sample(Kind.GRID, "the example of the figure", [EXAMPLE])
    return Evidence.of(
        impossible("no coupling beats a cut", "V = 3, all p, w", lambda: beats_a_cut(3)),
        impossible("some coupling reaches a cut", "V = 3, all p, w", lambda: reaches_none(3)),
        *values(level, rng, some),
        equal(
            "P(Y ∈ S) = P(H) + 1 − Q(H) − what is lost at H",
            some,
            lambda x: [accepted(nu) for nu in couplings(x) for _ in subsets(x.V)],
            lambda x: [cut(x, h) - lost(nu, h) for nu in couplings(x) for h in subsets(x.V)],
        ),
        holds("structured at H ⟺ optimal, and H a minimiser", some, optimal_if_structured),
        holds("who is rejected, and what is accepted", some, consequences),
        equal(
            "eleven twelfths, at H = {0, 2}",
            example,
            lambda x: [
                cut(Position.of(x, "without_replacement"), frozenset({0, 2})),
                optimum(Position.of(x, "without_replacement")),
            ],
            lambda x: [Fraction(11, 12), Fraction(11, 12)],
        ),
        *shipped(level, rng),
        equal("for two tokens α* = Σ min(p_i, P(i ∈ S))", two, optimum, inclusion_bound),
        *neighbours(),
    )
