"""Check of page 9: α* in the number of drafts, one scheme against another, and when α* = 1."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache, partial
from itertools import product
from math import prod
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
from mdsd_theory.proving.optima import optimum, set_law, subsets
from mdsd_theory.proving.symbolic import sympy, z3

Set = frozenset[int]
Inside = Callable[[Any, Set], Fraction]
"""Q: an instance and a set H to P(S ⊆ H)."""
ZERO, ONE = Fraction(0), Fraction(1)
WITH, WITHOUT, GREEDY, TOP_K = SCHEMES = ("with_replacement", "without_replacement", "greedy", "top_k")
SMALLEST = [
    (WITHOUT, WITH, Pair.of("1 0", "1/2 1/2", 2)),
    (GREEDY, WITH, Pair.of("1 0", "1/2 1/2", 2)),
    (WITH, GREEDY, Pair.of("0 0 1", "1/3 1/3 1/3", 2)),
    (GREEDY, WITHOUT, Pair.of("1 0 0", "1/3 1/3 1/3", 2)),
    (WITHOUT, GREEDY, Pair.of("0 0 1", "1/3 1/3 1/3", 2)),
    *((TOP_K, scheme, Pair.of("1 0", "1/2 1/2", 1)) for scheme in (WITH, WITHOUT, GREEDY)),
    *((scheme, TOP_K, Pair.of("0 1", "1/2 1/2", 1)) for scheme in (WITH, WITHOUT, GREEDY)),
]
"""The better scheme, the worse one, and the smallest instance on which they are that."""


def likeliest(x: Pair, k: int) -> Set:
    """T_k: the k tokens of largest q, the lowest index first among ties."""
    return frozenset(sorted(range(x.V), key=lambda i: (-x.q[i], i))[:k])


def with_replacement(x: Pair, h: Set) -> Fraction:
    """Q(H) = q(H)^n."""
    return x.q_mass(h) ** x.n


@lru_cache(maxsize=100_000)
def without_replacement(x: Pair, h: Set, gone: Set = frozenset()) -> Fraction:
    """Q(H): every draw, renormalised without the tokens gone, is inside H."""
    if x.n == len(gone):
        return ONE
    left = 1 - x.q_mass(gone)
    return sum((x.q[i] / left * without_replacement(x, h, gone | {i}) for i in h - gone if x.q[i]), ZERO)


def greedy(x: Pair, h: Set) -> Fraction:
    """Q(H) = q(H∖T) / (1 − q(T)) if H holds T = T_{n−1}, else 0."""
    top = likeliest(x, x.n - 1)
    return x.q_mass(h - top) / (1 - x.q_mass(top)) if top <= h else ZERO


def top_k(x: Pair, h: Set) -> Fraction:
    """Q(H) = 1 if H holds T_n, else 0."""
    return ONE if likeliest(x, x.n) <= h else ZERO


def independent(x: Drafters, h: Set) -> Fraction:
    """Q(H) = Π q_k(H)."""
    return Fraction(prod(sum((q[i] for i in h), ZERO) for q in x.q))


def dependent(x: Drafters, h: Set) -> Fraction:
    """Q(H) of a joint law: X₁ ~ q₁, then X₂ ~ q₃ if X₁ is token 0, else q₂."""
    second = [sum((q[i] for i in h), ZERO) for q in x.q]
    return sum((x.q[0][i] * second[-1 if i == 0 else 1 % x.n] for i in h), ZERO)


LAWS: dict[str, Inside] = {
    WITH: with_replacement,
    WITHOUT: without_replacement,
    GREEDY: greedy,
    TOP_K: top_k,
}


@lru_cache(maxsize=100_000)
def best(x: Any, law: Inside) -> Fraction:
    """α* = min over all H of P(H) + 1 − Q(H)."""
    return Fraction(min(x.P(h) + 1 - law(x, h) for h in subsets(x.V)))


def drafts(x: Pair, n: int) -> Pair:
    """The same position with n drafts."""
    return Pair(x.p, x.q, n)


def support(x: Pair) -> Set:
    """The tokens with q > 0."""
    return frozenset(i for i in range(x.V) if x.q[i])


def below(x: Pair, one: str, other: str) -> bool:
    """Tell whether Q of the second scheme is nowhere above Q of the first: α* ≤ for every target."""
    return all(LAWS[other](x, h) <= LAWS[one](x, h) for h in subsets(x.V))


def worst_target(x: Pair, scheme: str, h: Set) -> Pair:
    """p: the law of the first token of S outside H, or of the first token outside H if there is none."""
    outside = [i for i in range(x.V) if i not in h]
    p = [ZERO] * x.V
    for s, weight in set_law(x, scheme).items():
        p[min(s - h, default=outside[0])] += weight
    return Pair(tuple(p), x.q, x.n)


def worst_values(scheme: str, x: Pair) -> list[Fraction]:
    """α* of the worst target of every H."""
    return [best(worst_target(x, scheme, h), LAWS[scheme]) for h in subsets(x.V) if len(h) < x.V]


def chances_outside(scheme: str, x: Pair) -> list[Fraction]:
    """1 − Q(H) of every H."""
    return [1 - LAWS[scheme](x, h) for h in subsets(x.V) if len(h) < x.V]


def criterion(x: Pair) -> bool:
    """(1 − q_min)^n ≥ 1 − q_min / (1 − q(T)), q_min the least positive entry of q."""
    least = min(v for v in x.q if v)
    return (1 - least) ** x.n >= 1 - least / (1 - x.q_mass(likeliest(x, x.n - 1)))


def heavy_top(x: Pair) -> bool:
    """q(T) ≥ 1 − 1/n."""
    return x.q_mass(likeliest(x, x.n - 1)) >= 1 - Fraction(1, x.n)


def expected_order(x: Pair, one: str, other: str) -> bool:
    """What theorem 9.c says: whether the first scheme is ≤ the second for every target."""
    everything, single = len(support(x)) == x.n, x.n == 1
    if one == other or (one, other) == (WITH, WITHOUT):
        return True
    if (one, other) == (WITH, GREEDY):
        return criterion(x)
    if everything:
        return other != WITH or single
    return single and TOP_K not in (one, other)


def coupled(x: Pair) -> dict[tuple[Set, Set], Fraction]:
    """Greedy with n and n + 1 drafts together: a last draft outside T_n is kept, else drawn anew."""
    top, more = likeliest(x, x.n - 1), likeliest(x, x.n)
    law: dict[tuple[Set, Set], Fraction] = {}
    for i in support(x) - top:
        for j in support(x) - more:
            chance = x.q[i] / (1 - x.q_mass(top))
            chance *= ONE * (i == j) if i not in more else x.q[j] / (1 - x.q_mass(more))
            if chance:
                law[top | {i}, more | {j}] = law.get((top | {i}, more | {j}), ZERO) + chance
    return law


def is_coupling(x: Pair) -> bool:
    """Both marginals are the set laws of greedy, and the smaller set is inside the larger."""
    law, margins = coupled(x), (dict[Set, Fraction](), dict[Set, Fraction]())
    for pair, weight in law.items():
        for margin, s in zip(margins, pair, strict=True):
            margin[s] = margin.get(s, ZERO) + weight
    laws = (set_law(x, GREEDY), set_law(drafts(x, x.n + 1), GREEDY))
    return margins == laws and all(small <= large for small, large in law)


def increases(x: Pair, scheme: str) -> bool:
    """α*(n + 1) > α*(n), unless α*(n) = P(supp q) already; never more than that."""
    law, most = LAWS[scheme], x.P(support(x))
    now, then = best(x, law), best(drafts(x, x.n + 1), law)
    return now < then <= most or now == then == most


def better_without(x: Pair) -> bool:
    """Without replacement is better for n ≥ 2, unless α* with replacement is P(supp q) already."""
    one, other = best(x, with_replacement), best(x, without_replacement)
    return one < other or x.n == 1 or one == x.P(support(x))


def drafts_needed(x: Pair) -> int | None:
    """The least N with (1 − q_min)^N ≤ 1 − P(supp q) + min p on supp q; None if that is zero."""
    gap = 1 - x.P(support(x)) + min(x.p[i] for i in support(x))
    least, n = min(v for v in x.q if v), 1
    if not gap:
        return None
    while (1 - least) ** n > gap:
        n += 1
    return n


def reaches_limit(x: Pair) -> bool:
    """α* = P(supp q) with N drafts; or, N being none, α* ≤ 1 − q_i^n < 1 at a token with p_i = 0.

    And P(supp q) − (1 − q_min)^n ≤ α* in any case.
    """
    n = drafts_needed(x)
    if best(x, with_replacement) < x.P(support(x)) - (1 - min(v for v in x.q if v)) ** x.n:
        return False
    if n is not None:
        return best(drafts(x, n), with_replacement) == x.P(support(x))
    missed = max(x.q[i] for i in support(x) if not x.p[i])
    return x.P(support(x)) == 1 and best(x, with_replacement) <= 1 - missed**x.n < 1


def second_difference(x: Pair, law: Inside) -> Fraction:
    """α*(n) − α*(n − 1) less α*(n + 1) − α*(n), with α*(0) = 0."""
    before = best(drafts(x, x.n - 1), law) if x.n > 1 else ZERO
    return 2 * best(x, law) - before - best(drafts(x, x.n + 1), law)


def enclosed(x: Pair, scheme: str) -> bool:
    """α* of the shipped code is an interval that holds the exact value."""
    found = optimal_acceptance([*map(float, x.p)], [*map(float, x.q)], n=x.n, scheme=scheme)
    return Fraction(found.lower) <= best(x, LAWS[scheme]) <= Fraction(found.upper)


def two_draws(q: Any, h: Set) -> Any:
    """Q(H) of two drafts without replacement: Σ_{i ∈ H} q_i (q(H) − q_i) / (1 − q_i)."""
    return sum(q[i] * (sum(q[k] for k in h) - q[i]) / (1 - q[i]) for i in h)


def likelier_inside(vocabulary: int) -> list[object]:
    """z3: q > 0 and a set H that two drafts without replacement stay inside more often than two with."""
    logic = z3()
    q, q_is = simplex("q", vocabulary)

    sets = [h for h in subsets(vocabulary) if h]
    above = [two_draws(q, h) > logic.Sum([q[i] for i in h]) * logic.Sum([q[i] for i in h]) for h in sets]
    return [*q_is, *(v > 0 for v in q), logic.Or(above)]


def gains() -> list[tuple[Any, Any]]:
    """With replacement, s = q(H): what draft n adds to 1 − s^n less what draft n + 1 adds."""
    s = sympy().symbols("s")
    return [
        (2 * (1 - s**n) - (1 - s ** (n - 1)) - (1 - s ** (n + 1)), s ** (n - 1) * (1 - s) ** 2)
        for n in range(1, 7)
    ]


def light_enough(n: int) -> list[object]:
    """z3: a = q(T) ≥ 1 − 1/n and a least token m ≤ 1 − a that break the criterion."""
    a, m = z3().Reals("a m")
    return [n * a >= n - 1, a < 1, m > 0, m <= 1 - a, prod([1 - m] * n) < 1 - m / (1 - a)]


def same_law(scheme: str, x: Pair) -> bool:
    """Q is that of the shipped set law."""
    law = set_law(x, scheme)
    return all(LAWS[scheme](x, h) == sum(w for s, w in law.items() if s <= h) for h in subsets(x.V))


def table_holds(x: Pair) -> bool:
    """Q of one scheme is nowhere above Q of another exactly where theorem 9.c says so."""
    return all(below(x, a, b) == expected_order(x, a, b) for a, b in product(SCHEMES, SCHEMES))


def targets_hold(x: Pair) -> list[Fraction]:
    """The slack of every inequality between two α* that theorem 9.c claims."""
    pairs = [(a, b) for a, b in product(SCHEMES, SCHEMES) if expected_order(x, a, b)]
    return [best(x, LAWS[b]) - best(x, LAWS[a]) for a, b in pairs]


def witnessed(x: Pair) -> bool:
    """Where one scheme is not ≤ another, the worst target of some H shows it."""
    for a, b in product(SCHEMES, SCHEMES):
        if not expected_order(x, a, b):
            targets = [worst_target(x, a, h) for h in subsets(x.V) if LAWS[b](x, h) > LAWS[a](x, h)]
            if not targets or any(best(y, LAWS[a]) <= best(y, LAWS[b]) for y in targets):
                return False
    return True


def comparison(level: Level, rng: np.random.Generator) -> Iterator[Finding]:
    """Theorem 9.a: schemes are compared by Q alone."""
    some = random_pairs(rng, level.pick(6, 100, 1000), [2, 3, 4, 5], denominator=12, distinct=True)
    for scheme in SCHEMES:
        claim = f"{scheme}: the worst target of H has α* = 1 − Q(H)"
        yield equal(claim, some, partial(worst_values, scheme), partial(chances_outside, scheme))
        yield holds(f"{scheme}: Q is that of the shipped set law", some, partial(same_law, scheme))
        shipped = partial(enclosed, scheme=scheme)
        yield holds(f"{scheme}: optimal_acceptance, as shipped, encloses α*", some, shipped)


def in_n(level: Level, rng: np.random.Generator) -> Iterator[Finding]:
    """Theorem 9.b: more drafts."""
    many = random_pairs(rng, level.pick(60, 400, 4000), [3, 4, 5], denominator=12, distinct=True)
    fewer = [drafts(x, x.n - 1) for x in many.items if x.n > 1]
    one_more = Sample(Kind.RANDOM, "V = 3–5, D ≤ 12, n = 1–2", fewer)
    for scheme, law in LAWS.items():
        claim = f"{scheme}: α*(n + 1) ≥ α*(n)"
        yield at_least(claim, one_more, partial(more_drafts, law), partial(best, law=law))
    yield holds(
        "greedy: n and n + 1 drafts can be drawn together, one set in the other", one_more, is_coupling
    )
    for scheme in (WITH, WITHOUT):
        rises = partial(increases, scheme=scheme)
        yield holds(f"{scheme}: α* increases in n strictly up to P(supp q)", one_more, rises)
    for scheme in (WITHOUT, GREEDY, TOP_K):
        claim = f"{scheme}: with a draft for every token α* = P(supp q)"
        yield equal(claim, one_more, partial(all_drafted, LAWS[scheme]), lambda x: x.P(support(x)))
    drafters = random_drafters(rng, level.pick(30, 300, 3000), [2, 3, 4], [2, 3], denominator=12)
    yield at_least(
        "independent: another drafter never hurts",
        drafters,
        lambda x: best(x, independent),
        lambda x: best(Drafters(x.p, x.q[:-1]), independent),
    )
    yield at_least(
        "a joint law: another draft never hurts",
        random_drafters(rng, level.pick(30, 300, 3000), [2, 3, 4], [3], denominator=12),
        lambda x: best(x, dependent),
        lambda x: best(Drafters(x.p, x.q[:1]), independent),
    )
    small = grid(3, level.pick(3, 4, 6), n=[1, 2, 3])
    yield holds("with replacement: P(supp q) is the limit, reached at N or never", small, reaches_limit)
    yield identity("with replacement: the gains fall by s^(n−1) (1 − s)²", "all s, n = 1–6", gains)
    falls = partial(second_difference, law=with_replacement)
    for sample in (small, many):
        yield at_least("with replacement: α* is concave in n", sample, falls, lambda x: ZERO)
    slow = Pair.of("0 0 1", "1/2 1/4 1/4", 2)
    for scheme, x in ((WITHOUT, slow), (GREEDY, Pair.of("0 0 1", "1/3 1/3 1/3", 2))):
        law = LAWS[scheme]
        yield fails(
            f"{scheme}: α* is concave in n", x, partial(second_difference, law=law), lambda x: ZERO
        )
    yield fails(
        "without replacement: α*(2) ≤ 2 α*(1)",
        Pair.of("0 1", "2/3 1/3", 2),
        lambda x: 2 * best(drafts(x, 1), without_replacement),
        lambda x: best(x, without_replacement),
    )


def smaller_instances(denominator: int) -> Sample:
    """Every p and q of up to three tokens with denominators up to D, in every order of the tokens."""
    scope = f"V ≤ 3, D ≤ {denominator}, n ≤ 3"
    found = {
        Pair(tuple(Fraction(a, d) for a in p), tuple(Fraction(b, e) for b in q), n)
        for v, d, e in product((1, 2, 3), range(1, denominator + 1), range(1, denominator + 1))
        for p in product(range(d + 1), repeat=v)
        for q in product(range(e + 1), repeat=v)
        for n in range(1, sum(map(bool, q)) + 1)
        if (sum(p), sum(q)) == (d, e)
    }
    return Sample(Kind.GRID, scope, sorted(found, key=lambda x: (x.size, str(x))))


def none_has_that_sign(x: Pair) -> bool:
    """No instance smaller than those of SMALLEST has the sign that they show."""
    cases = [(LAWS[better], LAWS[worse]) for better, worse, shown in SMALLEST if x.size < shown.size]
    return all(best(x, better) <= best(x, worse) for better, worse in cases)


def all_drafted(law: Inside, x: Pair) -> Fraction:
    """α*(m), m the number of tokens with q > 0."""
    return best(drafts(x, len(support(x))), law)


def more_drafts(law: Inside, x: Pair) -> Fraction:
    """α*(n + 1)."""
    return best(drafts(x, x.n + 1), law)


def table(level: Level, rng: np.random.Generator) -> Iterator[Finding]:
    """Theorem 9.c: one scheme against another."""
    some = random_pairs(rng, level.pick(10, 300, 3000), [2, 3, 4, 5], denominator=12, distinct=True)
    every = grid(4, level.pick(4, 6, 8), distinct=True, where=lambda x: x.p == x.q)
    for sample in (every, some):
        yield holds(
            "Q of one scheme is below Q of another exactly as the table says", sample, table_holds
        )
    yield at_least(
        "what the table orders is ordered", some, targets_hold, lambda x: [ZERO] * len(targets_hold(x))
    )
    yield holds("what it does not order has both signs", some, witnessed)
    yield holds(
        "q(T) ≥ 1 − 1/n is enough for the criterion", some, lambda x: criterion(x) or not heavy_top(x)
    )
    yield holds("without replacement is strictly better from n = 2", some, better_without)
    for n in (2, 3, 4):
        claim = "q(T) ≥ 1 − 1/n is enough for the criterion"
        yield impossible(claim, f"n = {n}, all q", partial(light_enough, n))
    pairs = random_pairs(rng, level.pick(8, 80, 800), [2, 3, 4, 5], [2], denominator=12, distinct=True)
    yield equal(
        "without replacement: the formula at n = 2 that is tried for all q",
        pairs,
        lambda x: [Fraction(two_draws(x.q, h)) for h in subsets(x.V)],
        lambda x: [without_replacement(x, h) for h in subsets(x.V)],
    )
    claim = "two drafts without replacement stay inside H more seldom"
    yield impossible(claim, "V = 4, n = 2, all q > 0", partial(likelier_inside, 4))
    for better, worse, x in SMALLEST:
        claim = f"α*({worse}) ≥ α*({better})"
        yield fails(claim, x, partial(optimum, scheme=worse), partial(optimum, scheme=better))
    yield holds("no smaller instance has that sign", smaller_instances(3), none_has_that_sign)
    fifth = Pair.of("0 0 0 0 1", "1/5 1/5 1/5 1/5 1/5", 2)
    yield fails(
        "three greedy drafts are at least as good as two without replacement",
        fifth,
        lambda x: optimum(drafts(x, 3), GREEDY),
        lambda x: optimum(x, WITHOUT),
    )
    yield fails(
        "three drafts without replacement are at least as good as two greedy ones",
        Pair.of("1 0 0 0", "1/4 1/4 1/4 1/4", 2),
        lambda x: optimum(drafts(x, 3), WITHOUT),
        lambda x: optimum(x, GREEDY),
    )


def level_cuts(x: Pair) -> list[Set]:
    """The sets of tokens with q > 0 and p ≤ c q, for every ratio c."""
    ratios = {i: x.p[i] / x.q[i] for i in support(x)}
    return [frozenset(i for i, rho in ratios.items() if rho <= c) for c in set(ratios.values())]


def always_accepts(scheme: str, x: Pair) -> bool:
    """α* = 1 in the transport program iff P ≥ Q at all H, or at the level sets where they suffice."""
    sets = level_cuts(x) if scheme in (WITH, WITHOUT) else list(subsets(x.V))
    return all(x.P(h) >= LAWS[scheme](x, h) for h in sets) == (optimum(x, scheme) == 1)


def like_one_draft(scheme: str, x: Pair) -> bool:
    """At p = q: α* = 1 iff Q(H) ≤ q(H) for all H."""
    equals = Pair(x.q, x.q, x.n)
    return (best(equals, LAWS[scheme]) == 1) == all(
        LAWS[scheme](x, h) <= x.q_mass(h) for h in subsets(x.V)
    )


def top_k_is_all(x: Pair) -> bool:
    """Top-k has α* = 1 in the transport program at p = q."""
    return optimum(Pair(x.q, x.q, x.n), TOP_K) == 1


def one_draft(x: Pair) -> Fraction:
    """Σ min(p, q)."""
    return sum(map(min, x.p, x.q), ZERO)


def ones(level: Level, rng: np.random.Generator) -> Iterator[Finding]:
    """Theorem 9.d: when α* = 1."""
    small = grid(3, level.pick(3, 4, 6), n=[1, 2, 3], distinct=True)
    for scheme, law in LAWS.items():
        claim = f"{scheme}: α* = 1 iff P(H) ≥ Q(H), at level sets where they are enough"
        yield holds(claim, small, partial(always_accepts, scheme))
        claim = f"{scheme}: α* = 1 at p = q iff Q ≤ q everywhere"
        yield holds(claim, small, partial(like_one_draft, scheme))
        if scheme != TOP_K:
            yield at_least(f"{scheme}: α* ≥ Σ min(p, q)", small, partial(best, law=law), one_draft)
    claim = "top_k: α* = 1 at p = q iff n is the number of tokens with q > 0"
    yield holds(claim, small, lambda x: top_k_is_all(x) == (len(support(x)) == x.n))
    same = Pair.of("1/2 1/2", "1/2 1/2", 1)
    yield fails("top_k: α* = 1 at p = q", same, lambda x: optimum(x, TOP_K), lambda x: ONE)


def check(level: Level, rng: np.random.Generator) -> Evidence:
    """α* grows with n; which schemes are ordered; α* = 1."""
    parts = (comparison, in_n, table, ones)
    return Evidence.of(*(finding for part in parts for finding in part(level, rng)))
