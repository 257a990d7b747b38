"""Check of page 10: the known verifiers."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import permutations, product
from math import e, expm1, log1p, prod
from typing import Any

import numpy as np

from mdsd_theory import VERIFIERS
from mdsd_theory.proving import (
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
    impossible,
    random_pairs,
    simplex,
)
from mdsd_theory.proving.optima import best_subset, set_law
from mdsd_theory.proving.symbolic import sympy, z3

NEAR = Fraction(1, 2**20)
ZERO, ONE = Fraction(0), Fraction(1)
WITH, WITHOUT = "with_replacement", "without_replacement"
TWO = Fraction(2)
Vector = Sequence[Fraction]
Rule = Callable[[tuple[int, ...]], tuple[list[Fraction], Vector]]
"""From drafts to the chance that each is accepted when its turn comes, and the final residual."""
Constant = Callable[[int], tuple[Fraction, Fraction]]
"""From n to the s of the sharp instance and a lower bound of the constant."""


def overlap(x: Pair, t: Fraction) -> Fraction:
    """F(t) = Σ min(p, t q)."""
    return sum((min(a, t * b) for a, b in zip(x.p, x.q, strict=True)), start=ZERO)


@lru_cache(maxsize=100_000)
def clock(x: Pair) -> list[Fraction]:
    """t_0 = 0, t_{k+1} = t_k + 1 − F(t_k): the n + 1 times of RRS with replacement."""
    t = [ZERO]
    for _ in range(x.n):
        t.append(t[-1] + 1 - overlap(x, t[-1]))
    return t


def rrs(x: Pair) -> Fraction:
    """F(t_n)."""
    return overlap(x, clock(x)[-1])


def paths(
    x: Pair, gone: tuple[int, ...] = (), chance: Fraction = ONE, t: tuple[Fraction, ...] = (ZERO,)
) -> Iterator[tuple[Fraction, tuple[Fraction, ...]]]:
    """Paths of rejected tokens under P~, with t_{k+1} = t_k + (1 − F(t_k))/(1 − u_k)."""
    here, left = t[-1], 1 - x.q_mass(gone)
    then = here + (1 - overlap(x, here)) / left
    t = (*t, then)
    rejected = {
        i: max(then * x.q[i] - max(x.p[i], here * x.q[i]), ZERO) for i in range(x.V) if i not in gone
    }
    total = sum(rejected.values(), start=ZERO)
    if len(t) > x.n or not total:
        yield chance, t + (then,) * (x.n + 1 - len(t))
        return
    for i, weight in rejected.items():
        if weight:
            yield from paths(x, (*gone, i), chance * weight / total, t)


def rrs_without(x: Pair) -> Fraction:
    """E~ F(t_n)."""
    return sum((chance * overlap(x, t[-1]) for chance, t in paths(x)), start=ZERO)


def lead(x: Pair) -> list[Fraction]:
    """t_k without replacement − t_k with, at every step of every path."""
    return [a - b for _, t in paths(x) for a, b in zip(t, clock(x), strict=True)]


def naive(x: Pair, scheme: str) -> Fraction:
    """Σ p_i P(i ∈ S)."""
    return sum((w * x.P(s) for s, w in set_law(x, scheme).items()), start=ZERO)


def missed(x: Pair) -> list[Fraction]:
    """m_i = P(i ∉ S), without replacement; 1 for no draft."""
    law = set_law(x, WITHOUT) if x.n else {frozenset[int](): ONE}
    return [sum((w for s, w in law.items() if i not in s), start=ZERO) for i in range(x.V)]


def missed_beside(x: Pair) -> dict[int, list[Fraction]]:
    """m_i^j: i is missed by n − 1 drafts without token j; for each j with 0 < q_j < 1."""
    out = {}
    for j in (j for j in range(x.V) if 0 < x.q[j] < 1):
        rest = tuple(ZERO if i == j else b / (1 - x.q[j]) for i, b in enumerate(x.q))
        out[j] = missed(Pair(x.p, rest, x.n - 1))
    return out


def spared(x: Pair) -> list[Fraction]:
    """m_i^j − m_i for all i ≠ j."""
    less, all_missed = missed_beside(x), missed(x)
    return [row[i] - all_missed[i] for j, row in less.items() for i in range(x.V) if i != j]


def missed_by_first_draw(x: Pair) -> list[Fraction]:
    """Σ_{j≠i} q_j m_i^j: i is missed by the first draft, and by the others."""
    less = missed_beside(x) or {j: [ONE] * x.V for j in range(x.V) if x.q[j]}
    return [sum((x.q[j] * less[j][i] for j in less if j != i), start=ZERO) for i in range(x.V)]


def one_step(x: Pair) -> list[Fraction]:
    """p_i m_i − λ_i Σ_x (q_x − p_x)_+ m_i^x for p_i > q_i, λ_i = (p_i − q_i)/z: naive pays no less."""
    over = [max(a - b, ZERO) for a, b in zip(x.p, x.q, strict=True)]
    z, less, all_missed = sum(over, start=ZERO), missed_beside(x), missed(x)
    under = {j: max(x.q[j] - x.p[j], ZERO) for j in range(x.V)}
    out = []
    for i in (i for i in range(x.V) if over[i]):
        paid = sum((under[j] * (less[j][i] if j in less else ONE) for j in under if j != i), start=ZERO)
        out.append(x.p[i] * all_missed[i] - over[i] / z * paid)
    return out


def beta(x: Pair, gamma: Fraction) -> Fraction:
    """β(γ) = Σ min(q, p/γ)."""
    return sum((min(b, a / gamma) for a, b in zip(x.p, x.q, strict=True)), start=ZERO)


def some_accepted(x: Pair, gamma: Fraction) -> Fraction:
    """A(γ) = 1 − (1 − β(γ))^n."""
    return 1 - (1 - beta(x, gamma)) ** x.n


@lru_cache(maxsize=100_000)
def bracket(x: Pair, bits: int = 24) -> tuple[Fraction, Fraction]:
    """γ* of K-SEQ lies between these two; the second is valid, A(γ) ≤ γ β(γ)."""
    low, high = ONE, Fraction(x.n)
    if some_accepted(x, low) <= low * beta(x, low):
        return low, low
    for _ in range(bits):
        middle = (low + high) / 2
        enough = some_accepted(x, middle) <= middle * beta(x, middle)
        low, high = (low, middle) if enough else (middle, high)
    return low, high


def k_seq_low(x: Pair) -> Fraction:
    """A lower bound of K-SEQ's acceptance F(γ*), 2^−24 (n − 1) off at most."""
    return overlap(x, bracket(x)[0])


def k_seq_high(x: Pair) -> Fraction:
    """An upper bound of K-SEQ's acceptance F(γ*)."""
    return overlap(x, bracket(x)[1])


def recursive(x: Pair, replacement: bool) -> Rule:
    """Accept with min(1, r/q); else r ← (r − q)_+ and, without replacement, q loses the token."""

    def rule(drafts: tuple[int, ...]) -> tuple[list[Fraction], Vector]:
        residual, law, accepts = scaled(x.p), scaled(x.q), []
        for token in drafts:
            accepts.append(min(ONE, residual[token] / law[token]))
            residual = scaled([max(a - b, ZERO) for a, b in zip(residual, law, strict=True)])
            if not replacement:
                law = scaled([ZERO if i == token else b for i, b in enumerate(law)])
        return accepts, residual

    return rule


def k_seq(x: Pair, gamma: Fraction) -> Rule:
    """Accept with min(1, p/(γ q)); else Y ∝ p − min(q, p/γ) A(γ)/β(γ)."""
    rest = scaled(k_seq_residual(x, gamma))
    return lambda drafts: ([min(ONE, x.p[i] / (gamma * x.q[i])) for i in drafts], rest)


def k_seq_residual(x: Pair, gamma: Fraction) -> list[Fraction]:
    """p − min(q, p/γ) A(γ)/β(γ), before scaling."""
    factor = some_accepted(x, gamma) / beta(x, gamma) if beta(x, gamma) else ZERO
    return [a - factor * min(b, a / gamma) for a, b in zip(x.p, x.q, strict=True)]


def scaled(v: Vector) -> list[Fraction]:
    """v / Σ v, or v itself where that is zero."""
    total = sum(v, start=ZERO)
    return [a / total for a in v] if total else list(v)


def draws(x: Pair, replacement: bool) -> Iterator[tuple[tuple[int, ...], Fraction]]:
    """Ordered drafts with their probability."""
    support = [i for i in range(x.V) if x.q[i]]
    for drafts in product(support, repeat=x.n) if replacement else permutations(support, x.n):
        used = [ZERO if replacement else x.q_mass(drafts[:k]) for k in range(x.n)]
        yield drafts, prod((x.q[i] / (1 - u) for i, u in zip(drafts, used, strict=True)), start=ONE)


def walked(x: Pair, rule: Rule, replacement: bool = True) -> tuple[list[Fraction], Fraction, Fraction]:
    """The law of Y, P(Y ∈ S), and the explicit acceptance, over all drafts and all branches."""
    law, value, explicit = [ZERO] * x.V, ZERO, ZERO
    for drafts, waiting in draws(x, replacement):
        accepts, residual = rule(drafts)
        for token, accept in zip(drafts, accepts, strict=True):
            law[token] += waiting * accept
            explicit += waiting * accept
            waiting *= 1 - accept
        for token, share in enumerate(residual):
            law[token] += waiting * share
            value += waiting * share * (token in drafts)
    return law, value + explicit, explicit


def off_line(x: Pair, replacement: bool) -> Fraction:
    """How far any residual is from (p − t q)_+/(1 − F(t)), over all draws that are all rejected."""
    far, rule = ZERO, recursive(x, replacement)
    for drafts, _ in draws(x, replacement):
        accepts, residual = rule(drafts)
        if ONE not in accepts:
            t = ZERO
            for k in range(x.n):
                left = ONE if replacement else 1 - x.q_mass(drafts[:k])
                t += (1 - overlap(x, t)) / left
            line = scaled([max(a - t * b, ZERO) for a, b in zip(x.p, x.q, strict=True)])
            far = max(far, *(abs(a - b) for a, b in zip(line, residual, strict=True)))
    return far


def two_tokens(s: Fraction, n: int) -> Pair:
    """p = (s^n, 1 − s^n), q = (s, 1 − s)."""
    return Pair((s**n, 1 - s**n), (s, 1 - s), n)


def root(rises: Callable[[Fraction], bool], low: int, high: int) -> tuple[Fraction, Fraction]:
    """Two fractions, 2^−30 (high − low) apart, between which a predicate turns true."""
    a, b = Fraction(low), Fraction(high)
    for _ in range(30):
        middle = (a + b) / 2
        a, b = (a, middle) if rises(middle) else (middle, b)
    return a, b


def rrs_constant(n: int) -> tuple[Fraction, Fraction]:
    """s and a lower bound of d_n = 1 − (n−1)/(2n−1) s^n at s^{n−1} = n/(2n−1)."""
    _, s = root(lambda s: s ** (n - 1) >= Fraction(n, 2 * n - 1), 0, 1)
    return s, 1 - Fraction(n - 1, 2 * n - 1) * s**n


def k_seq_constant(n: int) -> tuple[Fraction, Fraction]:
    """s and a lower bound of c_n = 1 − w^{−n}: 1 + w + … + w^{n−1} = n (n/(n−1))^{n−1}, s w = n/(n−1)."""
    if n == 1:
        return ONE, ONE
    top = n * Fraction(n, n - 1) ** (n - 1)
    w, _ = root(lambda w: sum((w**k for k in range(n)), start=ZERO) >= top, 1, 4)
    return Fraction(n, n - 1) / w, 1 - w**-n


def spectr_constant(n: int) -> Fraction:
    """1 − (1 − 1/n)^n."""
    return 1 - Fraction(n - 1, n) ** n


def optimum(x: Pair) -> Fraction:
    """α* with replacement, over all subsets."""
    return best_subset(x, WITH)[0]


def mixed_bound(x: Pair) -> Fraction:
    """α*(1 − s^n + s^{2n−1}) + (1 − α*)(1 − s^n)(1 − s^{n−1}), s = q{p < t_n q}: RRS is no less."""
    t, n, best = clock(x)[-1], x.n, optimum(x)
    s = x.q_mass([i for i in range(x.V) if x.p[i] < t * x.q[i]])
    return best * (1 - s**n + s ** (2 * n - 1)) + (1 - best) * (1 - s**n) * (1 - s ** (n - 1))


def pick_chance(i: int, j: int) -> Fraction:
    """w_ij, some weights with w_ij + w_ji = 1."""
    return Fraction((2 * i + 3 * j) % 5, 4) if i < j else 1 - pick_chance(j, i) if i > j else ONE


def pick_law(x: Pair) -> list[Fraction]:
    """y_i = q_i² + Σ_{j≠i} 2 q_i q_j w_ij."""
    twice = [[2 * a * b * pick_chance(i, j) for j, b in enumerate(x.q)] for i, a in enumerate(x.q)]
    return [sum(row, start=ZERO) - x.q[i] ** 2 for i, row in enumerate(twice)]


def importance(x: Pair) -> tuple[list[Fraction], Fraction]:
    """The law of Y and P(Y ∈ S): one of two drafts is picked, then verified as a draft from y."""
    y, law, value = pick_law(x), [ZERO] * x.V, ZERO
    rest = scaled([max(a - b, ZERO) for a, b in zip(x.p, y, strict=True)])
    for (i, j), weight in draws(x, True):
        for token, chance in ((i, pick_chance(i, j)), (j, 1 - pick_chance(i, j))):
            accept = min(ONE, x.p[token] / y[token]) if chance else ZERO
            law[token] += weight * chance * accept
            value += weight * chance * accept
            for other, share in enumerate(rest):
                law[other] += weight * chance * (1 - accept) * share
                value += weight * chance * (1 - accept) * share * (other in (i, j))
    return law, value


def importance_value(x: Pair) -> Fraction:
    """Σ min(p, y) + Σ_i (1 − p_i/y_i)_+ Σ_{j≠i} 2 q_i q_j w_ij r_j, r ∝ (p − y)_+."""
    y = pick_law(x)
    rest = scaled([max(a - b, ZERO) for a, b in zip(x.p, y, strict=True)])
    total = sum(map(min, x.p, y), start=ZERO)
    for i, j in permutations(range(x.V), 2):
        if y[i]:
            met = 2 * x.q[i] * x.q[j] * pick_chance(i, j) * rest[j]
            total += max(1 - x.p[i] / y[i], ZERO) * met
    return total


def recursion_findings(level: Level, rng: np.random.Generator) -> list[Finding]:
    """Theorems 10.2 to 10.4: recursive rejection with and without replacement."""
    iid, apart = grid(3, level.pick(3, 5, 6)), grid(3, level.pick(4, 6, 7), distinct=True)
    many = random_pairs(rng, level.pick(60, 500, 4000), range(2, 7), n=[2, 3, 4], distinct=True)
    small = grid(4, level.pick(3, 4, 5), n=[2, 3], distinct=True)
    gains = [Pair((ZERO, ONE), (1 - e, e), 2) for e in (Fraction(1, k) for k in (2, 3, 10, 1000))]
    few = Sample(many.kind, many.scope, list(many.items)[:150])
    return [
        *rejection_claims("RRS with", iid, many, True, rrs),
        equal("RRS with: accepts token i with min(p_i, t_n q_i)", iid, served, served_by_walk),
        *rejection_claims("RRS without", apart, many, False, rrs_without),
        *without_claims(small),
        *without_claims(many),
        *missed_claims(small),
        *missed_claims(few),
        equal(
            "gain of p = (0, 1), q = (1 − ε, ε): (1 − ε)²",
            Sample(Kind.GRID, "n = 2, ε = 1/2, 1/3, 1/10, 1/1000", gains),
            lambda x: rrs_without(x) - rrs(x),
            lambda x: x.q[0] ** 2,
        ),
    ]


def rejection_claims(
    name: str, sample: Sample, many: Sample, again: bool, value: Callable[[Pair], Fraction]
) -> list[Finding]:
    """Lossless, the formula, no coincidence, the residual's line, monotone in n."""

    def found(x: Pair) -> tuple[list[Fraction], Fraction, Fraction]:
        return walked(x, recursive(x, again), again)

    def fewer(x: Pair) -> Fraction:
        return value(Pair(x.p, x.q, x.n - 1))

    return [
        equal(f"{name}: emits p", sample, lambda x: found(x)[0], lambda x: x.p),
        equal(f"{name}: P(Y ∈ S) = the formula", sample, lambda x: found(x)[1], value),
        equal(f"{name}: nothing by coincidence", sample, lambda x: found(x)[1], lambda x: found(x)[2]),
        equal(f"{name}: residuals on the line", sample, lambda x: off_line(x, again), lambda x: ZERO),
        at_least(f"{name}: no less with one more draft", many, value, fewer),
    ]


def without_claims(sample: Sample) -> list[Finding]:
    """Without replacement against with, path by path and in all; and against naive."""
    return [
        at_least("t_k without ≥ t_k with, on every path", sample, lead, lambda x: [0] * len(lead(x))),
        at_least("RRS without ≥ RRS with", sample, rrs_without, rrs),
        holds("they are equal iff p ≤ t_n q where q > 0", sample, equality_as_stated),
        at_least("RRS without ≥ naive without", sample, rrs_without, lambda x: naive(x, WITHOUT)),
    ]


def missed_claims(sample: Sample) -> list[Finding]:
    """(5), and the step of the proof that naive is no better, without replacement."""
    return [
        equal("m_i, by the first draw", sample, missed, missed_by_first_draw),
        at_least(
            "one token less, one draft less: i is missed no less",
            sample,
            spared,
            lambda x: [0] * len(spared(x)),
        ),
        at_least("one rejection: naive pays no less", sample, one_step, lambda x: [0] * len(one_step(x))),
    ]


def several(sample: Sample) -> Sample:
    """The instances with n ≥ 2."""
    scope = sample.scope.replace("n = 1–", "n = 2–")
    return Sample(sample.kind, scope, [x for x in sample.items if x.n > 1])


def equality_as_stated(x: Pair) -> bool:
    """For n ≥ 2: RRS without = RRS with exactly where p ≤ t_n q on supp q; then both are p(supp q)."""
    t, drafted = clock(x)[-1], x.P([i for i in range(x.V) if x.q[i]])
    covered = all(a <= t * b for a, b in zip(x.p, x.q, strict=True) if b)
    same = rrs_without(x) == rrs(x)
    return same == covered and (not same or rrs(x) == drafted)


def k_seq_findings(level: Level, rng: np.random.Generator) -> list[Finding]:
    """Theorem 10.5: K-SEQ, at several valid γ."""
    sample = grid(3, level.pick(3, 4, 5))
    many = random_pairs(rng, level.pick(100, 1000, 10_000), range(2, 8), n=[1, 2, 3, 4, 5])
    slow = random_pairs(rng, level.pick(15, 120, 800), [2, 3, 4], n=[2, 3])
    claims = []
    for tried in (sample, slow):
        claims += k_seq_claims("γ = n", tried, lambda x: Fraction(x.n))
        claims += k_seq_claims("γ near γ*", tried, lambda x: bracket(x)[1])
    best = rational_optima(level)
    return [
        *claims,
        *k_seq_claims("a rational γ*", best, x_gamma),
        equal("F(γ*) = A(γ*)", best, lambda x: overlap(x, x_gamma(x)), at_gamma),
        equal("γ*: nothing by coincidence", best, lambda x: walked(x, k_seq(x, x_gamma(x)))[1], at_gamma),
        at_least("γ = n is valid", many, lambda x: x.n * beta(x, Fraction(x.n)), at_n),
        holds("residual ≥ 0 iff A/β ≤ max(γ, least p/q)", sample, lossless_as_stated),
        holds("lossless at a γ that is not valid: the same rule as at γ*", sample, same_rule),
        at_least("max(F, A) ≥ K-SEQ at every γ", sample, larger_ends, k_seq_lows),
        at_least("K-SEQ ≥ min(F, A) at every γ", sample, k_seq_highs, smaller_ends),
        at_least("A(n) ≥ (1 − (1 − 1/n)^n) F(n)", many, at_n, spectr_share),
        at_least("K-SEQ: no less with one more draft", several(many), k_seq_high, one_less),
    ]


def k_seq_claims(name: str, sample: Sample, gamma: Callable[[Pair], Fraction]) -> list[Finding]:
    """Lossless at γ, with explicit acceptance A(γ)."""

    def found(x: Pair) -> tuple[list[Fraction], Fraction, Fraction]:
        return walked(x, k_seq(x, gamma(x)))

    return [
        equal(f"K-SEQ, {name}: emits p", sample, lambda x: found(x)[0], lambda x: x.p),
        at_least(
            f"K-SEQ, {name}: residual ≥ 0",
            sample,
            lambda x: k_seq_residual(x, gamma(x)),
            lambda x: [ZERO] * x.V,
        ),
        equal(
            f"K-SEQ, {name}: explicit acceptance A(γ)",
            sample,
            lambda x: found(x)[2],
            lambda x: some_accepted(x, gamma(x)),
        ),
    ]


def at_gamma(x: Pair) -> Fraction:
    """A(γ*)."""
    return some_accepted(x, x_gamma(x))


def at_n(x: Pair) -> Fraction:
    """A(n)."""
    return some_accepted(x, Fraction(x.n))


def rational_optima(level: Level) -> Sample:
    """p = (γ(b − v), …), q = (1 − v, v): β(γ*) = b and γ* = (1 − (1 − b)^n)/b."""
    d, items = level.pick(6, 9, 16), []
    for n, k in product((2, 3), range(1, d)):
        b = Fraction(k, d)
        gamma = (1 - (1 - b) ** n) / b
        for j in range(k + 1):
            v = Fraction(j, d)
            items.append(Pair((gamma * (b - v), 1 - gamma * (b - v)), (1 - v, v), n))
    return Sample(Kind.GRID, f"V = 2, β of denominator {d}, n = 2, 3", items)


def x_gamma(x: Pair) -> Fraction:
    """γ*, where it is a small fraction."""
    return bracket(x, 40)[1].limit_denominator(5000)


def one_less(x: Pair) -> Fraction:
    """A lower bound of K-SEQ's acceptance with n − 1 drafts."""
    return k_seq_low(Pair(x.p, x.q, x.n - 1))


def gammas(x: Pair) -> list[Fraction]:
    """Some γ ≥ 1: on both sides of γ*, valid or not, and the least p_i/q_i > 1."""
    least = min((a / b for a, b in zip(x.p, x.q, strict=True) if a * b), default=ONE)
    tried = (ONE, Fraction(9, 8), Fraction(5, 4), Fraction(3, 2), Fraction(2), Fraction(x.n), Fraction(4))
    return [*tried, max(least, ONE)]


def k_seq_lows(x: Pair) -> list[Fraction]:
    """A lower bound of K-SEQ's acceptance, once for each of ``gammas``."""
    return [k_seq_low(x)] * len(gammas(x))


def k_seq_highs(x: Pair) -> list[Fraction]:
    """An upper bound of K-SEQ's acceptance, once for each of ``gammas``."""
    return [k_seq_high(x)] * len(gammas(x))


def smaller_ends(x: Pair) -> list[Fraction]:
    """min(F(γ), A(γ))."""
    return [min(overlap(x, gamma), some_accepted(x, gamma)) for gamma in gammas(x)]


def larger_ends(x: Pair) -> list[Fraction]:
    """max(F(γ), A(γ))."""
    return [max(overlap(x, gamma), some_accepted(x, gamma)) for gamma in gammas(x)]


def spectr_share(x: Pair) -> Fraction:
    """(1 − (1 − 1/n)^n) F(n)."""
    return spectr_constant(x.n) * overlap(x, Fraction(x.n))


def same_rule(x: Pair) -> bool:
    """Where γ is not valid but no residual is negative, γ' = A/β is γ* and accepts each token alike."""
    for gamma in gammas(x):
        a, b = some_accepted(x, gamma), beta(x, gamma)
        if a > gamma * b and min(k_seq_residual(x, gamma)) >= 0:
            star = a / b
            low, high = bracket(x)
            chances = [[min(c, d / g) for c, d in zip(x.q, x.p, strict=True)] for g in (gamma, star)]
            if chances[0] != chances[1] or not low <= star <= high or overlap(x, star) != a:
                return False
    return True


def lossless_as_stated(x: Pair) -> bool:
    """The residual is ≥ 0 exactly where A(γ)/β(γ) ≤ max(γ, least p_i/q_i over p_i q_i > 0)."""
    ratios = [a / b for a, b in zip(x.p, x.q, strict=True) if a * b]
    for gamma in gammas(x):
        possible = min(k_seq_residual(x, gamma)) >= 0
        bound = beta(x, gamma) * max(gamma, min(ratios, default=ZERO))
        if possible != (some_accepted(x, gamma) <= bound):
            return False
    return True


def order_findings(level: Level, rng: np.random.Generator) -> list[Finding]:
    """Theorems 10.6 and 10.7: naive ≤ RRS ≤ K-SEQ ≤ α*, and what share of α* is sure."""
    samples = [
        grid(2, level.pick(5, 12, 18), n=range(1, 6)),
        grid(3, level.pick(4, 6, 7), n=[2, 3, 4]),
        random_pairs(rng, level.pick(90, 1500, 12_000), range(2, 8), n=range(1, 7)),
    ]
    return [claim for sample in samples for claim in order_claims(sample)] + sharp_findings(level)


def order_claims(sample: Sample) -> list[Finding]:
    """Each inequality of the order, exact; constants at their rational lower bounds."""
    return [
        at_least("RRS ≥ naive, each token", sample, served, served_naive),
        at_least("K-SEQ ≥ RRS: A(t_n) ≥ F(t_n)", sample, at_clock, rrs),
        at_least("α* ≥ K-SEQ", sample, optimum, k_seq_low),
        at_least("F(n) ≥ α*", sample, lambda x: overlap(x, Fraction(x.n)), optimum),
        at_least("RRS ≥ its bound by α* and s", sample, rrs, mixed_bound),
        at_least("RRS ≥ d_n α*", sample, rrs, lambda x: rrs_constant(x.n)[1] * optimum(x)),
        at_least("RRS ≥ 3/4 α*", sample, rrs, lambda x: Fraction(3, 4) * optimum(x)),
        at_least("K-SEQ ≥ c_n α*", sample, k_seq_high, lambda x: k_seq_constant(x.n)[1] * optimum(x)),
    ]


def at_clock(x: Pair) -> Fraction:
    """A(t_n)."""
    return some_accepted(x, clock(x)[-1])


def served(x: Pair) -> list[Fraction]:
    """min(p_i, t_n q_i): the chance that RRS accepts token i."""
    t = clock(x)[-1]
    return [min(a, t * b) for a, b in zip(x.p, x.q, strict=True)]


def served_by_walk(x: Pair) -> list[Fraction]:
    """The same over all drafts and branches: the law of Y less what the last residual adds."""
    accepted, rule = [ZERO] * x.V, recursive(x, True)
    for drafts, waiting in draws(x, True):
        for token, accept in zip(drafts, rule(drafts)[0], strict=True):
            accepted[token] += waiting * accept
            waiting *= 1 - accept
    return accepted


def served_naive(x: Pair) -> list[Fraction]:
    """p_i (1 − (1 − q_i)^n)."""
    return [a * (1 - (1 - b) ** x.n) for a, b in zip(x.p, x.q, strict=True)]


def sharp_findings(level: Level) -> list[Finding]:
    """The constants are reached by two tokens, fall with n, and are above SpecTr's."""
    two = Sample(Kind.GRID, "p = (4/9, 5/9), q = (2/3, 1/3)", [two_tokens(Fraction(2, 3), 2)])
    sizes = range(2, level.pick(9, 17, 33))
    drafts = Sample(Kind.ENCLOSURE, f"n = 2–{sizes[-1]}", list(sizes))
    return [
        equal("α* = 1, K-SEQ = 8/9, RRS = 23/27", two, at_four_thirds, exact_two),
        *sharp_claims("RRS", sizes, rrs, rrs_constant),
        *sharp_claims("K-SEQ", sizes, k_seq_high, k_seq_constant),
        *limit_claims(),
        at_least(
            "c_n > 1 − (1 − 1/n)^n and > 0.826",
            drafts,
            lambda n: k_seq_constant(n)[1],
            lambda n: max(spectr_constant(n), Fraction(826, 1000)),
        ),
    ]


def limit_claims() -> list[Finding]:
    """c_n → 1 − e^{−b}, e^b − 1 = e b, and d_n → 3/4: both from above, less than 1/(4n) off."""
    sizes = Sample(Kind.FLOATING, "n = 2, 4, …, 64", [2**k for k in range(1, 7)])
    b = 1.75
    for _ in range(60):
        b = log1p(e * b)
    ends = [-expm1(-b), 0.75]

    def constants(n: int) -> list[float]:
        return [float(k_seq_constant(n)[1]), float(rrs_constant(n)[1])]

    return [
        at_least("c_n ≥ 1 − e^{−b}, d_n ≥ 3/4", sizes, constants, lambda n: ends),
        at_least(
            "they are less than 1/(4n) off", sizes, lambda n: [x + 0.25 / n for x in ends], constants
        ),
    ]


def sharp_claims(
    name: str, sizes: range, value: Callable[[Pair], Fraction], constant: Constant
) -> list[Finding]:
    """On two tokens α* = 1, and the rule accepts no more than the constant, up to the rounding of s."""
    scope = f"n = 2–{sizes[-1]}, s rounded to 30 bits"
    sample = Sample(Kind.ENCLOSURE, scope, [two_tokens(constant(n)[0], n) for n in sizes])
    drafts = Sample(Kind.ENCLOSURE, f"n = 2–{sizes[-1]}", list(sizes))
    return [
        equal(f"{name}: α* = 1 on its sharp instance", sample, optimum, lambda x: ONE),
        at_least(
            f"{name}: within 2⁻²⁰ of the constant", sample, lambda x: constant(x.n)[1] + NEAR, value
        ),
        at_least(
            f"{name}: the constant falls with n",
            drafts,
            lambda n: constant(n)[1],
            lambda n: constant(n + 1)[1],
        ),
    ]


def at_four_thirds(x: Pair) -> list[Fraction]:
    """α*; A(4/3) and F(4/3), which are equal only at γ* = 4/3; RRS."""
    gamma = Fraction(4, 3)
    return [optimum(x), some_accepted(x, gamma), overlap(x, gamma), rrs(x)]


def exact_two(x: Pair) -> list[Fraction]:
    """α*, K-SEQ twice, RRS on the sharp instance of n = 2."""
    return [ONE, Fraction(8, 9), Fraction(8, 9), Fraction(23, 27)]


def symbolic_findings(level: Level) -> list[Finding]:
    """Steps of the proofs that are polynomial."""
    seconds = level.pick(10.0, 20.0, 60.0)
    return [
        identity("RRS of two tokens is 1 − s^n + s^{2n−1}", "n = 2–6, all s", two_token_clocks),
        identity("the bound of RRS is linear in α*", "n = 2–6, all s and α*", linear_bound),
        identity("c_n: h(t) = 1 − z^n at its root", "n = 2–6, in s", root_of_c),
        impossible("K-SEQ ≥ RRS: A(t_2) ≥ F(t_2)", "n = 2, all V", rrs_above_k_seq, seconds=seconds),
        impossible("K-SEQ ≥ 8/9 α*", "n = 2, all V", k_seq_below_share, seconds=seconds),
        impossible("RRS ≥ 23/27 α*", "V = 2, n = 2, all p, q", rrs_below_share, seconds=seconds),
        impossible(
            "x rising: Σ_k x_0 … x_{k−1} ≤ Σ_k (x_0 … x_{n−1})^{k/n}",
            "n = 3, all x",
            log_convexity,
            seconds=seconds,
        ),
    ]


def two_token_clocks() -> list[tuple[Any, Any]]:
    """F(t_n) with F(t) = s^n + t(1 − s), against 1 − s^n + s^{2n−1}."""
    s, sides = sympy().Symbol("s"), []
    for n in range(2, 7):
        t = sympy().Integer(1)
        for _ in range(n - 1):
            t = sympy().expand(t + 1 - s**n - t * (1 - s))
        sides.append((s**n + t * (1 - s), 1 - s**n + s ** (2 * n - 1)))
    return sides


def linear_bound() -> list[tuple[Any, Any]]:
    """1 − s^n + s^{2n−1} − (1 − α) s^{n−1} as a mean with weights α and 1 − α."""
    s, a = sympy().symbols("s a")
    return [
        (
            1 - (s + 1 - a - s**n) * s ** (n - 1),
            a * (1 - s**n + s ** (2 * n - 1)) + (1 - a) * (1 - s**n) * (1 - s ** (n - 1)),
        )
        for n in range(2, 7)
    ]


def root_of_c() -> list[tuple[Any, Any]]:
    """With t = n s^{n−1} and z = (n−1)s/n: s^n + t(1 − s) = t(1 − z)."""
    s = sympy().Symbol("s")
    return [
        (s**n + n * s ** (n - 1) * (1 - s), n * s ** (n - 1) * (1 - (n - 1) * s / n)) for n in range(2, 7)
    ]


def rrs_above_k_seq() -> list[Any]:
    """z3: f = F(1), t = 2 − f, f ≤ F(t) ≤ t f with 1 − (1 − F(t)/t)² < F(t), cleared of fractions."""
    f, value = z3().Reals("f F")
    t = 2 - f
    below = 2 * value * t - value * value < value * t * t
    return [f >= 0, f <= 1, f <= value, value <= t * f, below]


def k_seq_below_share() -> list[Any]:
    """z3: x = 1 − y², γ = 1 + y, x ≥ α − 1 + s² + γ(1 − s) for an s in [0, 1], and x < 8/9 α."""
    s, y, best = z3().Reals("s y alpha")
    inside = [s >= 0, s <= 1, y >= 0, y <= 1, best >= 0, best <= 1]
    return [*inside, 1 - y * y >= best - 1 + s * s + (1 + y) * (1 - s), 9 * (1 - y * y) < 8 * best]


def rrs_below_share() -> list[Any]:
    """z3: p and q over two tokens, α no more than any cut, and 27 F(2 − F(1)) < 23 α."""
    logic, best = z3(), z3().Real("alpha")
    p, p_is = simplex("p", 2)
    q, q_is = simplex("q", 2)

    def f(t: Any) -> Any:
        return logic.Sum([logic.If(a <= t * b, a, t * b) for a, b in zip(p, q, strict=True)])

    cuts = [best <= 1, *(best <= a + 1 - b * b for a, b in zip(p, q, strict=True))]
    return [*p_is, *q_is, *cuts, 27 * f(2 - f(1)) < 23 * best]


def log_convexity() -> list[Any]:
    """z3: 0 < x0 ≤ x1 ≤ x2 ≤ 1 and w³ = x0 x1 x2 with x0 + x0 x1 > w + w²."""
    a, b, c, w = z3().Reals("x0 x1 x2 w")
    return [a > 0, a <= b, b <= c, c <= 1, w > 0, w * w * w == a * b * c, a + a * b > w + w * w]


def khisti_findings(level: Level, rng: np.random.Generator) -> list[Finding]:
    """Theorem 10.8: any selection of one of two drafts, then one draft verified."""
    sample = grid(3, level.pick(4, 6, 9), n=[2])
    many = random_pairs(rng, level.pick(20, 100, 500), [2, 3, 4, 5], n=[2])
    items = Sample(Kind.FLOATING, many.scope, many.items)
    return [
        equal("selection, then one draft, emits p", sample, lambda x: importance(x)[0], lambda x: x.p),
        equal("its P(Y ∈ S) = the formula", sample, lambda x: importance(x)[1], importance_value),
        equal(
            "khisti, as shipped, with s ≥ V reaches α*",
            items,
            lambda x: VERIFIERS["khisti"].acceptance_rate(*floats(x), 2).value,
            lambda x: float(optimum(x)),
            tol=1e-9,
        ),
    ]


def floats(x: Pair) -> tuple[list[float], list[float]]:
    """p and q as floats."""
    return [float(a) for a in x.p], [float(b) for b in x.q]


def shipped_findings(level: Level, rng: np.random.Generator) -> list[Finding]:
    """The package's rules, held to the theorems."""
    few = random_pairs(rng, level.pick(10, 80, 500), [2, 3, 4], n=[2, 3], distinct=True)
    scope = few.scope.replace("n = 2–3", "n = 2")
    pairs = Sample(few.kind, scope, [Pair(x.p, x.q, 2) for x in few.items])
    near = Sample(Kind.FLOATING, few.scope, few.items)
    shown: list[tuple[str, Callable[[Pair], Fraction]]] = [
        ("naive", lambda x: naive(x, WITHOUT)),
        ("rrs", rrs),
        ("rrs_without_replacement", rrs_without),
        ("k_seq", k_seq_high),
    ]
    return [
        *(shipped_law(name, few) for name, _ in shown),
        *(shipped_law(name, pairs) for name in ("khisti", "greedy", "spechub")),
        *(shipped_rate(name, near, value) for name, value in shown),
    ]


def shipped_law(name: str, sample: Sample) -> Finding:
    """The law of Y, by the package's own enumeration in fractions."""
    return equal(
        f"{name}, as shipped, emits p",
        sample,
        lambda x: VERIFIERS[name].output_law(x.p, x.q, x.n),
        lambda x: x.p,
    )


def shipped_rate(name: str, sample: Sample, value: Callable[[Pair], Fraction]) -> Finding:
    """The package's acceptance in floats."""
    return equal(
        f"{name}, as shipped: its acceptance",
        sample,
        lambda x: VERIFIERS[name].acceptance_rate(*floats(x), x.n).value,
        lambda x: float(value(x)),
        tol=1e-6,
    )


def neighbour_findings() -> list[Finding]:
    """Statements beside the theorems that are false."""
    swapped, thirds = Pair.of("1/4 3/4", "3/4 1/4", 2), Pair.of("1/3 2/3", "2/3 1/3", 2)
    three, half = Pair.of("0 1/2 1/2", "1/4 1/4 1/2", 2), Pair.of("1 0", "1/2 1/2", 2)
    even, skipped = Pair.of("1/2 1/2", "1/2 1/2", 2), Pair.of("0 1/2 1/2", "2/3 0 1/3", 2)
    return [
        fails("RRS ≥ K-SEQ", thirds, rrs, k_seq_low),
        fails("RRS without ≥ K-SEQ", three, rrs_without, k_seq_low),
        fails("K-SEQ ≥ RRS without", Pair.of("0 1", "1/2 1/2", 2), k_seq_high, rrs_without),
        fails(
            "naive ≥ 1/2 α*",
            Pair.of("1/3 1/3 1/3", "1/3 1/3 1/3", 1),
            lambda x: naive(x, WITH),
            half_optimum,
        ),
        fails(
            "γ* is the best γ for P(Y ∈ S)", swapped, k_seq_high, lambda x: walked(x, k_seq(x, TWO))[1]
        ),
        equal(
            "γ = 2 gives 21/32 and α* = 11/16",
            Sample(Kind.GRID, str(swapped), [swapped]),
            lambda x: [walked(x, k_seq(x, TWO))[1], optimum(x)],
            lambda x: [Fraction(21, 32), Fraction(11, 16)],
        ),
        holds(
            "K-SEQ is lossless only at valid γ",
            Sample(Kind.COUNTEREXAMPLE, "one instance", [half]),
            lambda x: some_accepted(x, ONE) > overlap(x, ONE) and min(k_seq_residual(x, ONE)) >= 0,
        ),
        equal(
            "RRS without 5/6 and RRS 7/9 beside K-SEQ",
            Sample(Kind.GRID, f"{three}; {thirds}", [(three, thirds)]),
            lambda x: [rrs_without(x[0]), rrs(x[1])],
            lambda x: [Fraction(5, 6), Fraction(7, 9)],
        ),
        equal(
            "selection with poor weights: 11/12",
            Sample(Kind.GRID, str(even), [even]),
            truncated,
            lambda x: Fraction(11, 12),
        ),
        fails("truncated Khisti ≥ one draft", even, truncated, lambda x: sum(map(min, x.p, x.q), ZERO)),
        differs(
            "a draft may be skipped if it was rejected", skipped, lambda x: skipping(x), lambda x: x.p
        ),
    ]


def half_optimum(x: Pair) -> Fraction:
    """α*/2."""
    return optimum(x) / 2


def truncated(x: Pair) -> Fraction:
    """The acceptance of importance selection with the one token of largest p − q² always picked."""
    from mdsd_theory.verifiers.khisti import Khisti

    return Fraction(Khisti(tokens=1).acceptance_rate(*floats(x), 2).value).limit_denominator(1000)


def skipping(x: Pair) -> list[Fraction]:
    """The law of RRS with replacement that passes over a token it has rejected before."""
    law = [ZERO] * x.V
    for drafts, waiting in draws(x, True):
        once = tuple(dict.fromkeys(drafts))
        accepts, residual = recursive(x, True)(once)
        for token, accept in zip(once, accepts, strict=True):
            law[token] += waiting * accept
            waiting *= 1 - accept
        for token, share in enumerate(residual):
            law[token] += waiting * share
    return law


def check(level: Level, rng: np.random.Generator) -> Evidence:
    """Each known verifier is lossless with its acceptance; their order; their sure share of α*."""
    return Evidence.of(
        *recursion_findings(level, rng),
        *k_seq_findings(level, rng),
        *order_findings(level, rng),
        *symbolic_findings(level),
        *khisti_findings(level, rng),
        *shipped_findings(level, rng),
        *neighbour_findings(),
    )
