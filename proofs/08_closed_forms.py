"""Check of page 8: greedy, SpecHub and top-k in closed form, and the verifiers that reach them."""

from collections.abc import Collection
from fractions import Fraction
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from mdsd_theory import SCHEMES, VERIFIERS, optimal_acceptance
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
    identity,
    impossible,
    random_pairs,
    simplex,
    total,
)
from mdsd_theory.proving.instances import Vector
from mdsd_theory.proving.optima import Law, best_subset, inside, optimum, set_law, solved, subsets
from mdsd_theory.proving.symbolic import sympy, z3

ZERO, ONE = Fraction(0), Fraction(1)


def top(q: Vector, k: int) -> frozenset[int]:
    """The k tokens of largest q, the lowest index among ties."""
    return frozenset(sorted(range(len(q)), key=lambda i: (-q[i], i))[:k])


def without(q: Vector, t: Collection[int]) -> Vector:
    """q̃: q outside T, renormalised."""
    rest = total([a for i, a in enumerate(q) if i not in t])
    return tuple(ZERO if i in t else a / rest for i, a in enumerate(q))


def sets_of(t: frozenset[int], r: Vector) -> Law:
    """The law of S = T ∪ {x}, x ~ r."""
    return {t | {x}: chance for x, chance in enumerate(r) if chance > 0}


def closed_form(p: Vector, t: Collection[int], r: Vector) -> Fraction:
    """P(T) + Σ_{i∉T} min(p_i, r_i)."""
    return total([p[i] if i in t else min(p[i], r[i]) for i in range(len(p))])


def cut(p: Vector, t: frozenset[int], r: Vector) -> Fraction:
    """P(H) + 1 − Q(H) at H = T ∪ {i ∉ T: p_i < r_i}."""
    h = t | {i for i in range(len(p)) if p[i] < r[i]}
    return total([p[i] for i in h]) + 1 - inside(sets_of(t, r), h)


def rule(p: Vector, t: Collection[int], r: Vector) -> tuple[list[Fraction], Fraction]:
    """The law that the rule emits and P(Y ∈ S): accept x w.p. min(1, p/r), else Y ∝ (p − r)_+."""
    rest = [max(a - b, ZERO) for a, b in zip(p, r, strict=True)]
    mass = total(rest)
    law, accepted = [ZERO] * len(p), ZERO
    for x, drawn in enumerate(r):
        if drawn == 0:
            continue
        accept = min(ONE, p[x] / drawn)
        law[x] += drawn * accept
        accepted += drawn * accept
        for y, share in enumerate(rest):
            emitted = drawn * (1 - accept) * share / mass if share else ZERO
            law[y] += emitted
            accepted += emitted if y == x or y in t else ZERO
    return law, accepted


def greedy(x: Pair) -> tuple[frozenset[int], Vector]:
    """T and q̃ of greedy drafts."""
    t = top(x.q, x.n - 1)
    return t, without(x.q, t)


def greedy_value(x: Pair) -> Fraction:
    """P(T) + Σ_{i∉T} min(p_i, q̃_i)."""
    return closed_form(x.p, *greedy(x))


def hub_drafts(q: Vector) -> dict[tuple[int, int], Fraction]:
    """SpecHub's ordered pairs: Q(x, a) = q_x and Q(a, x) = q_a q_x/(1 − q_a)."""
    (a,) = top(q, 1)
    others = [x for x in range(len(q)) if x != a and q[x] > 0]
    return {(x, a): q[x] for x in others} | {(a, x): q[a] * q[x] / (1 - q[a]) for x in others}


def hub_sets(x: Pair) -> Law:
    """The law of SpecHub's sets, summed over the two orders."""
    law: dict[frozenset[int], Fraction] = {}
    for drafts, chance in hub_drafts(x.q).items():
        law[frozenset(drafts)] = law.get(frozenset(drafts), ZERO) + chance
    return law


def hub_rule(x: Pair) -> tuple[list[Fraction], Fraction]:
    """The law that SpecHub's rule emits and P(Y ∈ S), line by line of its table."""
    (a,) = top(x.q, 1)
    chance = hub_drafts(x.q)
    others = [i for i in range(x.V) if i != a]
    left = {i: max(x.p[i] - chance.get((i, a), ZERO), ZERO) for i in others}
    rest = {i: max(left[i] - chance.get((a, i), ZERO), ZERO) for i in others}
    second = total([max(chance.get((a, i), ZERO) - left[i], ZERO) for i in others])
    first = total([max(chance.get((i, a), ZERO) - x.p[i], ZERO) for i in others])
    law, accepted = [ZERO] * x.V, ZERO
    for (one, other), drawn in chance.items():
        leads = one == a
        i = other if leads else one
        accept = min(ONE, (left[i] if leads else x.p[i]) / drawn)
        mass, lost = (x.p[a], second) if leads else (max(x.p[a] - second, ZERO), first)
        hub = (1 - accept) * (min(ONE, mass / lost) if lost else ONE)
        law[i] += drawn * accept
        law[a] += drawn * hub
        accepted += drawn * (accept + hub)
        for y, share in rest.items():
            emitted = drawn * (1 - accept - hub) * share / total(rest.values()) if share else ZERO
            law[y] += emitted
            accepted += emitted if y == i else ZERO
    return law, accepted


def rejected(x: Pair) -> Fraction:
    """R + R′, the mass of pairs whose x is rejected: Σ_{x≠a} (q̃_x − p_x)_+."""
    (a,) = top(x.q, 1)
    chance = hub_drafts(x.q)
    mass = ZERO
    for i in (i for i in range(x.V) if i != a):
        before, after = chance.get((i, a), ZERO), chance.get((a, i), ZERO)
        left = max(x.p[i] - before, ZERO)
        mass += max(before - x.p[i], ZERO) + max(after - left, ZERO)
    return mass


def hub_and_residual(x: Pair) -> Fraction:
    """p_a + Σ_{x≠a} (p_x − q̃_x)_+."""
    hub = top(x.q, 1)
    last = without(x.q, hub)
    return x.P(hub) + total([max(x.p[i] - last[i], ZERO) for i in range(x.V) if i not in hub])


def not_the_least_cut(vocabulary: int, fixed: int) -> list[Any]:
    """z3: p, and r outside T = {0, …, k − 1}, with P(T) + Σ min(p, r) ≠ the least cut."""
    logic = z3()
    p, p_is = simplex("p", vocabulary)
    r, r_is = simplex("r", vocabulary)
    t = frozenset(range(fixed))
    value = logic.Sum([p[i] if i in t else logic.If(p[i] <= r[i], p[i], r[i]) for i in range(vocabulary)])
    cuts = [
        logic.Sum([logic.RealVal(1), *(p[i] for i in h), *(-r[i] for i in h - t if t <= h)])
        for h in subsets(vocabulary)
    ]
    least = logic.And(*(value <= c for c in cuts), logic.Or([value == c for c in cuts]))
    return [*p_is, *r_is, *(r[i] == 0 for i in t), logic.Not(least)]


def hub_rule_fails(others: int) -> list[Any]:
    """z3: p, q̃ and q_x ≤ q̃_x, x ≠ a, at which the table does not emit p, or not accept p_a + Σ min."""
    logic = z3()
    p, p_is = simplex("p", others + 1)
    r, r_is = simplex("r", others)
    q = [logic.Real(f"q{x}") for x in range(others)]

    def positive(u: Any) -> Any:
        return logic.If(u > 0, u, 0)

    def least(u: Any, v: Any) -> Any:
        return logic.If(u <= v, u, v)

    left = [positive(p[x] - q[x]) for x in range(others)]
    rest = [positive(left[x] - (r[x] - q[x])) for x in range(others)]
    taken = [least(p[x], q[x]) + least(left[x], r[x] - q[x]) for x in range(others)]
    second = logic.Sum([positive(r[x] - q[x] - left[x]) for x in range(others)])
    first = logic.Sum([positive(q[x] - p[x]) for x in range(others)])
    hub = least(second, p[others]) + least(first, positive(p[others] - second))
    right = [
        *(taken[x] + rest[x] == p[x] for x in range(others)),
        *(taken[x] == least(p[x], r[x]) for x in range(others)),
        hub == p[others],
        first + second - hub == logic.Sum(rest),
    ]
    bounds = [logic.And(q[x] >= 0, q[x] <= r[x]) for x in range(others)]
    return [*p_is, *r_is, *bounds, logic.Not(logic.And(right))]


def one_set(vocabulary: int) -> list[tuple[Any, Any]]:
    """q_x + q_a q_x/(1 − q_a) = q_x/(1 − q_a), and these sum to 1."""
    x = list(sympy().symbols(f"q1:{vocabulary}", positive=True))
    a = 1 - sum(x)
    return [(b + a * b / (1 - a), b / (1 - a)) for b in x] + [(sum(b / (1 - a) for b in x), 1)]


def accepted(name: str, scheme: str, x: Pair) -> Fraction:
    """P(Y ∈ S) of a shipped rule, over all drafts, in fractions."""
    verifier = VERIFIERS[name]
    laws = (
        (drafts, chance, verifier.conditional_law(x.p, x.q, drafts, scheme=scheme))
        for drafts, chance in SCHEMES[scheme].tuple_law(x.q, x.n).items()
    )
    return total([c * total([law.get(i, ZERO) for i in set(d)]) for d, c, law in laws])


def every_t(x: Pair) -> list[tuple[frozenset[int], Vector]]:
    """Every T that leaves q some mass, with q̃ outside it."""
    return [(t, without(x.q, t)) for t in subsets(x.V) if any(x.q[i] for i in range(x.V) if i not in t)]


def lemma(level: Level, rng: np.random.Generator) -> list[Finding]:
    """Lemma 8: S = T ∪ {x}."""
    few = grid(3, level.pick(4, 5, 7), n=[1])
    many = random_pairs(rng, level.pick(60, 500, 4000), range(2, 6), n=[1])
    sizes = level.pick([(3, 1)], [(3, 1), (4, 1), (4, 2)], [(4, 1), (4, 2), (5, 1), (5, 2)])
    return [
        *(
            impossible(
                f"P(T) + Σ min(p, r) is the least cut, |T| = {k}",
                f"V = {v}, all p, r",
                partial(not_the_least_cut, v, k),
            )
            for v, k in sizes
        ),
        equal(
            "α* of the transport program = P(T) + Σ min(p, r), any T",
            few,
            lambda x: [solved(x.p, sets_of(t, r)) for t, r in every_t(x)],
            lambda x: [closed_form(x.p, t, r) for t, r in every_t(x)],
        ),
        equal(
            "the cut at T ∪ {p < r}",
            many,
            lambda x: [cut(x.p, t, r) for t, r in every_t(x)],
            lambda x: [closed_form(x.p, t, r) for t, r in every_t(x)],
        ),
        equal(
            "the rule emits p, any T",
            many,
            lambda x: [y for t, r in every_t(x) for y in rule(x.p, t, r)[0]],
            lambda x: [y for _ in every_t(x) for y in x.p],
        ),
        equal(
            "its acceptance is the closed form",
            many,
            lambda x: [rule(x.p, t, r)[1] for t, r in every_t(x)],
            lambda x: [closed_form(x.p, t, r) for t, r in every_t(x)],
        ),
    ]


def schemes(level: Level, rng: np.random.Generator) -> list[Finding]:
    """Theorem 8: greedy, SpecHub and top-k, with the shipped code."""
    one = grid(3, level.pick(4, 6, 8), n=[1, 2, 3], distinct=True)
    two = grid(3, level.pick(4, 6, 8), n=[2], distinct=True)
    many = random_pairs(rng, level.pick(60, 500, 4000), range(2, 7), range(1, 5), distinct=True)
    pairs = random_pairs(rng, level.pick(60, 500, 4000), range(2, 7), [2], distinct=True)
    return [
        equal("greedy: α* = the closed form", one, lambda x: optimum(x, "greedy"), greedy_value),
        equal("greedy: the least cut", many, lambda x: best_subset(x, "greedy")[0], greedy_value),
        equal("top-k: α* = P(T)", one, lambda x: optimum(x, "top_k"), lambda x: x.P(top(x.q, x.n))),
        identity("q_x + q_a q_x/(1 − q_a) = q_x/(1 − q_a)", "V = 5, all q", lambda: one_set(5)),
        equal("SpecHub's sets are greedy's", pairs, lambda x: by_set(x, "greedy"), lambda x: by_hub(x)),
        equal("SpecHub's sets, as shipped", pairs, lambda x: by_set(x, "spechub"), lambda x: by_hub(x)),
        equal("SpecHub: α* is greedy's", two, lambda x: optimum(x, "spechub"), greedy_value),
        impossible(
            "SpecHub's table emits p, the hub p_a of it",
            f"V = {level.pick(3, 4, 5)}, all p, q",
            lambda: hub_rule_fails(level.pick(2, 3, 4)),
            note="for any 0 ≤ q_x ≤ q̃_x, whether or not q̃ is q without the hub",
        ),
        equal("R + R′ = p_a + Σ (p − q̃)_+", pairs, rejected, hub_and_residual),
        equal("SpecHub's rule emits p", pairs, lambda x: hub_rule(x)[0], lambda x: x.p),
        equal("SpecHub's acceptance is α*", pairs, lambda x: hub_rule(x)[1], greedy_value),
    ]


def by_set(x: Pair, scheme: str) -> list[Fraction]:
    """w(S) of every set of two tokens under a shipped scheme."""
    return [set_law(x, scheme).get(frozenset(s), ZERO) for s in combinations(range(x.V), 2)]


def by_hub(x: Pair) -> list[Fraction]:
    """w(S) of every set of two tokens under SpecHub."""
    return [hub_sets(x).get(frozenset(s), ZERO) for s in combinations(range(x.V), 2)]


def shipped(level: Level, rng: np.random.Generator) -> list[Finding]:
    """The package's verifiers and routes, held to the theorem."""
    findings = []
    for scheme, verifier, n in (("greedy", "greedy", (1, 2, 3)), ("spechub", "spechub", (2,))):
        here = grid(3, level.pick(3, 5, 6), n=n, distinct=True)
        findings += [
            equal(f"{verifier}, as shipped, emits p", here, emits(verifier), lambda x: x.p),
            equal(f"{verifier}, as shipped, accepts α*", here, accepts(verifier, scheme), greedy_value),
        ]
    drawn = random_pairs(rng, level.pick(20, 200, 2000), range(2, 9), [2], distinct=True)
    sample = Sample(Kind.FLOATING, drawn.scope, drawn.items)
    return [
        *findings,
        equal("closed forms and rates in floats", sample, fast, exact, tol=1e-14),
    ]


def emits(verifier: str) -> Any:
    """The law that a shipped rule emits."""
    return lambda x: VERIFIERS[verifier].output_law(x.p, x.q, x.n)


def accepts(verifier: str, scheme: str) -> Any:
    """P(Y ∈ S) of a shipped rule."""
    return lambda x: accepted(verifier, scheme, x)


def fast(x: Pair) -> list[float]:
    """α* and rates of the three schemes as the package computes them in floats."""
    p, q = [float(a) for a in x.p], [float(a) for a in x.q]
    rules = [("greedy", "greedy"), ("spechub", "spechub"), ("greedy", "optimal"), ("top_k", "optimal")]
    rates = [VERIFIERS[v].acceptance_rate(p, q, n=x.n, scheme=s).value for s, v in rules]
    names = ("greedy", "spechub", "top_k")
    return rates + [optimal_acceptance(p, q, n=x.n, scheme=s).value for s in names]


def exact(x: Pair) -> list[float]:
    """The same from the theorem."""
    greedily, k = float(greedy_value(x)), float(x.P(top(x.q, x.n)))
    return [greedily, greedily, greedily, k, greedily, greedily, k]


def neighbours() -> list[Finding]:
    """The neighbouring statements that are false."""
    tied = Pair.of("1 0 0", "1/3 1/3 1/3", 2)
    half = Pair.of("0 1", "1/2 1/2", 2)
    hub = Pair.of("1/2 1/4 1/4", "1/2 1/4 1/4", 2)
    return [
        differs(
            "α* does not depend on which of tied tokens is in T",
            tied,
            lambda x: solved(x.p, sets_of(frozenset({0}), without(x.q, {0}))),
            lambda x: solved(x.p, sets_of(frozenset({2}), without(x.q, {2}))),
        ),
        differs(
            "greedy: P(T) + Σ min(p, q) without renormalising q",
            half,
            lambda x: closed_form(x.p, top(x.q, x.n - 1), x.q),
            lambda x: optimum(x, "greedy"),
        ),
        differs(
            "SpecHub's sets are those of two draws without replacement",
            hub,
            by_hub,
            lambda x: by_set(x, "without_replacement"),
        ),
    ]


def check(level: Level, rng: np.random.Generator) -> Evidence:
    """One lemma for S = T ∪ {x}; greedy, SpecHub and top-k by it; their verifiers reach α*."""
    return Evidence.of(*lemma(level, rng), *schemes(level, rng), *shipped(level, rng), *neighbours())
