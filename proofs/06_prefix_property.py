"""Check of page 6: q-convexity, and the minimisers are prefixes of the ratio order."""

import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache, partial
from itertools import combinations, pairwise, permutations, product
from math import inf, lcm, prod
from typing import Any

import numpy as np

from mdsd_theory import optimal_acceptance
from mdsd_theory.proving import (
    Drafters,
    Evidence,
    Finding,
    Kind,
    Level,
    Pair,
    Sample,
    Verdict,
    at_least,
    equal,
    fails,
    grid,
    holds,
    identity,
    impossible,
    random_drafters,
    random_pairs,
    simplex,
)
from mdsd_theory.proving.optima import inside, optimum, set_law, subsets
from mdsd_theory.proving.symbolic import sympy, z3

Set = frozenset[int]
Inside = Callable[[Any, Set], Fraction]
"""Q: an instance and a set H to P(S ⊆ H)."""
Waves = dict[Fraction, Fraction]
"""Σ c e^{−k s} as {k: c}."""
U = [Fraction(k, 6) for k in range(1, 7)]
"""Times at which integrands are compared, as u = e^{−s/D}, D the common denominator of the rates."""
EQUAL = Pair.of("3/5 0 0 2/5", "1/4 1/4 1/4 1/4", 2)
"""Four equal tokens: where greedy drafts lose both properties."""
SPLIT = Drafters.of("0 1/6 1/6 2/3", "3/5 2/5 0 0", "0 0 1/3 2/3")
"""Two drafters for which no prefix of the order of p/(q₁ + q₂) is best."""
ONE = Drafters.of("0 1/7 1/7 5/7", "2/3 1/3 0 0", "0 0 1/4 3/4")
OTHER = Drafters.of("2/3 2/9 1/9 0", "2/3 1/3 0 0", "0 0 1/4 3/4")
"""Two targets, the same drafters: no order of p/σ is right for both."""


def with_replacement(x: Pair, h: Set) -> Fraction:
    """Q(H) = q(H)^n."""
    return x.q_mass(h) ** x.n


def without_replacement(x: Pair, h: Set) -> Fraction:
    """Q(H): n draws in turn stay inside H, each renormalised without the earlier ones."""
    return stays(x.q, h, x.n, Fraction(0))


@lru_cache(maxsize=200_000)
def stays(q: tuple[Fraction, ...], left: Set, n: int, gone: Fraction) -> Fraction:
    """The chance that n more draws are inside ``left``, a mass ``gone`` being drawn already."""
    if n == 0:
        return Fraction(1)
    chances = (q[i] / (1 - gone) * stays(q, left - {i}, n - 1, gone + q[i]) for i in left if q[i])
    return sum(chances, start=Fraction(0))


def two_batches(x: Pair, h: Set) -> Fraction:
    """One draft and, independent of it, n drafts without replacement: Q = q(H) · Q_n(H)."""
    return x.q_mass(h) * without_replacement(x, h)


def random_number(x: Pair, h: Set) -> Fraction:
    """One draft or n drafts without replacement, by a coin: Q = (q(H) + Q_n(H)) / 2."""
    return (x.q_mass(h) + without_replacement(x, h)) / 2


def independent(x: Drafters, h: Set) -> Fraction:
    """Q(H) = Π q_k(H)."""
    return prod((sum((q[i] for i in h), start=Fraction(0)) for q in x.q), start=Fraction(1))


def weights(x: Any) -> tuple[Fraction, ...]:
    """σ: q, or of different drafters their mean."""
    if isinstance(x, Pair):
        return x.q
    return tuple(sum(each, start=Fraction(0)) / x.n for each in zip(*x.q, strict=True))


@lru_cache(maxsize=2000)
def steps(x: Any, law: Inside) -> list[tuple[Set, int, int, Fraction, Fraction]]:
    """A, i, j with [Q(A+j) − Q(A)]/σ_j and [Q(A+i+j) − Q(A+j)]/σ_i, for all A and i, j outside it."""
    s, value = weights(x), {h: law(x, h) for h in subsets(x.V)}
    return [
        (a, i, j, (value[a | {j}] - value[a]) / s[j], (value[a | {i, j}] - value[a | {j}]) / s[i])
        for a in value
        for i, j in permutations([k for k in range(x.V) if k not in a and s[k]], 2)
    ]


def side(law: Inside, place: int, x: Any) -> list[Fraction]:
    """The earlier steps (place 3) or the later ones (4)."""
    return [(s[3], s[4])[place - 3] for s in steps(x, law)]


def convex(claim: str, sample: Sample, law: Inside) -> Finding:
    """σ-convexity of Q on every instance."""
    return at_least(claim, sample, partial(side, law, 4), partial(side, law, 3))


def end_steps(x: Drafters) -> list[tuple[Fraction, Fraction]]:
    """The steps with A empty, or with A + i + j all tokens."""
    found = steps(x, independent)
    return [(s[3], s[4]) for s in found if len(s[0]) in (0, x.V - 2)]


def numerators(inner: int, n: int) -> Iterator[Any]:
    """Numerator and denominator of the difference of the two steps without replacement, |A| = inner."""
    algebra = sympy()
    x, y, r, *a = algebra.symbols(f"x y r a0:{inner}", positive=True)
    low = (drawn([*a, y], n, x + r) - drawn(a, n, x + y + r)) / y
    high = (drawn([*a, x, y], n, r) - drawn([*a, y], n, x + r)) / x
    for part in algebra.fraction(algebra.cancel(algebra.together(high - low))):
        yield algebra.Poly(part, x, y, r, *a)


def drawn(rates: list[Any], n: int, outside: Any) -> Any:
    """Q of a set with these rates (any numbers, not normalised), in symbols."""
    if n == 0:
        return sympy().Integer(1)
    total = sum(rates) + outside
    rest = [w / total * drawn(rates[:k] + rates[k + 1 :], n - 1, outside) for k, w in enumerate(rates)]
    return sum(rest, start=sympy().Integer(0))


def positive_coefficients(inner: int, n: int) -> Finding:
    """q-convexity without replacement for all rates: no coefficient is negative."""
    started = time.perf_counter()
    lowest = min(c for part in numerators(inner, n) for c in part.coeffs())
    claim = "q-convexity: numerator and denominator have positive coefficients only"
    verdict = Verdict.HOLDS if lowest > 0 else Verdict.REFUTED
    witness = None if lowest > 0 else f"a coefficient is {lowest} for |A| = {inner}, n = {n}"
    scope, spent = f"all q, |A| = {inner}, n = {n}", time.perf_counter() - started
    return Finding(claim, Kind.SYMBOLIC, verdict, scope, 0, None, witness, spent)


def power_steps() -> list[tuple[Any, Any]]:
    """With replacement at n = 3, s = q(A): the later step less the earlier one, and a sum of products."""
    s, x, y = sympy().symbols("s x y")
    low, high = ((s + y) ** 3 - s**3) / y, ((s + x + y) ** 3 - (s + y) ** 3) / x
    return [(high - low, (x + y) * (3 * s + 2 * y + x))]


def arrivals(clocks: list[Fraction], n: int, rate: Fraction) -> Waves:
    """E[1{T_{n−1} < ∞, T_n > s} e^{−rate · max(s, T_{n−1})}] at time s, T_k the k-th arrival."""
    clocks = [c for c in clocks if c]
    total: Waves = {}
    for m in range(min(n, len(clocks) + 1)):
        for early in combinations(range(len(clocks)), m):
            late = [c for k, c in enumerate(clocks) if k not in early]
            wave = {rate + sum(late, start=Fraction(0)): first(late, n - 1 - m, rate)}
            for e in early:
                wave = times_one_minus(wave, clocks[e])
            for k, c in wave.items():
                total[k] = total.get(k, Fraction(0)) + c
    return total


def first(clocks: list[Fraction], n: int, rival: Fraction) -> Fraction:
    """The chance that n of the clocks ring before a rival does."""
    if n == 0:
        return Fraction(1)
    each = ((c, clocks[:k] + clocks[k + 1 :]) for k, c in enumerate(clocks))
    total = rival + sum(clocks, start=Fraction(0))
    return sum((c / total * first(rest, n - 1, rival) for c, rest in each), start=Fraction(0))


def times_one_minus(wave: Waves, rate: Fraction) -> Waves:
    """The product with 1 − e^{−rate · s}."""
    result = dict(wave)
    for k, c in wave.items():
        result[k + rate] = result.get(k + rate, Fraction(0)) - c
    return result


def integrands(x: Pair, a: Set, i: int, j: int) -> tuple[Waves, Waves, Waves]:
    """Of the earlier step, of the later one on the event E_j > s, and of the later one."""
    inner, r = [x.q[k] for k in a], 1 - x.q_mass(a | {i, j})
    return (
        delayed(arrivals(inner, x.n, r + x.q[i]), x.q[j]),
        delayed(arrivals(inner, x.n, r), x.q[i] + x.q[j]),
        delayed(arrivals([*inner, x.q[j]], x.n, r), x.q[i]),
    )


def delayed(wave: Waves, rate: Fraction) -> Waves:
    """The product with e^{−rate · s}."""
    return {k + rate: c for k, c in wave.items()}


def integral(wave: Waves) -> Fraction:
    """∫₀^∞ Σ c e^{−k s} ds = Σ c/k."""
    return sum((c / k for k, c in wave.items() if c), start=Fraction(0))


def integrals(rung: int, x: Pair) -> list[Fraction]:
    """The integral of one of the three integrands, for all A, i, j."""
    return [integral(integrands(x, *s[:3])[rung]) for s in steps(x, without_replacement)]


def chain(rung: int, x: Pair) -> list[Fraction]:
    """One of the three integrands, at every time of U and for all A, i, j."""
    d = lcm(*(v.denominator for v in x.q))
    waves = [integrands(x, *s[:3])[rung] for s in steps(x, without_replacement)]
    return [sum((c * u ** int(k * d) for k, c in w.items()), Fraction(0)) for w in waves for u in U]


def race_law(x: Pair) -> dict[Set, Fraction]:
    """P(the first n arrivals are S): ∫ over the time s of the last of them."""
    law = {}
    for s in map(frozenset, combinations([k for k in range(x.V) if x.q[k]], x.n)):
        total = Fraction(0)
        for last in s:
            wave = {x.q[last] + 1 - x.q_mass(s): x.q[last]}
            for k in s - {last}:
                wave = times_one_minus(wave, x.q[k])
            total += integral(wave)
        law[s] = total
    return law


def ratio(x: Any, i: int) -> Any:
    """ρ_i = p_i/σ_i; infinite where σ_i = 0."""
    s = weights(x)[i]
    return x.p[i] / s if s else inf


def level_sets(x: Any) -> list[Set]:
    """∅ and {i: σ_i > 0, ρ_i ≤ c} for every c that is a ratio."""
    known = [i for i in range(x.V) if weights(x)[i]]
    cuts = sorted({ratio(x, i) for i in known})
    return [frozenset(), *(frozenset(i for i in known if ratio(x, i) <= c) for c in cuts)]


def prefixes(x: Any) -> list[Set]:
    """Every prefix of every ratio order, ties in any order."""
    return [
        h
        for h in subsets(x.V)
        if all(ratio(x, j) <= ratio(x, i) for j in h for i in range(x.V) if i not in h)
    ]


def least(x: Any, law: Inside, sets: list[Set]) -> Fraction:
    """min of P(H) + 1 − Q(H) over some sets."""
    return Fraction(min(x.P(h) + 1 - law(x, h) for h in sets))


def everything(x: Any, law: Inside) -> Fraction:
    """min of P(H) + 1 − Q(H) over all 2^V sets."""
    return least(x, law, list(subsets(x.V)))


def minimisers(x: Any, law: Inside) -> list[Set]:
    """All minimisers, the smallest first."""
    best = everything(x, law)
    return [h for h in subsets(x.V) if x.P(h) + 1 - law(x, h) == best]


def prefixes_up_to_ties(x: Any, law: Inside) -> bool:
    """Every minimiser holds no token with σ = 0 < p, and else is a prefix of some ratio order."""
    known = {i for i in range(x.V) if weights(x)[i]}
    for h in minimisers(x, law):
        if any(x.p[i] for i in h - known):
            return False
        if any(ratio(x, i) < ratio(x, j) for j in h & known for i in known - h):
            return False
    return True


def extremes_are_level_sets(x: Any, law: Inside) -> bool:
    """Among tokens with σ > 0 one minimiser is smallest, one is largest, and both are level sets."""
    found = [h for h in minimisers(x, law) if all(weights(x)[i] for i in h)]
    sizes = [len(h) for h in found]
    alone = sizes.count(sizes[0]) == sizes.count(sizes[-1]) == 1
    return alone and {found[0], found[-1]} <= set(level_sets(x))


def property_findings(sample: Sample, law: Inside) -> list[Finding]:
    """The prefix property of one Q."""
    name = law.__name__
    return [
        equal(
            f"{name}: the best level set is the best of all sets",
            sample,
            lambda x: least(x, law, level_sets(x)),
            lambda x: everything(x, law),
        ),
        holds(
            f"{name}: every minimiser is a prefix, up to ties",
            sample,
            lambda x: prefixes_up_to_ties(x, law),
        ),
        holds(
            f"{name}: the smallest and the largest minimiser are level sets",
            sample,
            lambda x: extremes_are_level_sets(x, law),
        ),
    ]


def crosses(x: Pair) -> bool:
    """ρ inside ≤ n q(H)^{n−1} ≤ ρ outside, for every minimiser among the tokens with q > 0."""
    for h in minimisers(x, with_replacement):
        slope = x.n * x.q_mass(h) ** (x.n - 1)
        ratios = {i: x.p[i] / x.q[i] for i in range(x.V) if x.q[i]}
        if not all(rho <= slope if i in h else slope <= rho for i, rho in ratios.items()):
            return False
    return True


def along(x: Pair) -> list[tuple[Fraction, Fraction, Fraction]]:
    """(q(H_k), P(H_k), Q(H_k)) without replacement along the ratio order of the tokens with q > 0."""
    order = sorted((i for i in range(x.V) if x.q[i]), key=lambda i: ratio(x, i))
    sets = [frozenset(order[:k]) for k in range(len(order) + 1)]
    return [(x.q_mass(h), x.P(h), without_replacement(x, h)) for h in sets]


def growth(x: Pair) -> list[Fraction]:
    """The slopes of P and of Q along the ratio order, each less the slope before it."""
    points = along(x)
    slopes = [((b[1] - a[1]) / (b[0] - a[0]), (b[2] - a[2]) / (b[0] - a[0])) for a, b in pairwise(points)]
    return [b[k] - a[k] for a, b in pairwise(slopes) for k in (0, 1)]


def inside_blocks(x: Pair) -> list[Fraction]:
    """P + 1 − Q at every prefix inside every block, less the block's bound."""
    points = along(x)
    pairs = [(a, b) for a, b in combinations(range(len(points)), 2) if b - a > 1]
    return [
        points[k][1] + 1 - points[k][2] - block_bound(points, a, b)
        for a, b in pairs
        for k in range(a + 1, b)
    ]


def block_bound(points: list[tuple[Fraction, Fraction, Fraction]], a: int, b: int) -> Fraction:
    """min over s of the larger of f_a + (ρ_{a+1} − c)(s − s_a) and f_b − (ρ_b − c)(s_b − s)."""
    at = [p + 1 - q for _, p, q in points]
    chord = (points[b][2] - points[a][2]) / (points[b][0] - points[a][0])
    left = (points[a + 1][1] - points[a][1]) / (points[a + 1][0] - points[a][0]) - chord
    right = (points[b][1] - points[b - 1][1]) / (points[b][0] - points[b - 1][0]) - chord
    if left >= 0 or right <= 0:
        return min(at[a], at[b])
    step = (at[b] - at[a] - right * (points[b][0] - points[a][0])) / (left - right)
    return at[a] + left * step


def two_draws(q: Any, h: Set) -> Any:
    """Q(H) of two drafts without replacement: Σ_{i ∈ H} q_i (q(H) − q_i) / (1 − q_i)."""
    s = sum(q[i] for i in h)
    return sum((q[i] * (s - q[i]) / (1 - q[i]) for i in h), start=Fraction(0) * s)


def cheaper_sets(vocabulary: int, n: int, law: str) -> list[object]:
    """z3: p, q > 0 in ratio order, and a set H with P(H) − Q(H) below that of every prefix."""
    logic = z3()
    (p, p_is), (q, q_is) = simplex("p", vocabulary), simplex("q", vocabulary)

    def value(h: Set) -> Any:
        s = logic.Sum([logic.RealVal(0), *(q[i] for i in h)])
        return logic.Sum([p[i] for i in h]) - (prod([s] * n) if law == "with" else two_draws(q, h))

    sets = [frozenset(range(k)) for k in range(vocabulary + 1)]
    below = [logic.And([value(h) < value(g) for g in sets]) for h in subsets(vocabulary) if h not in sets]
    order = [p[k] * q[k + 1] <= p[k + 1] * q[k] for k in range(vocabulary - 1)]
    return [*p_is, *q_is, *(x > 0 for x in q), *order, logic.Or(below)]


def forced(x: Drafters, i: int, k: int) -> Fraction:
    """Where i is in the only minimiser and k is not, a right order by p/σ has σ_i/σ_k ≥ p_i/p_k."""
    (h,) = minimisers(x, independent)
    if i not in h or k in h:
        raise ValueError(f"token {i} should be in the minimiser {set(h)} and token {k} outside it")
    return x.p[i] / x.p[k]


def of_law(scheme: str) -> Inside:
    """Q summed over the set law of a shipped scheme."""
    return lambda x, h: inside(set_law(x, scheme), h)


def long_rows(rng: np.random.Generator, count: int, vocabulary: int) -> Sample:
    """Random p and q over many tokens, as floats."""
    draw = [0.1, 1.0]
    rows = [
        tuple(rng.dirichlet(np.full(vocabulary, a)) for a in rng.choice(draw, 2)) for _ in range(count)
    ]
    return Sample(Kind.FLOATING, f"V = {vocabulary}, n = 3", rows)


def three_draws(x: Any) -> float:
    """min over prefixes of P + 1 − Σ q_a q_b (q(H) − q_a − q_b) / ((1 − q_a)(1 − q_a − q_b))."""
    order = np.argsort(x[0] / x[1])
    p, q = x[0][order], x[1][order]
    pairs = q[:, None] * q / ((1 - q[:, None]) * (1 - q[:, None] - q))
    np.fill_diagonal(pairs, 0)
    third = np.maximum(np.cumsum(q)[:, None, None] - q[:, None] - q, 0)
    values = [1 + p[:k].sum() - (pairs * third[k - 1])[:k, :k].sum() for k in range(1, len(p) + 1)]
    return min(1.0, *map(float, values))


def convexity(level: Level, rng: np.random.Generator) -> Iterator[Finding]:
    """Theorem 6.a, and the other schemes of 6.c."""
    sizes = [(1, 2), (2, 2), (1, 3)]
    more = [(0, 2), (3, 2), (2, 3)]
    for inner, n in sizes + level.pick([], more, more):
        yield positive_coefficients(inner, n)
    yield identity("with replacement: the difference as a sum of products", "all q, n = 3", power_steps)
    small = grid(4, level.pick(4, 6, 8), [2, 3], distinct=True, where=lambda x: x.p == x.q)
    many = random_pairs(rng, level.pick(10, 150, 1500), range(3, 7), n=[2, 3, 4], distinct=True)
    for law in (with_replacement, without_replacement, two_batches, random_number):
        for sample in (small, many):
            yield convex(f"{law.__name__}: q-convexity", sample, law)
    greedy = of_law("greedy")
    yield fails("greedy: q-convexity", EQUAL, partial(side, greedy, 4), partial(side, greedy, 3))


def race(level: Level, rng: np.random.Generator) -> Iterator[Finding]:
    """The steps of the race proof."""
    few = random_pairs(
        rng, level.pick(4, 40, 400), [3, 4, 5], [1, 2, 3, 4], denominator=12, distinct=True
    )
    law = without_replacement
    yield equal(
        "the first n arrivals have the law of n draws in turn",
        few,
        lambda x: list(race_law(x).values()),
        lambda x: [set_law(x, "without_replacement")[s] for s in race_law(x)],
    )
    for name, rung, place in (("earlier", 0, 3), ("later", 2, 4)):
        claim = f"the {name} step is the integral of its integrand"
        yield equal(claim, few, partial(integrals, rung), partial(side, law, place))
    for claim, rung in (("later integrand ≥ its part E_j > s", 1), ("that part ≥ earlier integrand", 0)):
        yield at_least(f"at six times: {claim}", few, partial(chain, rung + 1), partial(chain, rung))


def prefix_property(level: Level, rng: np.random.Generator) -> Iterator[Finding]:
    """Theorem 6.b, and where it ends."""
    small = grid(3, level.pick(2, 5, 8), n=[1, 2, 3], distinct=True)
    many = random_pairs(rng, level.pick(25, 400, 4000), range(2, 6), denominator=12, distinct=True)
    for law in (with_replacement, without_replacement):
        for sample in (small, many):
            yield from property_findings(sample, law)
        yield from shipped(many, law)
    for law in (two_batches, random_number):
        yield from property_findings(many, law)
    pairs = random_pairs(rng, level.pick(8, 80, 800), [2, 3, 4, 5], [2], denominator=12, distinct=True)
    yield equal(
        "without replacement: the formula at n = 2 that is tried for all p and q",
        pairs,
        lambda x: [two_draws(x.q, h) for h in subsets(x.V)],
        lambda x: [without_replacement(x, h) for h in subsets(x.V)],
    )
    questions = [(2, "with", 3), (3, "with", 3), (2, "without", 3)]
    for n, name, v in questions + level.pick([], [], [(2, "with", 4)]):
        claim = f"{name} replacement: no set is better than every prefix"
        scope, question = f"V = {v}, n = {n}, all p, q > 0", partial(cheaper_sets, v, n, name)
        yield impossible(claim, scope, question, seconds=120)
    for scheme, x in (("greedy", EQUAL), ("top_k", Pair.of("3/4 1/4", "2/3 1/3", 1))):
        yield no_prefix(f"{scheme}: some prefix of a ratio order is best", x, of_law(scheme))


def shipped(sample: Sample, law: Inside) -> list[Finding]:
    """The transport program and the shipped code agree with the level sets."""
    name = law.__name__
    return [
        equal(
            f"{name}: the best level set is α* of the transport program",
            sample,
            lambda x: least(x, law, level_sets(x)),
            lambda x: optimum(x, name),
        ),
        holds(
            f"{name}: optimal_acceptance, as shipped, encloses the best level set",
            sample,
            lambda x: enclosed(x, law),
        ),
    ]


def enclosed(x: Pair, law: Inside) -> bool:
    """α* of the shipped code is an interval that holds the exact best level set."""
    found = optimal_acceptance([*map(float, x.p)], [*map(float, x.q)], n=x.n, scheme=law.__name__)
    return Fraction(found.lower) <= least(x, law, level_sets(x)) <= Fraction(found.upper)


def no_prefix(claim: str, x: Any, law: Inside) -> Finding:
    """The neighbour: α* is attained by a prefix of some ratio order, whatever the order of ties."""
    return fails(claim, x, lambda x: everything(x, law), lambda x: least(x, law, prefixes(x)))


def drafters(level: Level, rng: np.random.Generator) -> Iterator[Finding]:
    """Theorem 6.d: right up to three tokens, wrong from four on, and beyond repair."""
    three = random_drafters(rng, level.pick(30, 600, 6000), [2, 3], [2, 3, 4], denominator=12)
    more = random_drafters(rng, level.pick(20, 200, 2000), [4, 5], [2, 3, 4], denominator=12)
    yield from property_findings(three, independent)
    yield equal(
        "independent: Q is that of the shipped set law",
        more,
        lambda x: [independent(x, h) for h in subsets(x.V)],
        lambda x: [inside(set_law(x, "independent"), h) for h in subsets(x.V)],
    )
    yield at_least(
        "independent: the first and the last step are in order",
        more,
        lambda x: [high for _, high in end_steps(x)],
        lambda x: [low for low, _ in end_steps(x)],
    )
    yield no_prefix("independent, V = 4: some prefix of p/mean q is best", SPLIT, independent)
    smaller = two_drafters(4, level.pick(1, 3, 5))
    yield holds(
        "independent, V = 4: with smaller denominators some prefix is best", smaller, has_best_prefix
    )
    yield fails(
        "independent: weights σ that depend on q₁ and q₂ alone can be right",
        ONE,
        lambda x: 1 / forced(x, 2, 1),
        lambda x: forced(OTHER, 1, 2),
        note="the other target is (2/3, 2/9, 1/9, 0): σ₁ ≤ σ₂ and σ₁ ≥ 2 σ₂",
    )


def two_drafters(vocabulary: int, denominator: int) -> Sample:
    """Every p, q₁, q₂ with denominators up to D, q₁ descending, which is no loss."""
    vectors = {
        tuple(Fraction(k, d) for k in counts)
        for d in range(1, denominator + 1)
        for counts in product(range(d + 1), repeat=vocabulary)
        if sum(counts) == d
    }
    triples = product(sorted(vectors), repeat=3)
    items = (Drafters(p, (a, b)) for a, b, p in triples if a == tuple(sorted(a, reverse=True)))
    return Sample(Kind.GRID, f"V = {vocabulary}, D ≤ {denominator}, n = 2", items)


def has_best_prefix(x: Drafters) -> bool:
    """Some prefix of p/mean q, for some order of the ties, is a minimiser."""
    best = everything(x, independent)
    return best == 1 or best == least(x, independent, prefixes(x))


def along_prefixes(level: Level, rng: np.random.Generator) -> Iterator[Finding]:
    """Theorem 6.e: the crossing, convexity along prefixes, and the bound on a block."""
    some = random_pairs(rng, level.pick(25, 400, 4000), range(2, 6), denominator=12, distinct=True)
    long = random_pairs(rng, level.pick(8, 100, 1000), range(5, 9), [1, 2, 3], distinct=True)
    yield holds("at a minimiser the ratio crosses n q(H)^(n−1)", some, crosses)
    yield holds(
        "along the ratio order the slopes of P and Q grow",
        long,
        lambda x: min(growth(x), default=0) >= 0,
    )
    bound = "inside a block P + 1 − Q is above the bound"
    yield at_least(bound, long, inside_blocks, lambda x: [Fraction(0)] * len(inside_blocks(x)))
    rows = long_rows(rng, level.pick(3, 10, 40), level.pick(70, 130, 200))
    shipped_value = partial(optimal_acceptance, n=3, scheme="without_replacement")
    yield equal(
        "optimal_acceptance, as shipped, finds the best of all prefixes by blocks",
        rows,
        lambda x: shipped_value(*x).value,
        three_draws,
        tol=1e-9,
    )
    yield fails(
        "a prefix at which the ratio crosses n q(H)^(n−1) is a minimiser",
        Pair.of("1/2 1/2", "1/2 1/2", 2),
        lambda x: everything(x, with_replacement),
        lambda x: x.P({0}) + 1 - with_replacement(x, frozenset({0})),
    )


def buckets(x: Pair) -> Iterator[tuple[list[int], list[int], list[int], Fraction]]:
    """What lies below a bucket, its heavy tokens by ratio, the rest, and the lowest ratio of the rest.

    Every stretch of the ratio order is a bucket, with every choice of heavy tokens.
    """
    order = sorted((i for i in range(x.V) if x.q[i]), key=lambda i: ratio(x, i))
    for a, b in combinations(range(len(order) + 1), 2):
        for chosen in subsets(b - a):
            heavy = [order[a + k] for k in sorted(chosen)]
            rest = [i for i in order[a:b] if i not in heavy]
            yield order[:a], heavy, rest, min((ratio(x, i) for i in rest), default=Fraction(0))


def whole_bound(
    x: Pair, law: Inside, below: list[int], heavy: list[int], rest: list[int], low: Fraction
) -> Fraction:
    """min over j of P(A_j) + 1 + min(−Q(A_j), low·q(R) − Q(A_j ∪ R)), A_j with j heavy tokens."""
    values = []
    for j in range(len(heavy) + 1):
        inner = frozenset(below + heavy[:j])
        values.append(x.P(inner) + 1 - law(x, inner))
        values.append(x.P(inner) + low * x.q_mass(rest) + 1 - law(x, inner | set(rest)))
    return min(values)


def over_buckets(x: Pair, law: Inside) -> tuple[list[Fraction], list[Fraction]]:
    """P + 1 − Q of every prefix that ends in a bucket, and the bucket's bound."""
    values, bounds = [], []
    for below, heavy, rest, low in buckets(x):
        inside_it = sorted(heavy + rest, key=lambda i: ratio(x, i))
        sets = [frozenset(below + inside_it[:k]) for k in range(len(inside_it) + 1)]
        values.append(least(x, law, sets))
        bounds.append(whole_bound(x, law, below, heavy, rest, low))
    return values, bounds


def any_part(x: Pair, law: Inside) -> tuple[list[Fraction], list[Fraction]]:
    """P + 1 − Q of the j first heavy tokens and any part of the rest, and the bucket's bound."""
    values, bounds = [], []
    for below, heavy, rest, low in buckets(x):
        for j, part in product(range(len(heavy) + 1), subsets(len(rest))):
            inner = frozenset(below + heavy[:j] + [rest[k] for k in part])
            values.append(x.P(inner) + 1 - law(x, inner))
            bounds.append(whole_bound(x, law, below, heavy, rest, low))
    return values, bounds


Sides = Callable[[Pair, Inside], tuple[list[Fraction], list[Fraction]]]


def of_both(part: Sides, law: Inside, place: int, x: Pair) -> list[Fraction]:
    """The values (place 0) or the bounds (1)."""
    return part(x, law)[place]


OFF = Fraction(1, 3)
"""The relative error of the keys that heavy tokens are sorted by."""


def misplaced(x: Pair) -> tuple[list[Fraction], list[Fraction]]:
    """The least of all sets of a bucket's tokens with what is below, and the bound, less its price.

    Heavy tokens are in the order of keys that are off by up to OFF; those of one key come together.
    """
    values, bounds = [], []
    for below, heavy, rest, low in buckets(x):
        key = {i: ratio(x, i) * (1 + OFF * (-1) ** k) for k, i in enumerate(heavy)}
        levels = [[i for i in heavy if key[i] <= cut] for cut in sorted(set(key.values()))]
        price = 2 * OFF * x.P(heavy) if len(heavy) > 1 else Fraction(0)
        tried = [whole_bound(x, with_replacement, below + some, [], rest, low) for some in [[], *levels]]
        tokens = heavy + rest
        sets = [frozenset(below + [tokens[k] for k in part]) for part in subsets(len(tokens))]
        values.append(least(x, with_replacement, sets))
        bounds.append(min(tried) - price)
    return values, bounds


def heaviest_first(x: Pair) -> Fraction:
    """The bound of one bucket of heavy tokens, taken by q descending in place of their ratio."""
    heavy = sorted(range(x.V), key=lambda i: -x.q[i])
    return whole_bound(x, with_replacement, [], heavy, [], Fraction(0))


def own_ratio(x: Pair) -> Fraction:
    """The bound of one bucket without heavy tokens, the rest at its own ratio p/q."""
    everyone = list(range(x.V))
    return whole_bound(x, with_replacement, [], [], everyone, x.P(everyone) / x.q_mass(everyone))


def lowest_ratio(x: Pair, law: Inside) -> Fraction:
    """The bound of one bucket without heavy tokens."""
    return whole_bound(x, law, [], [], list(range(x.V)), min(ratio(x, i) for i in range(x.V)))


def heavy_tokens(level: Level, rng: np.random.Generator) -> Iterator[Finding]:
    """Theorem 6.f: heavy tokens whole in or out, and the false neighbours."""
    sample = random_pairs(rng, level.pick(6, 60, 600), range(2, 6), denominator=30, distinct=True)
    short = random_pairs(rng, level.pick(6, 60, 600), range(2, 5), denominator=30, distinct=True)
    small = grid(3, level.pick(2, 4, 5), n=[1, 2, 3], distinct=True)
    for law in (with_replacement, without_replacement):
        tried = (sample, over_buckets, "prefix that ends there"), (short, any_part, "part of the rest")
        for found, part, what in (*tried, (small, any_part, "part of the rest")):
            yield at_least(
                f"heavy tokens whole, {law.__name__}: no {what} is below the bucket's bound",
                found,
                partial(of_both, part, law, 0),
                partial(of_both, part, law, 1),
            )
    yield at_least(
        "heavy tokens by keys off by ε: no set is below the bound less 2ε p(heavy)",
        short,
        lambda x: misplaced(x)[0],
        lambda x: misplaced(x)[1],
    )
    two, flat = Pair.of("0 1", "1/3 2/3", 2), Pair.of("0 1", "1/2 1/2", 2)
    top = Pair.of("1/2 1/2", "2/3 1/3", 1)
    by_replacement = partial(least, law=with_replacement)
    yield fails(
        "heavy tokens may be taken by q descending",
        two,
        lambda x: by_replacement(x, sets=prefixes(x)),
        heaviest_first,
    )
    yield fails(
        "the rest may count at its own ratio",
        flat,
        lambda x: by_replacement(x, sets=prefixes(x)),
        own_ratio,
    )
    yield fails(
        "the bound needs no q-convexity: top_k",
        top,
        lambda x: least(x, of_law("top_k"), prefixes(x)),
        lambda x: lowest_ratio(x, of_law("top_k")),
    )


def check(level: Level, rng: np.random.Generator) -> Evidence:
    """q-convexity, its race proof step by step, and what follows from it."""
    parts = (convexity, race, prefix_property, drafters, along_prefixes, heavy_tokens)
    return Evidence.of(*(finding for part in parts for finding in part(level, rng)))
