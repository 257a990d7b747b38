"""Check of page 2: only the set of drafts matters, and all of its law does."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import product
from typing import Any, NamedTuple, TypeVar

import numpy as np

from mdsd_theory import SCHEMES
from mdsd_theory.proving import (
    Evidence,
    Finding,
    Kind,
    Level,
    Pair,
    Sample,
    differs,
    equal,
    grid,
    holds,
    identity,
    impossible,
    random_pairs,
    simplex,
    total,
)
from mdsd_theory.proving.instances import Vector, shown
from mdsd_theory.proving.optima import Law, solved, subsets
from mdsd_theory.proving.samples import random_vector
from mdsd_theory.proving.symbolic import sympy, z3

Drafts = tuple[int, ...]
K = TypeVar("K")
ZERO, ONE = Fraction(0), Fraction(1)
SINGLE = ("with_replacement", "without_replacement", "greedy", "top_k", "spechub")


class Drafted(NamedTuple):
    """A target p and any law π of the tuple of drafts."""

    p: Vector
    law: Mapping[Drafts, Fraction]

    def __str__(self) -> str:
        return f"p = {shown(self.p)}, π = {', '.join(f'{x}: {w}' for x, w in self.law.items())}"


class Twins(NamedTuple):
    """Two schemes before one target."""

    one: Drafted
    other: Drafted

    def __str__(self) -> str:
        return f"{self.one}; {self.other}"


def set_law(law: Mapping[Drafts, Any]) -> dict[frozenset[int], Any]:
    """w(S) = Σ π(x) over the tuples x whose set is S."""
    sums: dict[frozenset[int], Any] = defaultdict(int)
    for x, weight in law.items():
        sums[frozenset(x)] += weight
    return dict(sums)


def collapse(mu: Mapping[tuple[Drafts, int], Any]) -> dict[tuple[frozenset[int], int], Any]:
    """ν(S, i) = Σ μ(x, i) over the tuples x whose set is S."""
    sums: dict[tuple[frozenset[int], int], Any] = defaultdict(int)
    for (x, i), mass in mu.items():
        sums[frozenset(x), i] += mass
    return dict(sums)


def spread(
    nu: Mapping[tuple[frozenset[int], int], Any], law: Mapping[Drafts, Any], vocabulary: int
) -> dict[tuple[Drafts, int], Any]:
    """μ(x, i) = π(x) ν(S, i) / w(S), S the set of x."""
    w = set_law(law)
    return {
        (x, i): weight * nu.get((frozenset(x), i), 0) / w[frozenset(x)]
        for x, weight in law.items()
        for i in range(vocabulary)
    }


def first(coupling: Mapping[tuple[K, int], Any], keys: Mapping[K, Any]) -> list[Any]:
    """The marginal law of the drafts, in the order of the keys."""
    sums: dict[K, Any] = dict.fromkeys(keys, 0)
    for (key, _), mass in coupling.items():
        sums[key] += mass
    return list(sums.values())


def second(coupling: Mapping[tuple[K, int], Any], vocabulary: int) -> list[Any]:
    """The law of Y."""
    return [sum(mass for (_, j), mass in coupling.items() if j == i) for i in range(vocabulary)]


def acceptance(coupling: Mapping[tuple[Any, int], Any]) -> Any:
    """P(Y ∈ S): the mass of the pairs (x, i) with i among the drafts."""
    return sum(mass for (drafts, i), mass in coupling.items() if i in drafts)


def coupling_of(law: Mapping[K, Fraction], p: Vector) -> dict[tuple[K, int], Fraction]:
    """Some coupling of any law with p: the average of two, each filled up corner by corner."""
    average: dict[tuple[K, int], Fraction] = defaultdict(Fraction)
    for tokens in (range(len(p)), range(len(p))[::-1]):
        left = list(p)
        for key, weight in law.items():
            for i in tokens:
                mass = min(weight, left[i])
                weight, left[i] = weight - mass, left[i] - mass
                average[key, i] += mass / 2
    return average


def tuple_optimum(p: Vector, law: Mapping[Drafts, Fraction]) -> Fraction:
    """α* as a maximum flow in which every ordered tuple is a node of its own."""
    from networkx import DiGraph, maximum_flow_value

    scale = math.lcm(*(x.denominator for x in (*p, *law.values())))
    graph: Any = DiGraph()
    for x, weight in law.items():
        graph.add_edge("source", ("drafts", x), capacity=int(weight * scale))
        graph.add_edges_from((("drafts", x), ("token", i)) for i in x)
    for i, mass in enumerate(p):
        graph.add_edge(("token", i), "sink", capacity=int(mass * scale))
    return Fraction(int(maximum_flow_value(graph, "source", "sink")), scale)


def greedy_for(law: Law, aim: frozenset[int], vocabulary: int) -> Vector:
    """p_A: the law of Y when a member of A is emitted whenever S meets A, else any of S."""
    p = [ZERO] * vocabulary
    for s, weight in law.items():
        p[min(s & aim or s)] += weight
    return tuple(p)


def meets(law: Law, aim: frozenset[int]) -> Fraction:
    """P(S ∩ A ≠ ∅)."""
    return total(w for s, w in law.items() if s & aim)


def rebuilt(vocabulary: int, chance: Callable[[frozenset[int]], Fraction]) -> list[Fraction]:
    """w(S) = Σ over H ⊆ S of (−1)^|S∖H| (1 − P(S meets Σ∖H))."""
    everything = frozenset(range(vocabulary))
    return [
        total((-1) ** len(s - h) * (1 - chance(everything - h)) for h in subsets(vocabulary) if h <= s)
        for s in subsets(vocabulary)
    ]


def from_acceptance(x: Drafted) -> list[Fraction]:
    """w, from the targets p_A with α* = 1 alone."""
    law = set_law(x.law)
    reached = {a: greedy_for(law, a, len(x.p)) for a in subsets(len(x.p))}
    return rebuilt(len(x.p), lambda a: total(reached[a][i] for i in a))


def recursive_rejection(x: Pair, law: Mapping[Drafts, Fraction], order: Any) -> dict[Any, Fraction]:
    """μ(x, i) of recursive rejection sampling, which looks at the drafts in the order given."""
    mu: dict[tuple[Drafts, int], Fraction] = defaultdict(Fraction)
    for drafts, weight in law.items():
        r = list(x.p)
        for i in order(drafts):
            accepted = min(ONE, r[i] / x.q[i])
            mu[drafts, i] += weight * accepted
            weight *= 1 - accepted
            rest = [max(a - b, ZERO) for a, b in zip(r, x.q, strict=True)]
            r = [a / total(iter(rest)) for a in rest] if any(rest) else r
        for i, mass in enumerate(r):
            mu[drafts, i] += weight * mass
    return mu


def random_laws(rng: np.random.Generator, count: int) -> Sample:
    """Return random targets and laws over tuples, ties of sets made likely."""

    def draw() -> Drafted:
        v, n = int(rng.integers(1, 5)), int(rng.integers(1, 4))
        pool = list(product(range(v), repeat=n))
        chosen = rng.choice(len(pool), size=min(len(pool), int(rng.integers(1, 9))), replace=False)
        weights = random_vector(rng, len(chosen), 30, 1)
        return Drafted(
            random_vector(rng, v, 30),
            {pool[k]: w for k, w in zip(chosen, weights, strict=True) if w},
        )

    return Sample(Kind.RANDOM, "any law of tuples, V = 1–4, n = 1–3", [draw() for _ in range(count)])


def tuples(x: Pair, scheme: str) -> dict[Drafts, Fraction]:
    """π, as the package's scheme lists it."""
    return dict(SCHEMES[scheme].tuple_law(x.q, x.n))


def both_ways(x: Drafted) -> tuple[list[Fraction], list[Fraction]]:
    """Everything about collapse and spread that should agree: what was computed, what was expected."""
    v, w = len(x.p), set_law(x.law)
    mu, nu = coupling_of(x.law, x.p), coupling_of(w, x.p)
    down, up = collapse(mu), spread(nu, x.law, v)
    back = collapse(up)
    computed = [*first(down, w), *second(down, v), acceptance(down)]
    computed += [*first(up, x.law), *second(up, v), acceptance(up)]
    expected = [*w.values(), *x.p, acceptance(mu), *x.law.values(), *x.p, acceptance(nu)]
    keys = [(s, i) for s in w for i in range(v)]
    return computed + [back[k] for k in keys], expected + [nu[k] for k in keys]


def optimal_spread(x: Drafted) -> dict[tuple[Drafts, int], Fraction]:
    """An optimal coupling of S and Y, the accepted part of it alone, spread over the tuples."""
    from mdsd_theory.reference.rational import solve_rational
    from mdsd_theory.reference.transport import transport_problem

    found: Any = solve_rational(transport_problem(x.p, set_law(x.law))).coupling
    return spread(found, x.law, len(x.p))


def independent_of_order(x: Drafted) -> bool:
    """Given S, is Y of the spread coupling independent of the tuple?"""
    w = set_law(x.law)
    mu = spread(coupling_of(w, x.p), x.law, len(x.p))
    given = collapse(mu)
    return all(mass * w[frozenset(d)] == x.law[d] * given[frozenset(d), i] for (d, i), mass in mu.items())


def symbolic_spread() -> list[tuple[Any, Any]]:
    """Spread for symbols: any ν over sets of up to two of three tokens, any law of the order."""
    algebra = sympy()
    nu = {
        (s, i): algebra.Symbol(f"nu{''.join(map(str, sorted(s)))}_{i}", positive=True)
        for s in subsets(3)
        if 0 < len(s) < 3
        for i in range(3)
    }
    w = {s: sum(nu[s, i] for i in range(3)) for s, _ in nu}
    order = {s: algebra.Symbol(f"o{''.join(map(str, sorted(s)))}") for s in w}
    law = {x: share(x, order[frozenset(x)]) * w[frozenset(x)] for x in product(range(3), repeat=2)}
    mu = spread(nu, law, 3)
    pairs = list(zip(first(mu, law), law.values(), strict=True))
    pairs += list(zip(second(mu, 3), second(nu, 3), strict=True))
    return [*pairs, (acceptance(mu), acceptance(nu)), *((collapse(mu)[k], nu[k]) for k in nu)]


def share(x: Drafts, first_order: Any) -> Any:
    """The share of a tuple in its set: one of two orders, or the only one."""
    return 1 if x[0] == x[1] else first_order if x[0] < x[1] else 1 - first_order


def no_lift(vocabulary: int, n: int) -> list[Any]:
    """z3: a law of tuples, p and a coupling of S and Y that no coupling of X and Y matches."""
    logic = z3()
    xs = list(product(range(vocabulary), repeat=n))
    sets = {frozenset(x) for x in xs}
    tokens = range(vocabulary)
    p, constraints = simplex("p", vocabulary)
    chance, sums_to_one = simplex("x", len(xs))
    law = dict(zip(xs, chance, strict=True))
    nu = {(s, i): logic.Real(f"nu{sorted(s)}{i}") for s in sets for i in tokens}
    mu = {(x, i): logic.Real(f"mu{x}{i}") for x in xs for i in tokens}
    coupled = [a >= 0 for a in nu.values()]
    coupled += [first(nu, set_law(law))[k] == w for k, w in enumerate(set_law(law).values())]
    coupled += [a == b for a, b in zip(second(nu, vocabulary), p, strict=True)]
    matches = [a >= 0 for a in mu.values()]
    matches += [a == b for a, b in zip(first(mu, law), chance, strict=True)]
    matches += [a == b for a, b in zip(second(mu, vocabulary), p, strict=True)]
    matches += [acceptance(mu) == acceptance(nu)]
    never = logic.ForAll(list(mu.values()), logic.Not(logic.And(*matches)))
    return [*constraints, *sums_to_one, *coupled, never]


def spechub_sums() -> list[tuple[Any, Any]]:
    """q_x + q_a q_x / (1 − q_a) = q_x / (1 − q_a): the two orders of {a, x} together."""
    algebra = sympy()
    hub, other = algebra.symbols("q_a q_x", positive=True)
    return [(other + hub * other / (1 - hub), other / (1 - hub))]


def over_all(law: Law, vocabulary: int) -> list[Fraction]:
    """w(S) for every set S, zeros included."""
    return [law.get(s, ZERO) for s in subsets(vocabulary)]


def on_schemes(level: Level, rng: np.random.Generator) -> list[Finding]:
    """The package's schemes: tuples against sets."""
    pairs = grid(3, level.pick(3, 4, 6), n=[2], distinct=True)
    many = random_pairs(rng, level.pick(100, 600, 3000), [2, 3, 4, 5], [1, 2, 3])
    full = [x for x in many.items if min(x.q) > 0]
    return [
        equal(
            "five schemes: α* over ordered tuples = α* over sets",
            pairs,
            lambda x: [tuple_optimum(x.p, tuples(x, name)) for name in SINGLE],
            lambda x: [solved(x.p, SCHEMES[name].set_law(x.q, x.n)) for name in SINGLE],
        ),
        equal(
            "the package's laws of sets are its laws of tuples, collapsed",
            pairs,
            lambda x: [w for name in SINGLE for w in over_all(set_law(tuples(x, name)), x.V)],
            lambda x: [w for name in SINGLE for w in over_all(SCHEMES[name].set_law(x.q, x.n), x.V)],
        ),
        equal(
            "the sets of SpecHub have the law of greedy's at n = 2",
            grid(4, level.pick(3, 4, 6), n=[2], distinct=True),
            lambda x: over_all(set_law(tuples(x, "spechub")), x.V),
            lambda x: over_all(set_law(tuples(x, "greedy")), x.V),
        ),
        equal(
            "with replacement: V^n tuples, C(V,1) + … + C(V,min(n,V)) sets",
            Sample(Kind.RANDOM, "q > 0, V = 2–5, n = 1–3", full),
            lambda x: counts(x, "with_replacement"),
            lambda x: [x.V**x.n, sum(math.comb(x.V, k) for k in range(1, min(x.n, x.V) + 1))],
        ),
        equal(
            "without replacement: V!/(V−n)! tuples, C(V,n) sets",
            Sample(Kind.RANDOM, "q > 0, V = 2–5, n = 1–3, n ≤ V", [x for x in full if x.n <= x.V]),
            lambda x: counts(x, "without_replacement"),
            lambda x: [math.perm(x.V, x.n), math.comb(x.V, x.n)],
        ),
    ]


def counts(x: Pair, scheme: str) -> list[int]:
    """How many tuples and sets have positive probability."""
    law = tuples(x, scheme)
    return [sum(w > 0 for w in law.values()), sum(w > 0 for w in set_law(law).values())]


def all_of_the_law(some: Sample) -> list[Finding]:
    """Theorem 2.b: α* of all targets determines w."""
    return [
        equal(
            "α* = 1 for every p_A",
            some,
            lambda x: [
                solved(greedy_for(set_law(x.law), a, len(x.p)), set_law(x.law)) for a in subsets(len(x.p))
            ],
            lambda x: [1] * 2 ** len(x.p),
        ),
        holds(
            "α* < 1 once P(A) > P(S meets A) for some A",
            some,
            lambda x: (
                best(x) < 1
                or all(total(x.p[i] for i in a) <= meets(set_law(x.law), a) for a in subsets(len(x.p)))
            ),
        ),
        equal(
            "w is found again from the targets p_A",
            some,
            from_acceptance,
            lambda x: over_all(set_law(x.law), len(x.p)),
        ),
    ]


def twins(vocabulary: int) -> Twins:
    """Two schemes that include every token equally often: with a repeated draft (V = 3), or none."""
    half = Fraction(1, 2)
    p = (half, half, *[ZERO] * (vocabulary - 2))
    last = vocabulary - 1
    one: dict[Drafts, Fraction]
    other: dict[Drafts, Fraction]
    one, other = {(0, 1): half, (2, last): half}, {(0, 2): half, (1, last if last > 2 else 1): half}
    return Twins(Drafted(p, one), Drafted(p, other))


def neighbours() -> list[Finding]:
    """What is false nearby."""
    both = [twins(3), twins(4)]
    uniform = Pair.of("1/2 1/2", "1/2 1/2", 2)
    claim = "α* depends on the inclusion probabilities alone"
    return [
        equal(
            "the twins include every token equally often",
            Sample(Kind.GRID, "the two counterexamples below", both),
            lambda x: [meets(set_law(x.one.law), frozenset({i})) for i in range(len(x.one.p))],
            lambda x: [meets(set_law(x.other.law), frozenset({i})) for i in range(len(x.one.p))],
        ),
        differs(claim, both[0], lambda x: best(x.one), lambda x: best(x.other)),
        differs(f"{claim}, no draft repeated", both[1], lambda x: best(x.one), lambda x: best(x.other)),
        differs(
            "recursive rejection emits p from sorted drafts",
            uniform,
            lambda x: second(recursive_rejection(x, tuples(x, "with_replacement"), sorted), x.V),
            lambda x: x.p,
        ),
    ]


def best(x: Drafted) -> Fraction:
    """α* over sets."""
    return solved(x.p, set_law(x.law))


def check(level: Level, rng: np.random.Generator) -> Evidence:
    """Couplings of tuples and of sets are matched, α* agrees, and w can be read off α*."""
    some = random_laws(rng, level.pick(60, 600, 6000))
    largest = level.pick((2, 2), (2, 3), (2, 3))
    rules = random_pairs(rng, level.pick(40, 300, 2000), [2, 3], [1, 2, 3])
    return Evidence.of(
        identity("spread has marginals π and p, keeps ν", "V = 3, n = 2, all π, ν", symbolic_spread),
        identity("both orders of a SpecHub pair", "all q", spechub_sums),
        impossible(
            "each coupling of S and Y is matched by one of X and Y",
            f"V = {largest[0]}, n = {largest[1]}, all π, p, ν",
            lambda: no_lift(*largest),
        ),
        equal(
            "collapse and spread keep marginals and acceptance, and spread inverts",
            some,
            lambda x: both_ways(x)[0],
            lambda x: both_ways(x)[1],
        ),
        holds("given S, the spread Y is independent of the order", some, independent_of_order),
        equal(
            "any law: α* over ordered tuples = α* over sets",
            some,
            lambda x: tuple_optimum(x.p, x.law),
            best,
        ),
        equal(
            "an optimal coupling of S and Y, spread, accepts α* over ordered tuples",
            some,
            lambda x: acceptance(optimal_spread(x)),
            lambda x: tuple_optimum(x.p, x.law),
        ),
        *on_schemes(level, rng),
        *all_of_the_law(some),
        equal(
            "recursive rejection emits p from drafts in the order drawn",
            rules,
            lambda x: second(recursive_rejection(x, tuples(x, "with_replacement"), tuple), x.V),
            lambda x: x.p,
        ),
        *neighbours(),
    )
