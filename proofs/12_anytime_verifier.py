"""Check of page 12: the anytime verifiers, by weights and by orders."""

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import accumulate, pairwise, permutations
from typing import Any

import numpy as np

from mdsd_theory import VERIFIERS
from mdsd_theory.proving import (
    Drafters,
    Evidence,
    Finding,
    Kind,
    Level,
    Pair,
    Sample,
    at_least,
    differs,
    equal,
    fails,
    grid,
    holds,
    identity,
    random_drafters,
    random_pairs,
)
from mdsd_theory.proving.instances import Vector
from mdsd_theory.proving.optima import inside, set_law, solved, subsets
from mdsd_theory.proving.positions import Position, at_schemes, positions
from mdsd_theory.proving.symbolic import sympy
from mdsd_theory.reference.rational import solve_rational
from mdsd_theory.reference.transport import transport_problem

Number = Any
Tokens = frozenset[int]
Coupling = dict[tuple[Tokens, int], Number]
"""c(S, i)."""


def cut(x: Position, h: Tokens) -> Number:
    """P(H) + 1 − Q(H)."""
    return sum(x.p[i] for i in h) + 1 - inside(x.law, h)


def hits(x: Position, a: Tokens) -> Fraction:
    """g(A) = P(S meets A)."""
    return sum((w for s, w in x.law.items() if s & a), start=Fraction(0))


def minimisers(x: Position) -> list[Tokens]:
    """Every H of least P(H) + 1 − Q(H), the smallest first."""
    every = list(subsets(x.V))
    least = min(cut(x, h) for h in every)
    return [h for h in every if cut(x, h) == least]


def best(x: Position) -> Tokens:
    """H, a minimiser of P(H) + 1 − Q(H)."""
    return minimisers(x)[0]


def most_drafts(x: Position) -> int:
    """n, the size of the largest set."""
    return max(map(len, x.law))


def floats(x: Position) -> Position:
    """The same in floating point."""
    number: Any = float
    return Position(tuple(number(v) for v in x.p), {s: number(w) for s, w in x.law.items()})


# Weights


def level_of(s: Tokens, h: Tokens) -> Tokens:
    """L(S) = S∖H if that is not empty, else S: the drafts that may be picked."""
    return s - h or s


def pick_by_weights(x: Position, h: Tokens, b: Sequence[Number]) -> Coupling:
    """c(S, i) = w(S) b_i / b(L(S)) for i in L(S)."""
    return {
        (s, i): w * b[i] / sum(b[j] for j in level_of(s, h))
        for s, w in x.law.items()
        for i in level_of(s, h)
    }


def law_of_pick(c: Coupling, vocabulary: int) -> list[Number]:
    """y_i = Σ_S c(S, i)."""
    return [sum((m for (_, j), m in c.items() if j == i), start=Fraction(0)) for i in range(vocabulary)]


def overlap(p: Sequence[Number], y: Sequence[Number]) -> Number:
    """Σ min(p, y)."""
    return sum(map(min, p, y), start=Fraction(0))


def emitted(x: Position, c: Coupling, q: Sequence[Number] | None = None) -> tuple[list[Number], Number]:
    """The law of Y and P(Y ∈ S): pick, accept with min(1, p/y), else Y ∝ (p − y)_+; q in y's place."""
    y = law_of_pick(c, x.V) if q is None else q
    rest = [max(a - b, 0 * a) for a, b in zip(x.p, y, strict=True)]
    law, acceptance = [Fraction(0)] * len(y), Fraction(0)
    for (s, i), mass in c.items():
        accepted = mass * min(1, x.p[i] / y[i]) if mass else mass
        law[i] += accepted
        acceptance += accepted
        for j, r in enumerate(rest):
            if r:
                law[j] += (mass - accepted) * r / sum(rest)
                acceptance += (mass - accepted) * r / sum(rest) * (j in s)
    return law, acceptance


def delta(p: Sequence[Number], y: Sequence[Number], h: Tokens) -> Number:
    """Δ = Σ off H of (y − p)_+  +  Σ on H of (p − y)_+."""
    terms = [p[i] - y[i] if i in h else y[i] - p[i] for i in range(len(p))]
    return sum((max(t, 0 * t) for t in terms), start=Fraction(0))


def factors(p: Sequence[Number], y: Sequence[Number], h: Tokens) -> list[Number]:
    """s_i = min(1, p_i/y_i) off H, max(1, p_i/y_i) on H; 1 where y_i = 0."""
    one = Fraction(1)
    return [(max if i in h else min)(one, p[i] / y[i]) if y[i] else one for i in range(len(p))]


def scaling(x: Position, steps: int, h: Tokens | None = None) -> Iterator[tuple[Coupling, Coupling]]:
    """Yield c^k and its column projection ĉ^k, from weights one."""
    h, b = best(x) if h is None else h, [1 + 0 * a for a in x.p]
    for _ in range(steps):
        c = pick_by_weights(x, h, b)
        s = factors(x.p, law_of_pick(c, len(b)), h)
        yield c, {(drafts, i): m * s[i] for (drafts, i), m in c.items()}
        b = [weight * factor for weight, factor in zip(b, s, strict=True)]


def deltas(x: Position, steps: int, h: Tokens | None = None) -> list[Number]:
    """Δ_0, Δ_1, … of the scaling."""
    aim = best(x) if h is None else h
    return [delta(x.p, law_of_pick(c, x.V), aim) for c, _ in scaling(x, steps, h)]


def divergence(a: Coupling, b: Coupling) -> float:
    """KL(a‖b) = Σ a log(a/b) − a + b."""
    return math.fsum((m * math.log(m / b[k]) if m else 0.0) - m + b[k] for k, m in a.items())


def optimal_coupling(x: Position) -> Coupling:
    """c*: an optimal flow, what is missing of w(S) given to the first token of S."""
    flow = solve_rational(transport_problem(tuple(x.p), x.law)).coupling or {}
    c = {(s, i): Fraction(flow.get((s, i), 0)) for s in x.law for i in s}
    for s, w in x.law.items():
        c[s, min(s)] += w - sum(c[s, i] for i in s)
    return c


def in_both_sets(x: Position) -> bool:
    """For each best H: c* picks within L(S), has rows w(S), columns ≤ p off H and ≥ p on H."""
    c = optimal_coupling(x)
    y = law_of_pick(c, x.V)
    in_levels = all(m == 0 or i in level_of(s, h) for (s, i), m in c.items() for h in minimisers(x))
    rows = all(sum(c[s, i] for i in s) == w for s, w in x.law.items())
    return in_levels and rows and all(delta(x.p, y, h) == 0 for h in minimisers(x))


def projections(x: Position, steps: int) -> list[float]:
    """For each k: KL(c*‖c^k) − KL(c*‖c^{k+1}) − KL(ĉ^k‖c^k), then KL(ĉ^k‖c^k) − Δ_k²/2."""
    f, h = floats(x), best(x)
    goal = {k: float(m) for k, m in optimal_coupling(x).items() if k[1] in level_of(k[0], h)}
    slack, run = [], list(scaling(f, steps, h))
    for (c, moved), (after, _) in pairwise(run):
        lost = divergence(goal, c) - divergence(goal, after)
        cost = divergence(moved, c)
        slack += [lost - cost, cost - delta(f.p, law_of_pick(c, len(f.p)), h) ** 2 / 2]
    return slack


def rate(x: Position, steps: int) -> list[float]:
    """2 log n − Σ_{j≤k} Δ_j² for each k, √(2 log n / (k+1)) − Δ_k, and Δ_k − Δ_{k+1}."""
    gaps, budget = np.array(deltas(floats(x), steps, best(x))), 2 * math.log(most_drafts(x))
    here = np.sqrt(budget / np.arange(1, steps + 1)) - gaps
    return [float(v) for v in (*(budget - np.cumsum(gaps**2)), *here, *-np.diff(gaps))]


# Orders


def pick_by_order(x: Position, order: Sequence[int]) -> list[Fraction]:
    """y of an order, highest rank first: y_i = g(A ∪ i) − g(A), A the tokens above i."""
    y = [Fraction(0)] * len(order)
    for k, i in enumerate(order):
        y[i] = hits(x, frozenset(order[: k + 1])) - hits(x, frozenset(order[:k]))
    return y


def pick_highest(x: Position, order: Sequence[int]) -> Coupling:
    """c(S, i) = w(S) for the highest ranked i of S."""
    return {(s, min(s, key=order.index)): w for s, w in x.law.items()}


def highest_draft(x: Position, order: Sequence[int]) -> list[Fraction]:
    """The law of the highest ranked draft, set by set."""
    return law_of_pick(pick_highest(x, order), x.V)


def dot(a: Sequence[Number], b: Sequence[Number]) -> Number:
    """Σ a_i b_i."""
    return sum((u * v for u, v in zip(a, b, strict=True)), start=Fraction(0))


def greedy(x: Position, gain: Sequence[Number]) -> list[Fraction]:
    """The corner that favours the largest gains."""
    return pick_by_order(x, sorted(range(len(gain)), key=lambda i: -gain[i]))


def affine_minimum(points: list[list[Fraction]], weight: Sequence[Fraction]) -> list[Fraction]:
    """λ with Σ λ = 1 of least Σ_i (Σ_k λ_k x_k(i))² / w_i, for affinely independent points."""
    size = len(points)
    gram = [[dot(a, [v / w for v, w in zip(b, weight, strict=True)]) for b in points] for a in points]
    algebra = sympy()
    rows = [[*row, 1] for row in gram] + [[1] * size + [0]]
    left = algebra.Matrix([[algebra.Rational(v) for v in row] for row in rows])
    right = algebra.Matrix([0] * size + [1])
    return [Fraction(int(v.p), int(v.q)) for v in left.LUsolve(right)[:size]]


def wolfe(x: Position, weight: Sequence[Fraction]) -> list[list[Fraction]]:
    """The points y met by Wolfe's algorithm for min Σ (y_i − p_i)² / w_i; the last is the minimum."""

    def scaled(v: Sequence[Fraction]) -> list[Fraction]:
        return [a / w for a, w in zip(v, weight, strict=True)]

    corral = [[a - b for a, b in zip(greedy(x, x.p), x.p, strict=True)]]
    share, here, met = [Fraction(1)], corral[0], [corral[0]]
    while True:
        corner = greedy(x, [-v for v in scaled(here)])
        point = [a - b for a, b in zip(corner, x.p, strict=True)]
        if dot(scaled(here), point) >= dot(scaled(here), here):
            return [[a + b for a, b in zip(v, x.p, strict=True)] for v in met]
        corral, share = [*corral, point], [*share, Fraction(0)]
        corral, share = minor_cycles(corral, share, weight)
        here = [dot(share, column) for column in zip(*corral, strict=True)]
        met.append(here)


def minor_cycles(
    corral: list[list[Fraction]], share: list[Fraction], weight: Sequence[Fraction]
) -> tuple[list[list[Fraction]], list[Fraction]]:
    """Walk to the affine minimum; points whose share reaches zero leave, until all are positive."""
    while True:
        aim = affine_minimum(corral, weight)
        if min(aim) > 0:
            return corral, aim
        step = min(s / (s - a) for s, a in zip(share, aim, strict=True) if a <= 0)
        moved = [(1 - step) * s + step * a for s, a in zip(share, aim, strict=True)]
        corral = [point for point, m in zip(corral, moved, strict=True) if m > 0]
        share = [m for m in moved if m > 0]


def norms_fall(x: Position, weight: Sequence[Fraction]) -> bool:
    """Each major cycle makes Σ (y − p)² / w strictly smaller."""
    far = [
        sum(((a - b) ** 2 / w for a, b, w in zip(y, x.p, weight, strict=True)), start=Fraction(0))
        for y in wolfe(x, weight)
    ]
    return all(b < a for a, b in pairwise(far))


def last_order(x: Position, weight: Sequence[Fraction]) -> list[int]:
    """The order of the corner at which Wolfe's algorithm stops: (y_i − p_i)/w_i ascending."""
    y = wolfe(x, weight)[-1]
    return sorted(range(x.V), key=lambda i: (y[i] - x.p[i]) / weight[i])


def bounds_of(x: Position, order: Sequence[int]) -> list[Fraction]:
    """P(H) + y(A) for each A of highest ranked tokens, H = Σ∖A, y the law of the order."""
    y = highest_draft(x, order)
    gained = accumulate((y[i] - x.p[i] for i in order), initial=Fraction(0))
    return [1 + v for v in gained]


# Findings


def some_weights(x: Position) -> list[Fraction]:
    """Weights of no special kind."""
    return [Fraction(1 + (5 * i) % 7, 2 + i) for i in range(x.V)]


def random_sets(rng: np.random.Generator, count: int, largest: int) -> Sample:
    """Random sets of all kinds: three schemes, and any law over sets of at most 3 tokens."""
    pairs = random_pairs(rng, count, range(2, largest + 1), distinct=True, denominator=12)
    drafters = random_drafters(rng, count, range(2, min(largest, 4) + 1), denominator=8)
    found = [
        at_schemes(pairs, ["with_replacement", "without_replacement"]),
        at_schemes(drafters, ["independent"]),
        positions(rng, count, range(2, largest + 1), sizes=(1, 2, 3)),
    ]
    items = [x for sample in found for x in sample.items]
    return Sample(Kind.RANDOM, f"4 kinds of set laws, V = 2–{largest}, n ≤ 3", items)


def every_set(denominator: int) -> Sample:
    """Every small p and q over two tokens, one draft or two of either scheme."""
    pairs = grid(2, denominator, n=(1, 2), distinct=True)
    return at_schemes(pairs, ["with_replacement", "without_replacement"])


def by_weights(x: Position, h: Tokens) -> Coupling:
    """The pick by weights of no special kind."""
    return pick_by_weights(x, h, some_weights(x))


def first_of_level(x: Position, h: Tokens) -> Coupling:
    """The pick of the first token of L(S)."""
    return {(s, i): w * (i == min(level_of(s, h))) for s, w in x.law.items() for i in level_of(s, h)}


def picks(x: Position) -> list[Coupling]:
    """Four rules: weights and a fixed order, in the levels of a best H and in one level."""
    return [rule(x, h) for rule in (by_weights, first_of_level) for h in (best(x), frozenset[int]())]


def each_cut(x: Position, f: Callable[[Tokens, list[Number]], Number]) -> list[Number]:
    """f(H, y) for every H and two rules that pick from L(S)."""
    rules = (by_weights, first_of_level)
    return [f(h, law_of_pick(rule(x, h), x.V)) for h in subsets(x.V) for rule in rules]


def rule_findings(sample: Sample) -> list[Finding]:
    """Theorems 12.a and 12.b, the couplings of 12.c, and 12.e."""

    def accepted(x: Position) -> list[Number]:
        return [emitted(x, c)[1] for c in picks(x)]

    def other(x: Position) -> list[Fraction]:
        return [1 + 3 * w * w for w in some_weights(x)]

    return [
        equal(
            "12.a any rule emits p",
            sample,
            lambda x: [v for c in picks(x) for v in emitted(x, c)[0]],
            lambda x: [*x.p] * 4,
        ),
        at_least(
            "12.a α* ≥ P(Y ∈ S) ≥ Σ min(p, y)",
            sample,
            lambda x: [*[solved(x.p, x.law)] * 4, *accepted(x)],
            lambda x: [*accepted(x), *(overlap(x.p, law_of_pick(c, x.V)) for c in picks(x))],
        ),
        equal(
            "12.b Σ min(p, y) = P(H) + 1 − Q(H) − Δ for every H",
            sample,
            lambda x: each_cut(x, lambda h, y: overlap(x.p, y)),
            lambda x: each_cut(x, lambda h, y: cut(x, h) - delta(x.p, y, h)),
        ),
        holds("12.c an optimal coupling lies in both sets, every best H", sample, in_both_sets),
        equal(
            "12.e the nearest law reaches α*",
            sample,
            lambda x: [overlap(x.p, wolfe(x, weight(x))[-1]) for weight in (some_weights, other)],
            lambda x: [solved(x.p, x.law)] * 2,
        ),
        equal(
            "12.e {y > p} is a best H",
            sample,
            lambda x: cut(x, above(x, wolfe(x, some_weights(x))[-1])),
            lambda x: cut(x, best(x)),
        ),
    ]


def scaling_findings(many: Sample, floating: Sample, steps: int) -> list[Finding]:
    """Theorem 12.c."""
    half, third = Fraction(1, 2), Fraction(1, 3)
    slow = Position((half, half), {frozenset({0}): half, frozenset({0, 1}): half})
    slower = Position((third,) * 3, {frozenset(range(k)): third for k in (1, 2, 3)})

    paths, none = [path(v) for v in range(2, 6)], frozenset[int]()

    def one(x: Position) -> Sample:
        return Sample(Kind.GRID, "one instance, exact steps", [x])

    return [
        at_least(
            "12.c Δ never rises",
            many,
            lambda x: deltas(x, 4)[:-1],
            lambda x: deltas(x, 4)[1:],
            note="four steps in fractions",
        ),
        identity("12.c h(x) ≥ 0: h(1) = h′(1) = 0, h″ = 4(log x + 1/x − 1)", "all x > 0", slope),
        at_least(
            "12.c KL(c*‖·) falls by KL(ĉ‖c) ≥ Δ²/2",
            floating,
            lambda x: projections(x, 12),
            lambda x: [0.0] * 22,
            tol=1e-9,
        ),
        at_least(
            f"12.c Σ Δ² ≤ 2 log n, Δ_k ≤ √(2 log n / (k+1)), Δ falls: {steps} steps",
            floating,
            lambda x: rate(x, steps),
            lambda x: [0.0] * (3 * steps - 1),
            tol=1e-9,
        ),
        at_least(
            "12.c a case of Δ_k ≥ 1/(2k+4)",
            one(slow),
            lambda x: deltas(x, 9),
            lambda x: [Fraction(1, 2 * k + 4) for k in range(9)],
        ),
        at_least(
            "12.c a case of Δ_k ≥ 1/(3k+6) at each of 4 best H",
            one(slower),
            lambda x: [d for h in minimisers(x) for d in deltas(x, 6, h)],
            lambda x: [Fraction(1, 3 * k + 6) for k in range(6)] * 4,
        ),
        equal(
            "12.c on a path Δ = c(S, V − 2), S the last set",
            Sample(Kind.GRID, "paths of V = 2–5 tokens, exact steps", paths),
            lambda x: deltas(x, 6, none),
            lambda x: [c[frozenset({x.V - 2, x.V - 1}), x.V - 2] for c, _ in scaling(x, 6, none)],
        ),
        at_least(
            "12.c on a path Δ_k ≥ 1/(V(1 + e^(k/(V(V−1)))))",
            Sample(Kind.FLOATING, "paths of V = 2–5 tokens, 40 steps", paths),
            lambda x: deltas(floats(x), 40, none),
            lambda x: [1 / x.V / (1 + math.exp(k / x.V / (x.V - 1))) for k in range(40)],
            tol=1e-12,
        ),
    ]


def path(vocabulary: int) -> Position:
    """p = 1/V; S₀ = {0} and S_j = {j − 1, j} with probability 1/V each."""
    mass = Fraction(1, vocabulary)
    sets = [frozenset({0}), *(frozenset({j - 1, j}) for j in range(1, vocabulary))]
    return Position((mass,) * vocabulary, dict.fromkeys(sets, mass))


def slope() -> list[tuple[Any, Any]]:
    """h(x) = (2x + 4)(x log x − x + 1) − 3(x − 1)² and its derivatives, ℓ for log x."""
    algebra = sympy()
    x = algebra.Symbol("x", positive=True)
    h = (2 * x + 4) * (x * algebra.log(x) - x + 1) - 3 * (x - 1) ** 2
    first, second = algebra.diff(h, x), algebra.diff(h, x, 2)
    return [(h.subs(x, 1), 0), (first.subs(x, 1), 0), (second, 4 * (algebra.log(x) + 1 / x - 1))]


def orders_findings(many: Sample, few: Sample) -> list[Finding]:
    """Theorems 12.d to 12.f."""

    def orders(x: Position) -> list[tuple[int, ...]]:
        return list(permutations(range(x.V)))

    def flat(x: Position, f: Callable[[tuple[int, ...]], list[Fraction]]) -> list[Fraction]:
        return [v for order in orders(x) for v in f(order)]

    def base(x: Position) -> Position:
        """The same sets with p a law that weights give."""
        return Position(tuple(law_of_pick(by_weights(x, best(x)), x.V)), x.law)

    def gains(x: Position) -> list[Fraction]:
        return [a - b for a, b in zip(some_weights(x), x.p, strict=True)]

    return [
        equal(
            "12.d the highest draft has law g(A ∪ i) − g(A)",
            few,
            lambda x: flat(x, lambda order: pick_by_order(x, order)),
            lambda x: flat(x, lambda order: highest_draft(x, order)),
        ),
        equal(
            "12.d sorted gains are the best order",
            few,
            lambda x: dot(gains(x), greedy(x, gains(x))),
            lambda x: max(dot(gains(x), highest_draft(x, order)) for order in orders(x)),
        ),
        equal(
            "12.d the law of weights is a mixture of orders",
            few,
            lambda x: wolfe(base(x), [Fraction(1)] * x.V)[-1],
            lambda x: list(base(x).p),
        ),
        holds("12.f the norm falls strictly", many, lambda x: norms_fall(x, some_weights(x))),
        equal(
            "12.f at the end the best bound of the order is α*",
            many,
            lambda x: min(bounds_of(x, last_order(x, some_weights(x)))),
            lambda x: solved(x.p, x.law),
        ),
        at_least(
            "12.f each order's bounds are at least α*",
            few,
            lambda x: flat(x, lambda order: bounds_of(x, order)),
            lambda x: [solved(x.p, x.law)] * (len(orders(x)) * (x.V + 1)),
        ),
    ]


def above(x: Position, y: Sequence[Number]) -> Tokens:
    """{i : y_i > p_i}."""
    return frozenset(i for i, p in enumerate(x.p) if y[i] > p)


def shipped_findings(level: Level, rng: np.random.Generator) -> list[Finding]:
    """The rule of orders that the package has, held to the theorems."""
    rule, count = VERIFIERS["optimal"], level.pick(8, 40, 300)
    pairs = random_pairs(rng, count, [2, 3, 4], [2, 3], denominator=12, distinct=True)
    drafters = random_drafters(rng, count, [2, 3], [2], denominator=8)
    found = []
    for scheme, sample in (("without_replacement", pairs), ("independent", drafters)):

        def law(x: Pair | Drafters, scheme: str = scheme) -> Any:
            return rule.output_law(x.p, x.q, x.n, scheme=scheme)

        def room(x: Pair | Drafters, scheme: str = scheme) -> list[float]:
            p, q = np.array(x.p, float), np.array(x.q, float)
            got = rule.acceptance_rate(p, q, x.n, scheme=scheme)
            lost = float(solved(x.p, set_law(x, scheme))) - got.value
            return [lost + 1e-12, got.error_bound - lost + 1e-12]

        found += [
            equal(f"the shipped orders, {scheme}, emit p", sample, law, lambda x: list(x.p)),
            at_least(
                f"the shipped orders, {scheme}: 0 ≤ α* − Σ min(p, y) ≤ gap",
                Sample(Kind.FLOATING, sample.scope, sample.items),
                room,
                lambda x: [0.0, 0.0],
            ),
        ]
    return found


def neighbours() -> list[Finding]:
    """What is false nearby."""
    mixed = Position.of(Pair.of("7/8 1/8", "1/2 1/2", 2), "with_replacement")
    fair = Position.of(Pair.of("1/2 1/2", "1/2 1/2", 2), "with_replacement")
    none: Tokens = frozenset()

    def one_level(x: Position) -> Number:
        return max(
            emitted(x, pick_by_weights(x, none, [Fraction(t), Fraction(1)]))[1] for t in (1, 10, 10**6)
        )

    def wrong_residual(x: Position) -> list[Number]:
        draft: Vector = (Fraction(1, 2), Fraction(1, 2))
        return emitted(x, pick_by_weights(x, none, [Fraction(1), Fraction(2)]), draft)[0]

    return [
        fails("weights of one level reach α*", mixed, one_level, lambda x: cut(x, best(x))),
        differs("p/q and (p − q)_+ in place of p/y emit p", fair, wrong_residual, lambda x: list(x.p)),
        fails(
            "Δ falls towards 0 for every H",
            mixed,
            lambda x: Fraction(1, 8),
            lambda x: deltas(x, 4, none)[-1],
            note="H = ∅ is no minimiser",
        ),
        fails(
            "one order is enough",
            fair,
            lambda x: max(emitted(x, pick_highest(x, order))[1] for order in ((0, 1), (1, 0))),
            lambda x: cut(x, best(x)),
        ),
    ]


def check(level: Level, rng: np.random.Generator) -> Evidence:
    """Weights and orders are lossless, certified, and get to α*."""
    many = random_sets(rng, level.pick(6, 100, 1000), 4)
    few = random_sets(rng, level.pick(4, 30, 150), level.pick(3, 4, 4))
    long = random_sets(rng, level.pick(4, 30, 200), 5)
    floating = Sample(Kind.FLOATING, long.scope, long.items)
    return Evidence.of(
        *rule_findings(every_set(level.pick(2, 8, 16))),
        *rule_findings(many),
        *scaling_findings(many, floating, level.pick(60, 300, 1000)),
        *orders_findings(many, few),
        *shipped_findings(level, rng),
        *neighbours(),
    )
