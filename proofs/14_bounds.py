"""Check of page 14: bounds to use in the head."""

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise, permutations
from typing import Any

import numpy as np

from mdsd_theory import optimal_acceptance
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.proving import (
    Evidence,
    Finding,
    Kind,
    Level,
    Pair,
    Sample,
    at_least,
    equal,
    fails,
    grid,
    holds,
    impossible,
    random_drafters,
    random_pairs,
    simplex,
)
from mdsd_theory.proving.instances import denominator
from mdsd_theory.proving.optima import inside, optimum, set_law, solved, subsets
from mdsd_theory.proving.positions import Position, at_schemes, positions
from mdsd_theory.proving.symbolic import z3

Tokens = frozenset[int]
ZERO = Fraction(0)


def best(x: Position) -> Fraction:
    """α*, by a maximum flow."""
    return solved(x.p, x.law)


def most_drafts(x: Position) -> int:
    """n, the size of the largest set."""
    return max(map(len, x.law))


def overlap(p: Sequence[Fraction], y: Sequence[Fraction]) -> Fraction:
    """Σ min(p, y)."""
    return sum(map(min, p, y), start=ZERO)


def chances(x: Position) -> list[Fraction]:
    """π_i = P(i ∈ S)."""
    return [sum((w for s, w in x.law.items() if i in s), start=ZERO) for i in range(x.V)]


def hits(x: Position, a: Tokens) -> Fraction:
    """g(A) = P(S meets A)."""
    return sum((w for s, w in x.law.items() if s & a), start=ZERO)


def cut(x: Position, h: Tokens) -> Fraction:
    """P(H) + 1 − Q(H)."""
    return sum((x.p[i] for i in h), start=ZERO) + 1 - inside(x.law, h)


def rarely_drafted(x: Position) -> Tokens:
    """H₀ = {i : p_i ≤ π_i}."""
    return frozenset(i for i, c in enumerate(chances(x)) if x.p[i] <= c)


def by_ratio(x: Pair) -> list[int]:
    """The tokens by p/q descending, those of q = 0 first."""
    return sorted(range(x.V), key=lambda i: (x.q[i] > 0, -x.p[i] / (x.q[i] or 1)))


def one_pass(x: Pair) -> Fraction:
    """Σ min(p_i, (1 − a_i)^n − (1 − a_i − q_i)^n), a_i = q of the tokens of larger p/q."""
    bound, left = ZERO, Fraction(1)
    for i in by_ratio(x):
        bound += min(x.p[i], left**x.n - (left - x.q[i]) ** x.n)
        left -= x.q[i]
    return bound


def beta(n: int) -> Fraction:
    """β_n = 1 − (1 − 1/n)^n."""
    return Fraction(1 - (1 - Fraction(1, n)) ** n)


def n_times(x: Pair) -> Fraction:
    """Σ min(p, n q)."""
    return overlap(x.p, [x.n * q for q in x.q])


def one_draft(x: Pair) -> Fraction:
    """α*_1 = 1 − TV = Σ min(p, q)."""
    return overlap(x.p, x.q)


def retries(x: Pair) -> Fraction:
    """1 − (1 − α*_1)^n."""
    return 1 - (1 - one_draft(x)) ** x.n


def with_replacement(x: Pair) -> Fraction:
    """α*."""
    return optimum(x, "with_replacement")


def without_replacement(x: Pair) -> Fraction:
    """α*."""
    return optimum(x, "without_replacement")


def enough(x: Pair, aim: Fraction, n: int) -> bool:
    """q(H)^n ≤ 1 − a + P(H) for every H with P(H) < a."""
    return all(x.q_mass(h) ** n <= 1 - aim + x.P(h) for h in subsets(x.V) if x.P(h) < aim)


def drafts_needed(x: Pair, aim: Fraction) -> int:
    """max over H of ⌈log(1 − a + P(H)) / log q(H)⌉, at least 1; 0 if no number is enough."""
    least = 1
    for h in subsets(x.V):
        room, inside_h = 1 - aim + x.P(h), x.q_mass(h)
        if x.P(h) >= aim or inside_h == 0:
            continue
        if inside_h == 1 or room == 0:
            return 0
        guess = max(1, math.floor(math.log(room) / math.log(inside_h)) - 1)
        least = max(least, next(n for n in range(guess, guess + 5) if inside_h**n <= room))
    return least


def misses(x: Position) -> list[tuple[Fraction, Fraction]]:
    """For every A: P(S misses A), and the expected number of drafts in A."""
    c = chances(x)
    return [(1 - hits(x, a), sum((c[i] for i in a), start=ZERO)) for a in subsets(x.V)]


def random_sets(rng: np.random.Generator, count: int) -> Sample:
    """Random sets: different drafters, and any law over sets of at most 3 tokens."""
    drafters = random_drafters(rng, count, [2, 3, 4], denominator=10)
    found = at_schemes(drafters, ["independent"]), positions(rng, count, [2, 3, 4], sizes=(1, 2, 3))
    items = [x for sample in found for x in sample.items]
    return Sample(Kind.RANDOM, "drafters and any set laws, V ≤ 4, n ≤ 3", items)


def every_draft(vocabulary: int, largest: int) -> Sample:
    """Every q over up to V tokens with a common denominator up to D, up to relabelling; p is q."""

    def parts(places: int, left: int, least: int) -> Iterator[tuple[int, ...]]:
        if places == 1:
            yield (left,)
            return
        for first in range(least, left // places + 1):
            yield from ((first, *rest) for rest in parts(places - 1, left - first, first))

    items = []
    for v in range(2, vocabulary + 1):
        for d in range(v, largest + 1):
            drafts = [tuple(Fraction(a, d) for a in row) for row in parts(v, d, 1) if math.gcd(*row) == 1]
            items += [Pair(q, q, n) for q in drafts for n in range(1, v + 1)]
    return Sample(Kind.GRID, f"V ≤ {vocabulary}, D ≤ {largest}, n ≤ V, every A", items)


def upper_findings(pairs: Sample, distinct: Sample, sets: Sample) -> list[Finding]:
    """Theorem 14.a."""

    def chain(x: Position) -> list[Fraction]:
        return [overlap(x.p, chances(x)), cut(x, rarely_drafted(x)), best(x)]

    def shifted(f: Callable[[Any], Position]) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        return lambda x: chain(f(x))[:-1], lambda x: chain(f(x))[1:]

    claim = "14.a Σ min(p, π) ≥ P(H₀) + 1 − Q(H₀) ≥ α*"
    return [
        at_least(f"{claim}, with", pairs, *shifted(lambda x: Position.of(x, "with_replacement"))),
        at_least(
            f"{claim}, without", distinct, *shifted(lambda x: Position.of(x, "without_replacement"))
        ),
        at_least(f"{claim}, other sets", sets, *shifted(lambda x: x)),
        equal(
            "14.a π = 1 − (1 − q)^n with replacement",
            pairs,
            lambda x: chances(Position.of(x, "with_replacement")),
            lambda x: [1 - (1 - q) ** x.n for q in x.q],
        ),
        impossible("14.a α* ≤ Σ min(p, π), with", "V = 3, n = 2, all p, q", lambda: too_low(3)),
    ]


def lower_findings(
    pairs: Sample, distinct: Sample, apart: Sample, sets: Sample, drafts: Sample
) -> list[Finding]:
    """Theorems 14.b to 14.e, and the conjectures."""
    few = [x for x in drafts.items if x.n == x.V and denominator(x.q) <= 2 * x.V + 1]
    longest = Sample(drafts.kind, f"{drafts.scope}, D ≤ 2V + 1", few)
    return [
        at_least("14.b α* ≥ 1 − TV, with", pairs, with_replacement, one_draft),
        at_least("14.b α* ≥ 1 − TV, without", distinct, without_replacement, one_draft),
        at_least("14.b α* ≥ one pass, with", pairs, with_replacement, one_pass),
        equal(
            "14.b one pass is the bound of the order by p/q, with",
            pairs,
            one_pass,
            lambda x: in_order(Position.of(x, "with_replacement"), by_ratio(x)),
        ),
        at_least("14.b α* ≥ the bound of every order", sets, best, lambda x: max(every_order(x))),
        at_least("14.c α* ≥ β_n Σ min(p, n q), with", pairs, with_replacement, low_end),
        at_least(
            "14.c α*_n ≤ Σ min(p, n q) ≤ n α*_1, with",
            pairs,
            lambda x: [n_times(x), x.n * one_draft(x)],
            lambda x: [with_replacement(x), n_times(x)],
        ),
        impossible("14.c 1 − (1 − x)^n ≥ β_n min(1, n x)", "n = 2–5, 0 ≤ x ≤ 1", too_flat),
        impossible("14.c α* ≥ β₂ Σ min(p, 2q), with", "V = 2, n = 2, all p, q", lambda: too_high(2)),
        equal(
            "14.c β_n is sharp: p = (1, 0), q = (1/n, 1 − 1/n)",
            Sample(Kind.GRID, "V = 2, n = 1–6", [sharp(n) for n in range(1, 7)]),
            with_replacement,
            low_end,
        ),
        holds(
            "14.d P(S meets A) ≥ x/(1 + x), without",
            distinct,
            lambda x: all(
                (1 - m) * (1 + e) >= e for m, e in misses(Position.of(x, "without_replacement"))
            ),
        ),
        holds(
            "14.d P(S meets A) ≥ m/(1 + m), m = E M ≥ x, without",
            distinct,
            lambda x: all(g * (1 + m) >= m >= e for g, m, e in points_in(x)),
        ),
        at_least("14.d α* ≥ β Σ min(p, π), without", distinct, without_replacement, half_end),
        at_least("14.d α* ≥ β Σ min(p, π), without", apart, without_replacement, half_end),
        equal(
            "14.d no larger factor: α* = 1 − C(nm−m, n)/C(nm, n), Σ min(p, π) = 1",
            Sample(Kind.GRID, "n = 1–3, m = 1–2", [even(n, m) for n in (1, 2, 3) for m in (1, 2)]),
            lambda x: [without_replacement(x), overlap(x.p, chances(drawn_apart(x)))],
            lambda x: [1 - Fraction(math.comb(x.V - x.V // x.n, x.n), math.comb(x.V, x.n)), 1],
        ),
        holds("conjecture: P(S misses A) ≤ (1 − x/n)^n, without", drafts, conjecture),
        holds("conjecture: P(S misses A) ≤ (1 − x/n)^n, without", distinct, conjecture),
        holds("conjecture: the finer one, without", distinct, finer_conjecture),
        holds(
            "conjecture: P(X ∈ A) ≤ P(X ∈ A | no earlier draft in A), without", longest, finer_conjecture
        ),
        at_least(
            "14.e α* ≥ Σ min(p, π) / n, any sets",
            sets,
            lambda x: best(x),
            lambda x: overlap(x.p, chances(x)) / most_drafts(x),
        ),
        equal(
            "14.e 1/n is sharp",
            Sample(Kind.GRID, "n = 1–4", [together(n) for n in range(1, 5)]),
            lambda x: best(x),
            lambda x: overlap(x.p, chances(x)) / most_drafts(x),
        ),
    ]


def low_end(x: Pair) -> Fraction:
    """β_n Σ min(p, n q)."""
    return beta(x.n) * n_times(x)


def half_end(x: Pair) -> Fraction:
    """β Σ min(p, π) without replacement, β = β_n for n ≤ 2 and 1/2 beyond."""
    return (beta(x.n) if x.n <= 2 else Fraction(1, 2)) * overlap(x.p, chances(drawn_apart(x)))


def drawn_apart(x: Pair) -> Position:
    """The sets without replacement."""
    return Position.of(x, "without_replacement")


def in_order(x: Position, order: Sequence[int]) -> Fraction:
    """Σ min(p_i, g(A_i ∪ i) − g(A_i)), A_i the tokens before i."""
    reached = [hits(x, frozenset(order[:k])) for k in range(x.V + 1)]
    return overlap([x.p[i] for i in order], [after - before for before, after in pairwise(reached)])


def every_order(x: Position) -> list[Fraction]:
    """The bounds of all orders."""
    return [in_order(x, order) for order in permutations(range(x.V))]


def waiting(q: Sequence[Fraction], left: Tokens, n: int) -> Fraction:
    """E τ: the mean time until n clocks of rates q have rung, of those left."""
    rate = sum((q[i] for i in left), start=ZERO)
    after = sum((q[i] * waiting(q, left - {i}, n - 1) for i in left), start=ZERO) if n > 1 else ZERO
    return (1 + after) / rate


def points_in(x: Pair) -> list[tuple[Fraction, Fraction, Fraction]]:
    """For every A with n positive tokens outside of it: g(A), E M = q(A) E τ and x."""
    sets, found = drawn_apart(x), []
    for a in subsets(x.V):
        left = frozenset(i for i in range(x.V) if i not in a and x.q[i])
        if len(left) >= x.n:
            expected = sum((c for i, c in enumerate(chances(sets)) if i in a), start=ZERO)
            found.append((hits(sets, a), x.q_mass(a) * waiting(x.q, left, x.n), expected))
    return found


def conjecture(x: Pair) -> bool:
    """P(S misses A) ≤ (1 − x/n)^n for every A."""
    return all(miss <= (1 - e / x.n) ** x.n for miss, e in misses(drawn_apart(x)))


def next_in(x: Pair, k: int, a: Tokens) -> tuple[Fraction, Fraction]:
    """P(X_{k+1} ∈ A), and the same given that X_1 … X_k are not in A; k < n."""
    law = set_law(Pair(x.p, x.q, k), "without_replacement") if k else {frozenset[int](): Fraction(1)}
    every = [(s, w * x.q_mass(a - s) / (1 - x.q_mass(s))) for s, w in law.items()]
    missed = sum((w for s, w in law.items() if not s & a), start=ZERO)
    outside = sum((w for s, w in every if not s & a), start=ZERO)
    return sum((w for _, w in every), start=ZERO), outside / missed if missed else Fraction(1)


def finer_conjecture(x: Pair) -> bool:
    """P(X_{k+1} ∈ A) ≤ P(X_{k+1} ∈ A | X_1 … X_k ∉ A) for every A and k < n."""
    chances = [next_in(x, k, a) for k in range(x.n) for a in subsets(x.V)]
    return all(free <= given for free, given in chances)


def sharp(n: int) -> Pair:
    """p = (1, 0), q = (1/n, 1 − 1/n)."""
    return Pair((Fraction(1), ZERO), (Fraction(1, n), 1 - Fraction(1, n)), n)


def even(n: int, m: int) -> Pair:
    """q uniform on n m tokens, p on m of them."""
    return Pair((Fraction(1, m),) * m + (ZERO,) * (n * m - m), (Fraction(1, n * m),) * (n * m), n)


def together(n: int) -> Position:
    """n tokens of p = 1/n, drafted all together with probability 1/n, else another token alone."""
    law = {frozenset(range(n)): Fraction(1, n), frozenset({n}): 1 - Fraction(1, n)}
    return Position((Fraction(1, n),) * n + (ZERO,), {s: w for s, w in law.items() if w})


def too_flat() -> list[object]:
    """z3: n and x with 1 − (1 − x)^n < β_n min(1, n x)."""
    logic = z3()
    x = logic.Real("x")
    wrong = []
    for n in range(2, 6):
        b = logic.RealVal(str(beta(n)))
        wrong.append(1 - (1 - x) ** n < b * logic.If(n * x < 1, n * x, 1))
    return [x >= 0, x <= 1, logic.Or(wrong)]


def two_draft_cuts(p: list[Any], q: list[Any]) -> list[Any]:
    """P(H) + 1 − q(H)² for every H."""
    none = z3().RealVal(0)
    return [sum((p[i] for i in h), none) + 1 - sum((q[i] for i in h), none) ** 2 for h in subsets(len(p))]


def least(p: list[Any], y: list[Any]) -> Any:
    """Σ min(p, y) as a formula."""
    logic = z3()
    return logic.Sum([logic.If(a <= b, a, b) for a, b in zip(p, y, strict=True)])


def too_low(vocabulary: int) -> list[object]:
    """z3: all cuts above Σ min(p, 1 − (1 − q)²)."""
    (p, p_is), (q, q_is) = simplex("p", vocabulary), simplex("q", vocabulary)
    bound = least(p, [1 - (1 - x) * (1 - x) for x in q])
    return [*p_is, *q_is, *(value > bound for value in two_draft_cuts(p, q))]


def too_high(vocabulary: int) -> list[object]:
    """z3: a cut below ¾ Σ min(p, 2q)."""
    (p, p_is), (q, q_is) = simplex("p", vocabulary), simplex("q", vocabulary)
    bound = 3 * least(p, [2 * x for x in q])
    return [*p_is, *q_is, z3().Or([4 * value < bound for value in two_draft_cuts(p, q)])]


def drafts_findings(pairs: Sample) -> list[Finding]:
    """Theorem 14.f."""
    aims = [Fraction(k, 10) for k in (5, 8, 9, 10)]

    def by_search(x: Pair) -> list[int]:
        some = range(1, 25)
        found = [[n for n in some if enough(x, a, n)][:1] or [0] for a in aims]
        return [f[0] for f in found]

    def by_formula(x: Pair) -> list[int]:
        return [n if n < 25 else 0 for n in (drafts_needed(x, a) for a in aims)]

    return [
        holds(
            "14.f α*_n ≥ a if and only if q(H)^n ≤ 1 − a + P(H) for all H",
            pairs,
            lambda x: all((with_replacement(x) >= a) == enough(x, a, x.n) for a in aims),
        ),
        equal("14.f the number of drafts needed", pairs, by_search, by_formula),
    ]


def real_findings(level: Level) -> list[Finding]:
    """The bounds on the shipped positions, in floats."""
    n, count = 3, level.pick(4, 24, 24)

    def ends(x: tuple[Any, Any]) -> list[float]:
        p, q = x
        best = optimal_acceptance(p, q, n=n, scheme="with_replacement").value
        upper = float(np.minimum(p, -np.expm1(n * np.log1p(-np.minimum(q, 1 - 1e-16)))).sum())
        lower = float(beta(n)) * float(np.minimum(p, n * q).sum())
        return [upper - best, best - lower, best - float(np.minimum(p, q).sum())]

    data = [(d.p[k], d.q[k]) for d in map(load_demo_data, (0.7, 1.0)) for k in range(count)]
    sample = Sample(Kind.FLOATING, f"V = 49,152, n = {n}, two temperatures", data)
    return [at_least("14.a–c on real positions", sample, ends, lambda x: [0.0] * 3, tol=1e-9)]


def neighbours() -> list[Finding]:
    """What is false nearby."""
    flat, apart = Pair.of("3/4 1/4", "1/2 1/2", 2), Pair.of("1/2 1/2", "1 0", 2)
    rare = Pair.of("0 1", "3/4 1/4", 2)
    heavy = Pair.of("1 0 0 0 0", "29/61 29/61 1/61 1/61 1/61", 3)
    pair = frozenset({0, 1})
    return [
        fails("1 − (1 − α*_1)^n ≥ α*_n, with", flat, retries, with_replacement),
        fails("α*_n ≥ 1 − (1 − α*_1)^n, with", apart, with_replacement, retries),
        fails("n α*_1 ≥ α*_n, without", rare, lambda x: x.n * one_draft(x), without_replacement),
        fails(
            "α* ≥ β_n Σ min(p, π) for any sets",
            together(2),
            lambda x: best(x),
            lambda x: beta(2) * overlap(x.p, chances(x)),
        ),
        fails(
            "P(i, j ∉ S) ≤ P(i ∉ S) P(j ∉ S), without",
            heavy,
            lambda x: (1 - chances(drawn_apart(x))[0]) * (1 - chances(drawn_apart(x))[1]),
            lambda x: 1 - hits(drawn_apart(x), pair),
        ),
    ]


def check(level: Level, rng: np.random.Generator) -> Evidence:
    """Upper and lower bounds on α*, and the drafts that an acceptance needs."""
    pairs = random_pairs(rng, level.pick(60, 500, 5000), range(2, 6), denominator=20)
    distinct = random_pairs(rng, level.pick(60, 500, 3000), range(2, 7), denominator=30, distinct=True)
    every = grid(2, level.pick(5, 8, 12), n=(1, 2, 3))
    apart = grid(4, level.pick(4, 5, 7), n=(2, 3), distinct=True)
    drafts = every_draft(level.pick(4, 6, 6), level.pick(9, 14, 24))
    return Evidence.of(
        *upper_findings(pairs, distinct, random_sets(rng, level.pick(20, 200, 2000))),
        *lower_findings(pairs, distinct, apart, random_sets(rng, level.pick(20, 200, 2000)), drafts),
        *drafts_findings(every),
        *drafts_findings(grid(3, level.pick(2, 4, 5), n=(1, 2, 3))),
        *real_findings(level),
        *neighbours(),
    )
