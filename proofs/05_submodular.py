"""Check of page 5: f = P − Q is submodular, and its minimisers are a lattice."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain, combinations, pairwise, product
from typing import Any, NamedTuple

import numpy as np

from mdsd_theory.proving import (
    Evidence,
    Finding,
    Kind,
    Level,
    Pair,
    Position,
    Sample,
    at_least,
    at_schemes,
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
from mdsd_theory.proving.instances import Vector, shown
from mdsd_theory.proving.optima import solved, subsets
from mdsd_theory.proving.symbolic import z3

Tokens = frozenset[int]
ZERO = Fraction(0)
SINGLE = ("with_replacement", "without_replacement", "greedy", "top_k")


class Points(NamedTuple):
    """A position, and two points of the cube."""

    x: Position
    u: Vector
    v: Vector

    def __str__(self) -> str:
        return f"{self.x}, u = {shown(self.u)}, v = {shown(self.v)}"


# --- the theorem's formulas -----------------------------------------------------------------------


def inside(x: Position, h: Tokens) -> Any:
    """Q(H) = P(S ⊆ H)."""
    return total(w for s, w in x.law.items() if s <= h)


def f(x: Position, h: Tokens) -> Any:
    """f(H) = P(H) − Q(H)."""
    return total(x.p[i] for i in h) - inside(x, h)


def gap(x: Position, a: Tokens, b: Tokens) -> Any:
    """f(A) + f(B) − f(A ∪ B) − f(A ∩ B)."""
    return f(x, a) + f(x, b) - f(x, a | b) - f(x, a & b)


def between(x: Position, parts: Sequence[Tokens]) -> Any:
    """P(S lies in the union of the parts, and in none of them)."""
    union = frozenset().union(*parts)
    return total(w for s, w in x.law.items() if s <= union and not any(s <= part for part in parts))


def excess(x: Position, parts: Sequence[Tokens]) -> Any:
    """Q(∪ A_j) − Σ over non-empty J of (−1)^(|J|+1) Q(∩ over J of A_j)."""
    chosen = chain.from_iterable(combinations(parts, k) for k in range(1, len(parts) + 1))
    signed = ((-1) ** (len(c) + 1) * inside(x, frozenset.intersection(*c)) for c in chosen)
    return inside(x, frozenset().union(*parts)) - total(signed)


def inverse(q: Callable[[Tokens], Any], s: Tokens) -> Any:
    """Σ over H ⊆ S of (−1)^|S∖H| Q(H)."""
    return total((-1) ** len(s - h) * q(h) for h in subsets(max(s, default=-1) + 1) if h <= s)


def extension(x: Position, u: Sequence[Any]) -> Any:
    """f̂(u) = Σ p_i u_i − E[min over S of u_i]."""
    linear = total(a * b for a, b in zip(x.p, u, strict=True))
    return linear - total(w * min(u[i] for i in s) for s, w in x.law.items())


def selected(x: Position, pick: Mapping[Tokens, int]) -> list[Any]:
    """p − y, y the law of the token that a selection picks from S."""
    y = [total(w for s, w in x.law.items() if pick[s] == i) for i in range(x.V)]
    return [a - b for a, b in zip(x.p, y, strict=True)]


def selections(x: Position) -> Iterator[dict[Tokens, int]]:
    """Every rule that picks a token from each set of drafts."""
    yield from (dict(zip(x.law, picks, strict=True)) for picks in product(*x.law))


def tangent(x: Position, u: Sequence[Any], v: Sequence[Any]) -> Any:
    """f̂(u) + Σ (p − y)(v − u), y the law of the token of S that has the least u."""
    slope = selected(x, {s: min(s, key=lambda i: u[i]) for s in x.law})
    return extension(x, u) + total(g * (b - a) for g, a, b in zip(slope, u, v, strict=True))


def minimisers(x: Position) -> list[Tokens]:
    """Every H with the least f(H)."""
    values = {h: f(x, h) for h in subsets(x.V)}
    return [h for h, value in values.items() if value == min(values.values())]


def is_lattice(x: Position) -> bool:
    """Are unions and intersections of minimisers minimisers, with no set of drafts between?"""
    best = set(minimisers(x))
    return all(
        a | b in best and a & b in best and between(x, (a, b)) == 0 for a, b in combinations(best, 2)
    )


def nested_best(x: Position, h: Tokens) -> bool:
    """Is f(H) ≤ f(A) for every A inside H and every A around H?"""
    return all(f(x, h) <= f(x, a) for a in subsets(x.V) if a <= h or a >= h)


def single_best(x: Position, h: Tokens) -> bool:
    """Is f(H) ≤ f(A) for every A that has one token more or one less?"""
    return all(f(x, h) <= f(x, h ^ {i}) for i in range(x.V))


def smallest_by_flow(x: Position) -> Tokens:
    """The tokens that the source still reaches after the package's maximum flow."""
    from mdsd_theory.reference.max_flow import solve_max_flow
    from mdsd_theory.reference.transport import transport_problem

    return solve_max_flow(transport_problem(x.p, x.law)).subset


# --- all p and w ----------------------------------------------------------------------------------


def unknown(vocabulary: int) -> tuple[Position, list[Any]]:
    """z3: any p and w over V tokens, and what makes them laws."""
    p, p_is = simplex("p", vocabulary)
    sets = [s for s in subsets(vocabulary) if s]
    w, w_is = simplex("w", len(sets))
    return Position(tuple(p), dict(zip(sets, w, strict=True))), [*p_is, *w_is]


def not_submodular(vocabulary: int) -> list[Any]:
    """z3: a pair with a negative gap."""
    x, laws = unknown(vocabulary)
    return [*laws, z3().Or([gap(x, a, b) < 0 for a, b in combinations(subsets(vocabulary), 2)])]


def not_monotone(vocabulary: int, k: int) -> list[Any]:
    """z3: sets A_1 … A_k whose excess is not what lies between them, or is negative."""
    x, laws = unknown(vocabulary)
    chosen = list(combinations([h for h in subsets(vocabulary) if h], k))
    wrong = [excess(x, c) != between(x, c) for c in chosen] + [excess(x, c) < 0 for c in chosen]
    return [*laws, z3().Or(wrong)]


def not_closed(vocabulary: int) -> list[Any]:
    """z3: two minimisers whose union or intersection is none."""
    logic = z3()
    x, laws = unknown(vocabulary)
    least = logic.Real("least")
    everything = list(subsets(vocabulary))
    bad = [
        logic.And(f(x, a) == least, f(x, b) == least, logic.Or(f(x, a | b) > least, f(x, a & b) > least))
        for a, b in combinations(everything, 2)
    ]
    return [*laws, *(f(x, h) >= least for h in everything), logic.Or(bad)]


def nested_not_least(vocabulary: int) -> list[Any]:
    """z3: an H no worse than what is inside it or around it, and worse than another set."""
    logic = z3()
    x, laws = unknown(vocabulary)
    everything = list(subsets(vocabulary))
    bad = []
    for h in everything:
        nested = [f(x, h) <= f(x, a) for a in everything if a <= h or a >= h]
        bad.append(logic.And(*nested, logic.Or([f(x, a) < f(x, h) for a in everything])))
    return [*laws, logic.Or(bad)]


# --- findings -------------------------------------------------------------------------------------


def symbolic(level: Level) -> list[Finding]:
    """For all p and w."""
    v = level.pick(3, 4, 4)
    return [
        impossible("f is submodular", f"V = {v}, all p, w", lambda: not_submodular(v)),
        impossible("Q is 2-monotone, with its excess", "V = 4, all w", lambda: not_monotone(4, 2)),
        impossible("Q is 3-monotone, with its excess", "V = 3, all w", lambda: not_monotone(3, 3)),
        impossible("minimisers are closed under ∪ and ∩", "V = 3, all p, w", lambda: not_closed(3)),
        impossible("least among the nested is least", "V = 3, all p, w", lambda: nested_not_least(3)),
    ]


def pairs_of(x: Position) -> list[tuple[Tokens, Tokens]]:
    """All pairs of sets of tokens."""
    return list(combinations(subsets(x.V), 2))


def triples_of(x: Position) -> list[tuple[Tokens, ...]]:
    """Some triples and quadruples of sets of tokens."""
    everything = list(subsets(x.V))[1:]
    return [*combinations(everything[:6], 3), *zip(*(everything[k:] for k in (0, 2, 3, 5)), strict=False)]


def set_functions(some: Sample) -> list[Finding]:
    """Theorem 5.a."""
    return [
        equal(
            "f(A) + f(B) − f(A ∪ B) − f(A ∩ B) = P(S between A and B)",
            some,
            lambda x: [gap(x, a, b) for a, b in pairs_of(x)],
            lambda x: [between(x, pair) for pair in pairs_of(x)],
        ),
        equal(
            "the excess of three or four sets is what lies between them",
            some,
            lambda x: [excess(x, c) for c in triples_of(x)],
            lambda x: [between(x, c) for c in triples_of(x)],
        ),
        equal(
            "Möbius inversion of Q gives w",
            some,
            lambda x: [inverse(lambda h: inside(x, h), s) for s in subsets(x.V)],
            lambda x: [x.law.get(s, ZERO) for s in subsets(x.V)],
        ),
    ]


def lattice(level: Level, rng: np.random.Generator, some: Sample) -> list[Finding]:
    """Theorems 5.b and 5.c, for any law and for every scheme."""
    every = at_schemes(grid(3, level.pick(3, 4, 5), n=[1, 2], distinct=True), SINGLE)
    drafters = at_schemes(random_drafters(rng, level.pick(60, 400, 3000)), ["independent"])
    bigger = random_pairs(
        rng, level.pick(20, 150, 1000), [3, 4, 5], [2, 3], distinct=True, denominator=12
    )
    samples = (some, every, at_schemes(bigger, SINGLE), drafters)
    return [
        *(holds("minimisers are a lattice", sample, is_lattice) for sample in samples),
        equal("their intersection is what the maximum flow reaches", some, reached, smallest),
        holds(
            "least among the nested is least",
            some,
            lambda x: all((h in minimisers(x)) == nested_best(x, h) for h in subsets(x.V)),
        ),
        holds(
            "for two tokens: least among single changes is least",
            positions(rng, level.pick(100, 600, 4000), [2]),
            lambda x: all((h in minimisers(x)) == single_best(x, h) for h in subsets(2)),
        ),
    ]


def reached(x: Position) -> list[int]:
    """Which tokens the maximum flow still reaches, as zeros and ones."""
    return [int(i in smallest_by_flow(x)) for i in range(x.V)]


def smallest(x: Position) -> list[int]:
    """Which tokens are in every minimiser."""
    return [int(all(i in h for h in minimisers(x))) for i in range(x.V)]


def convexity(level: Level, rng: np.random.Generator) -> list[Finding]:
    """Theorem 5.d."""
    xs = positions(rng, level.pick(60, 500, 4000), [2, 3])
    points = [
        Points(x, *(tuple(Fraction(int(k), 6) for k in rng.integers(0, 7, x.V)) for _ in range(2)))
        for x in xs.items
    ]
    sample = Sample(Kind.RANDOM, f"{xs.scope}, u and v in sixths", points)
    return [
        equal(
            "f̂ = f on sets",
            xs,
            lambda x: [extension(x, [int(i in h) for i in range(x.V)]) for h in subsets(x.V)],
            lambda x: [f(x, h) for h in subsets(x.V)],
        ),
        equal(
            "f̂(u) = max over selections of Σ (p − y) u",
            sample,
            lambda z: extension(z.x, z.u),
            lambda z: max(
                total(a * b for a, b in zip(selected(z.x, pick), z.u, strict=True))
                for pick in selections(z.x)
            ),
        ),
        at_least(
            "p − y is a subgradient at u: f̂(v) ≥ f̂(u) + (p − y)·(v − u)",
            sample,
            lambda z: extension(z.x, z.v),
            lambda z: tangent(z.x, z.u, z.v),
        ),
        at_least(
            "f̂ is convex: the mean of f̂ ≥ f̂ of the mean",
            sample,
            lambda z: (extension(z.x, z.u) + extension(z.x, z.v)) / 2,
            lambda z: extension(z.x, [(a + b) / 2 for a, b in zip(z.u, z.v, strict=True)]),
        ),
        equal(
            "f̂(u) is the mean of f over the level sets of u",
            sample,
            lambda z: extension(z.x, z.u),
            lambda z: level_mean(z.x, z.u),
        ),
        at_least(
            "f̂(u) ≥ min f = α* − 1",
            sample,
            lambda z: extension(z.x, z.u),
            lambda z: solved(z.x.p, z.x.law) - 1,
        ),
    ]


def level_mean(x: Position, u: Sequence[Fraction]) -> Any:
    """∫ over (0, 1] of f({i : u_i ≥ t}) dt."""
    steps = pairwise(sorted({ZERO, *u, Fraction(1)}))
    return total((b - a) * f(x, frozenset(i for i, y in enumerate(u) if y >= b)) for a, b in steps)


def neighbours() -> list[Finding]:
    """What is false nearby."""
    trap, flat = Pair.of("1/3 1/3 1/3", "1/2 1/2 0", 2), Pair.of("1/2 1/2", "1/2 1/2", 2)
    everything = list(subsets(3))
    half = Fraction(1, 2)

    def convex(h: Tokens) -> Fraction:
        return (ZERO, ZERO, half, Fraction(1))[len(h)]

    supermodular = all(
        convex(a | b) + convex(a & b) >= convex(a) + convex(b) for a, b in combinations(everything, 2)
    )
    return [
        fails(
            "least among single changes is least: f(H) ≥ f(∅) if all f({i}) ≥ f(∅)",
            trap,
            lambda x: min(f(at(x), h) for h in everything),
            lambda x: f(at(x), frozenset()) if single_best(at(x), frozenset()) else -1,
        ),
        fails(
            "every set between two minimisers is one: f(∅) ≥ f({0}) if f(∅) = f(Σ) is least",
            flat,
            lambda x: min(f(at(x), h) for h in subsets(2)),
            lambda x: f(at(x), frozenset({0})) if len(minimisers(at(x))) == 2 else -1,
        ),
        fails(
            "every supermodular Q with Q(∅) = 0 and Q(Σ) = 1 belongs to a scheme",
            "V = 3, Q(H) = 0, 0, 1/2, 1 for |H| = 0, 1, 2, 3",
            lambda _: inverse(convex, frozenset(range(3))),
            lambda _: 0 if supermodular else -1,
        ),
    ]


def at(x: Pair) -> Position:
    """The pair with drafts with replacement."""
    return Position.of(x, "with_replacement")


def check(level: Level, rng: np.random.Generator) -> Evidence:
    """f is submodular, its minimisers a lattice, its extension convex."""
    some = positions(rng, level.pick(50, 400, 3000), [1, 2, 3, 4])
    return Evidence.of(
        *symbolic(level),
        *set_functions(some),
        *lattice(level, rng, some),
        *convexity(level, rng),
        *neighbours(),
    )
