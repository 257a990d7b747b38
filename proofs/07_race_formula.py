"""Check of page 7: drafts without replacement as a race, and the quadrature of its integral."""

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cache, partial
from itertools import accumulate, combinations
from typing import Any, NamedTuple

import numpy as np

from mdsd_theory import VERIFIERS, optimal_acceptance
from mdsd_theory.dual import race_buckets
from mdsd_theory.dual import race_buckets_series as moments
from mdsd_theory.dual import race_nodes as shipped
from mdsd_theory.dual.race_buckets_rows import lowest_cuts
from mdsd_theory.errors import MissingDependencyError
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
    identity,
    random_pairs,
)
from mdsd_theory.proving.instances import Vector, shown
from mdsd_theory.proving.optima import best_subset, inside, set_law, subsets
from mdsd_theory.proving.samples import listed
from mdsd_theory.proving.symbolic import HINT, sympy

Number = Any
"""A Fraction, a sympy expression or a ball: the formulas are written once for all of them."""

BITS = 256
SHARES = (1, 0.98, 0.9, 0.5, 1e-9)
"""Steps narrower than the largest, as a part of it."""


def flint() -> Any:
    """The module, or say how to get it."""
    try:
        import flint as module
    except ImportError:
        raise MissingDependencyError(f"python-flint is not installed; {HINT}") from None
    return module


def arb(*value: Any) -> Any:
    """A ball: a number, or a number and a radius."""
    return flint().arb(*value)


def pi() -> Any:
    """π as a ball."""
    return flint().arb.pi()


def left_out() -> Any:
    """± 2^(−150): holds all nodes left out of an infinite sum."""
    return arb(0, 2.0**-150)


def draw_by_draw(q: Sequence[Number], h: frozenset[int], n: int) -> Number:
    """Q(H), draw after draw: Σ over ordered draws inside H of Π q_i / (what is not yet drawn)."""

    @cache
    def chance(drawn: frozenset[int]) -> Number:
        if len(drawn) == n:
            return 1
        left = sum(x for i, x in enumerate(q) if i not in drawn)
        return sum(q[i] / left * chance(drawn | {i}) for i in h - drawn if q[i] != 0)

    return chance(frozenset())


def fewer_than(stay: Sequence[Number], n: int) -> Number:
    """P(N < n), N a sum of independent Bernoulli(1 − s_i)."""
    arrived: list[Number] = [1] + [0] * (n - 1)
    for s in stay:
        shifted = [0, *arrived[:-1]]
        arrived = [a * s + b * (1 - s) for a, b in zip(arrived, shifted, strict=True)]
    return sum(arrived)


def outside(q: Sequence[Number], h: frozenset[int]) -> Number:
    """b = q(Σ∖H)."""
    return sum(x for i, x in enumerate(q) if i not in h)


def race_terms(q: Sequence[Number], h: frozenset[int], n: int) -> Number:
    """1 − Q(H) = Σ_{B⊆H} c_B b/(b + q(B)), c_B = Σ_{j ≤ n−1−|H∖B|} (−1)^j C(|B|, j)."""
    b = outside(q, h)
    if b == 0:
        return 0 * b
    total = 0
    for k in range(len(h) + 1):
        c = sum((-1) ** j * math.comb(k, j) for j in range(n - len(h) + k))
        total += c * sum((b / (b + sum(q[i] for i in s)) for s in combinations(h, k)), start=0)
    return total


def race_odds(q: Sequence[Number], h: frozenset[int], n: int) -> Number:
    """1 − Q(H) = b ∫ e^{−t} Σ_{m<n} e_m({e^{q_i t} − 1}) dt, each product multiplied out."""
    signed = (
        Fraction((-1) ** (m - k)) / (1 - sum(q[i] for i in s))
        for m in range(min(n, len(h) + 1))
        for a in combinations(h, m)
        for k in range(m + 1)
        for s in combinations(a, k)
    )
    return outside(q, h) * sum(signed, start=Fraction(0))


def two_drafts(q: Sequence[Number], h: frozenset[int]) -> Number:
    """1 − Q(H) = b (1 + Σ_H q_i/(1 − q_i)) at n = 2."""
    return outside(q, h) * (1 + sum(q[i] / (1 - q[i]) for i in h))


def two_drafts_inside(q: Sequence[Number], h: frozenset[int]) -> Number:
    """Q(H) = q(H) Σ_H q_i/(1 − q_i) − Σ_H q_i²/(1 − q_i) at n = 2."""
    mass = sum(q[i] for i in h)
    return mass * sum(q[i] / (1 - q[i]) for i in h) - sum(q[i] ** 2 / (1 - q[i]) for i in h)


def inclusion(q: Vector, i: int, n: int) -> Fraction:
    """P(i ∈ S) = 1 − Q(Σ∖{i}), by the race."""
    return Fraction(race_terms(q, frozenset(range(len(q))) - {i}, n))


def two_drafts_inclusion(q: Vector, i: int) -> Fraction:
    """P(i ∈ S) = q_i (1 + Σ_{j≠i} q_j/(1 − q_j)) at n = 2."""
    return q[i] * (1 + sum(x / (1 - x) for j, x in enumerate(q) if j != i))


def integral(q: Sequence[Any], h: frozenset[int], n: int) -> Any:
    """∫ b e^{−bt} P(N_H(t) < n) dt, by sympy."""
    s = sympy()
    t, b = s.Symbol("t", positive=True), outside(q, h)
    integrand = b * s.exp(-b * t) * fewer_than([s.exp(-q[i] * t) for i in h], n)
    return s.integrate(s.powsimp(s.expand(integrand)), (t, 0, s.oo))


def later_arrivals() -> tuple[Any, Any, Any, Any]:
    """λ, t and the two sides of ∫_t^∞ e^{−λu} du = e^{−λt}/λ, the left one by sympy."""
    s = sympy()
    rate, t, u = s.symbols("lambda t u", positive=True)
    tail = s.integrate(s.exp(-rate * u), (u, t, s.oo))
    return rate, t, tail, s.exp(-rate * t) / rate


def arrival_order(q: Sequence[Any], order: Sequence[int]) -> Any:
    """P(the first arrivals are i_1, i_2, … in this order), one integral after the other.

    With all others after t of chance c e^{−λt}, one before them has ∫_t^∞ q_i e^{−q_i u} c e^{−λu} du.
    """
    rate, t, tail, _ = later_arrivals()
    chance, total = 1, sum(x for i, x in enumerate(q) if i not in order)
    for i in reversed(order):
        total = total + q[i]
        chance = chance * q[i] * tail.subs({rate: total, t: 0})
    return chance


def draws_order(q: Sequence[Any], order: Sequence[int]) -> Any:
    """P(the draws are i_1, i_2, … in this order) = Π q_i / (what is not yet drawn)."""
    left = [sum(x for j, x in enumerate(q) if j not in order[:k]) for k in range(len(order))]
    return math.prod(q[i] / m for i, m in zip(order, left, strict=True))


class Trapezoid(NamedTuple):
    """A race and a rule for its integral: nodes e^{(j + shift) h}; moments to try inequalities at."""

    q: Vector
    h: frozenset[int]
    n: int
    step: Fraction
    shift: Fraction = Fraction(0)
    time: Fraction = Fraction(1)
    wait: Fraction = Fraction(1)
    angle: Fraction = Fraction(0)

    def __str__(self) -> str:
        rule = f"step {self.step}, shift {self.shift}"
        at = f"t = {self.time}, wait {self.wait}, ψ = {self.angle}"
        return f"q = {shown(self.q)}, H = {sorted(self.h)}, n = {self.n}, {rule}, {at}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes as text: a page is no module that can be imported."""
        return str, (str(self),)

    @property
    def slowest(self) -> Fraction:
        """r, the mass outside the n − 1 largest tokens."""
        return sum(sorted(self.q)[: len(self.q) - self.n + 1], start=Fraction(0))

    @property
    def exact(self) -> Any:
        """1 − Q(H), a ball around the fraction."""
        return ball(1 - draw_by_draw(self.q, self.h, self.n))

    def integrand(self, t: Any) -> Any:
        """F(log t) = b t e^{−bt} P(N_H(t) < n), for t in the right half plane."""
        b = ball(outside(self.q, self.h))
        return b * t * (-b * t).exp() * fewer_than([(-ball(self.q[i]) * t).exp() for i in self.h], self.n)

    def alive(self, t: Any) -> Any:
        """G(t) = e^{−bt} P(N_H(t) < n): the race without end by time t."""
        return self.integrand(t) / (ball(outside(self.q, self.h)) * t)

    def error(self) -> Any:
        """Rule over all integers j minus the integral."""
        h = ball(self.step)
        first, last = -110 / self.step, math.log(300 / self.slowest) / self.step
        nodes = range(math.floor(first), math.ceil(last) + 1)
        times = (((j + ball(self.shift)) * h).exp() for j in nodes)
        return h * sum(map(self.integrand, times)) + left_out() - self.exact


def ball(x: Any) -> Any:
    """A fraction or a float as a ball."""
    return arb(Fraction(x).numerator) / arb(Fraction(x).denominator)


def spacing_bound(n: int, h: Any) -> Any:
    """2 cos^{−n} θ / (e^{2πθ/h} − 1) at tan θ = 2π/(nh)."""
    theta = (2 * pi() / (n * h)).atan()
    return 2 * theta.cos() ** -n / ((2 * pi() * theta / h).exp() - 1)


def left_bound(n: int, h: Any, first: Any) -> Any:
    """n^n/(n+1)^{n+1} · first^{n+1}/n! · h/(e^{h(n+1)} − 1)."""
    share = arb(n) ** n / arb(n + 1) ** (n + 1)
    return share * first ** (n + 1) / math.factorial(n) * h / ((h * (n + 1)).exp() - 1)


def left_relative(n: int, h: Any, first: Any) -> Any:
    """first^{n+1}/(n·n!) · h/(e^{h(n+1)} − 1), relative to 1 − Q(H)."""
    return first ** (n + 1) / (n * arb(math.factorial(n))) * h / ((h * (n + 1)).exp() - 1)


def later(n: int, x: Any) -> Any:
    """P(Gamma(n) > x) = e^{−x} Σ_{k<n} x^k/k!."""
    return (-x).exp() * sum(x**k / math.factorial(k) for k in range(n))


def tail_sum(n: int, x: Any) -> Any:
    """(n/x) P(Gamma(n) > x), a bound of h Σ_{j≥1} P(Gamma(n) > x e^{jh})."""
    return n / x * later(n, x)


def right_relative(n: int, x: Any) -> Any:
    """2 (n/x) P(Gamma(n) > x), x = r·last/2, relative to 1 − Q(H)."""
    return 2 * tail_sum(n, x)


def newton(q: Sequence[float], h: frozenset[int], n: int) -> float:
    """b ∫ e^{−t} Σ_{m<n} e_m dt in floats, m e_m = Σ_i (−1)^{i−1} e_{m−i} Σ_H (e^{qt} − 1)^i."""
    slowest = sum(sorted(q)[: len(q) - n + 1])
    last = shipped.last_scaled_time(n) / slowest
    t, step = np.exp(np.linspace(-36, np.log(last), 400)), (np.log(last) + 36) / 399
    powers = [sum(np.expm1(q[i] * t) ** k for i in h) for k in range(n)]
    e = [np.ones_like(t)]
    for m in range(1, n):
        e.append(sum((-1) ** (k - 1) * e[m - k] * powers[k] for k in range(1, m + 1)) / m)
    return float(outside(q, h) * step * np.sum(t * np.exp(-t) * sum(e)))


def every_draft(vocabulary: int, denominator: int, n: Sequence[int]) -> Sample:
    """Every q with n or more tokens, up to relabelling; p = q plays no part."""

    def counts(d: int, places: int, least: int) -> Iterator[tuple[int, ...]]:
        if places == 1:
            yield (d,)
            return
        for first in range(least, d // places + 1):
            yield from ((first, *rest) for rest in counts(d - first, places - 1, first))

    drafts = [
        tuple(Fraction(a, d) for a in c)
        for d in range(1, denominator + 1)
        for c in counts(d, vocabulary, 0)
        if math.gcd(*c) == 1
    ]
    items = [Pair(q, q, k) for q in drafts for k in n if sum(x > 0 for x in q) >= k]
    return Sample(Kind.GRID, f"V = {vocabulary}, D ≤ {denominator}, n = {listed(n)}, all H", items)


def rules(rng: np.random.Generator, count: int, largest: int) -> Sample:
    """Random races with a random step between 1/5 and 3, a random shift and random moments.

    One H in four is the n − 1 largest tokens: it makes the race last longest.
    """

    def short(x: float) -> Fraction:
        return Fraction(x).limit_denominator(10_000)

    def one(x: Pair) -> Trapezoid:
        proper = [h for h in subsets(x.V) if outside(x.q, h) > 0]
        largest = sorted(range(x.V), key=lambda i: x.q[i])[x.V - x.n + 1 :]
        h = frozenset(largest) if rng.random() < 0.25 else proper[int(rng.integers(len(proper)))]
        step, shift = Fraction(int(rng.integers(2, 31)), 10), Fraction(int(rng.integers(8)), 8)
        time, wait = (short(math.exp(rng.uniform(-6, 4))) for _ in range(2))
        return Trapezoid(x.q, h, x.n, step, shift, time, wait, short(rng.uniform(-1.5, 1.5)))

    pairs = random_pairs(rng, count, range(2, 8), range(1, largest + 1), distinct=True)
    return Sample(Kind.ENCLOSURE, f"V = 2–7, n = 1–{largest}, steps 1/5–3", [one(x) for x in pairs.items])


def upper(ratio: Any) -> float:
    """The upper end of a ball."""
    return float(ratio.upper())


def all_sets(x: Pair, value: Callable[[frozenset[int]], Number]) -> list[Number]:
    """The value at every H."""
    return [value(h) for h in subsets(x.V)]


def avoided(x: Pair) -> list[Fraction]:
    """1 − Q(H) at every H, summed over the law of the set of drafts as the package enumerates it."""
    law = set_law(x, "without_replacement")
    return all_sets(x, lambda h: 1 - inside(law, h))


def powers_of_sums(x: Pair, h: frozenset[int]) -> tuple[Fraction, Fraction]:
    """b Σ_{m<n} m! e_m(q_H), and b n·n! e_n(q_H)."""
    e = [
        math.factorial(m) * sum((math.prod(x.q[i] for i in a) for a in combinations(h, m)), Fraction(0))
        for m in range(x.n + 1)
    ]
    return outside(x.q, h) * sum(e[:-1]), outside(x.q, h) * x.n * e[-1]


def included(x: Pair) -> list[Fraction]:
    """P(i ∈ S) of every token, summed over the law of the set of drafts."""
    law = set_law(x, "without_replacement")
    return [sum((w for s, w in law.items() if i in s), start=Fraction(0)) for i in range(x.V)]


def formula(level: Level, rng: np.random.Generator) -> list[Finding]:
    """Theorems 7.a to 7.c in exact arithmetic."""
    v = level.pick(3, 4, 4)
    rates = sympy().symbols(f"q:{v}", positive=True)
    orders = [tuple(range(n)) for n in range(1, v + 1)]
    cases = [(h, n) for n in range(1, v + 1) for h in subsets(v) if 0 < len(h) < v]
    one, two = (every_draft(*level.pick((3, 8), (4, 10), (5, 12)), n) for n in ([1, 2, 3], [2]))
    many = random_pairs(rng, level.pick(40, 300, 3000), range(2, 7), range(1, 6), distinct=True)
    return [
        identity(
            "arrivals of the clocks come in the order of the draws",
            f"V = {v}, all rates",
            lambda: [
                later_arrivals()[2:],
                *((arrival_order(rates, o), draws_order(rates, o)) for o in orders),
            ],
        ),
        identity(
            "1 − Q(H) = ∫ b e^{−bt} P(N_H(t) < n) dt",
            f"V = {v}, n = 1–{v}, all rates, all H",
            lambda: [(integral(rates, h, n), 1 - draw_by_draw(rates, h, n)) for h, n in cases],
        ),
        equal(
            "the race formula, multiplied out",
            one,
            lambda x: all_sets(x, lambda h: race_terms(x.q, h, x.n)),
            avoided,
        ),
        equal(
            "the same at larger V and n, zeros in q",
            many,
            lambda x: all_sets(x, lambda h: race_terms(x.q, h, x.n)),
            avoided,
        ),
        equal("the form with e_m", one, lambda x: all_sets(x, lambda h: race_odds(x.q, h, x.n)), avoided),
        equal(
            "n = 2: 1 − Q(H) = b (1 + Σ_H q/(1−q))",
            two,
            lambda x: all_sets(x, lambda h: two_drafts(x.q, h)),
            avoided,
        ),
        equal(
            "n = 2: Q(H) = q(H) Σ_H q/(1−q) − Σ_H q²/(1−q)",
            two,
            lambda x: all_sets(x, lambda h: 1 - two_drafts_inside(x.q, h)),
            avoided,
        ),
        equal(
            "P(i ∈ S) = 1 − Q(Σ∖{i})",
            many,
            lambda x: [inclusion(x.q, i, x.n) for i in range(x.V)],
            included,
        ),
        equal(
            "n = 2: P(i ∈ S) = q_i (1 + Σ_{j≠i} q_j/(1−q_j))",
            two,
            lambda x: [two_drafts_inclusion(x.q, i) for i in range(x.V)],
            included,
        ),
    ]


def steps_of_the_proof(level: Level, rng: np.random.Generator) -> list[Finding]:
    """The inequalities behind the three bounds; margins are the part of each bound left unused."""
    sample = rules(rng, level.pick(40, 300, 3000), 6)
    pairs = random_pairs(rng, level.pick(20, 150, 1500), range(2, 7), range(1, 6), distinct=True)

    def chain(x: Pair) -> list[Number]:
        return avoided(x) + [pair[0] for pair in all_sets(x, lambda h: powers_of_sums(x, h))]

    def chain_below(x: Pair) -> list[Number]:
        below = all_sets(x, lambda h: powers_of_sums(x, h))
        return [least for k in (0, 1) for least in (pair[k] for pair in below)]

    def turned(x: Trapezoid) -> tuple[Any, Any, Any]:
        size, angle = ball(x.time), ball(x.angle)
        return size, angle, size * (flint().acb(0, 1) * angle).exp()

    def one_token(x: Trapezoid) -> float:
        size, angle, z = turned(x)
        real = size * angle.cos()
        return upper(abs(1 - (-z).exp()) * angle.cos() / -(-real).expm1())

    def continued(x: Trapezoid) -> float:
        size, angle, z = turned(x)
        return upper(abs(x.integrand(z)) * angle.cos() ** x.n / x.integrand(size * angle.cos()))

    def many_arrivals(x: Trapezoid) -> list[float]:
        t = ball(x.time)
        masses = [ball(x.q[i]) for i in x.h]
        e = sum((math.prod(a) for a in combinations(masses, x.n)), start=arb(0))
        reached = 1 - fewer_than([(-m * t).exp() for m in masses], x.n)
        return [upper(reached - e * t**x.n), upper(e - sum(masses) ** x.n / math.factorial(x.n))]

    def survival(x: Trapezoid) -> float:
        s, t = ball(x.time), ball(x.wait)
        return upper(x.alive(s + t) / x.alive(s) / later(x.n, ball(x.slowest) * t))

    def far_out(x: Trapezoid) -> float:
        t = ball(x.time)
        return upper(x.integrand(t) / (2 * x.exact * later(x.n, ball(x.slowest) * t / 2)))

    return [
        at_least("|1 − e^{−z}| ≤ (1 − e^{−Re z})/cos ψ", sample, lambda x: 1, one_token, tol=1e-60),
        at_least(
            "|F(u + iψ)| ≤ cos^{−n} ψ · F(u + log cos ψ)", sample, lambda x: 1, continued, tol=1e-60
        ),
        at_least(
            "P(N_H ≥ n) ≤ e_n(q_H) tⁿ ≤ (q(H) t)ⁿ/n!",
            sample,
            lambda x: [0, 0],
            many_arrivals,
            tol=1e-60,
            note="sides that are equal (n = 1, |H| < n) leave the radius of the ball, 1e-75",
        ),
        at_least("G(s + t) ≤ G(s) P(Gamma(n) > rt)", sample, lambda x: 1, survival, tol=1e-60),
        at_least("F(log t) ≤ 2 (1 − Q) P(Gamma(n) > rt/2)", sample, lambda x: 1, far_out),
        at_least("1 − Q ≥ b Σ_{m<n} m! e_m(q_H) ≥ b n·n! e_n(q_H)", pairs, chain, chain_below),
    ]


def quadrature(level: Level, rng: np.random.Generator) -> list[Finding]:
    """Theorem 7.d: the three bounds, their rate, and the constants as shipped."""
    sample = rules(rng, level.pick(30, 600, 6000), 6)
    alone = partial(Trapezoid, (Fraction(1),), frozenset(), 1)
    even = partial(Trapezoid, (Fraction(1, 12),) * 12, frozenset(range(1, 12)))
    sharp = [alone(Fraction(k, 5)) for k in range(1, 11)]
    spaced = and_sharp(sample, "H empty", [alone(Fraction(3), Fraction(k, 8)) for k in range(8)])
    summed = and_sharp(sample, "n = 6", [even(6, Fraction(1, 5), Fraction(k, 8)) for k in range(8)])
    ended = and_sharp(sample, "V = 12, equal q", [even(n, Fraction(1)) for n in (2, 3)])
    counts = range(1, shipped.LARGEST_N + 1)
    drafts, three = (
        Sample(Kind.ENCLOSURE, f"n = {n[0]}–{n[-1]}, steps up to the largest", n)
        for n in (counts, counts[2:])
    )
    return [
        at_least(
            "spacing: error ≤ 2 cos^{−n} θ/(e^{2πθ/h} − 1) · (1 − Q)", spaced, lambda x: 1, spacing_used
        ),
        at_least(
            "spacing: no better rate than e^{−π²/h}",
            Sample(Kind.ENCLOSURE, "H empty, n = 1, steps 1/5–2", sharp),
            worst_shift,
            lambda x: 1,
            note="the margin is how far the error exceeds |Γ(1 + 2πi/h)|, as a factor less 1",
        ),
        at_least("left end: loss ≤ its two bounds", ended, lambda x: [1, 1], left_used),
        at_least(
            "h Σ_{j≥1} P(Gamma(n) > x e^{jh}) ≤ (n/x) P(Gamma(n) > x)", summed, lambda x: 1, tail_used
        ),
        at_least("right end: loss ≤ 2 (n/x) P(Gamma(n) > x) · (1 − Q)", sample, lambda x: 1, right_used),
        at_least("shipped constants keep each bound", drafts, lambda n: [1, 1, 1], constants_used),
        at_least("shipped constants, relative error from n = 3 on", three, lambda n: 1, total_used),
        at_least(
            "the rule with the shipped nodes encloses 1 − Q(H)",
            sample,
            lambda x: 1,
            shipped_rule_used,
            note="the margin is the part of the bound left unused",
        ),
    ]


def and_sharp(sample: Sample, what: str, more: list[Trapezoid]) -> Sample:
    """The same with instances on which a bound is nearly reached."""
    return Sample(sample.kind, f"{sample.scope}; {what}", [*sample.items, *more])


def spacing_used(x: Trapezoid) -> float:
    """|rule − integral| over its bound."""
    return upper(abs(x.error()) / x.exact / spacing_bound(x.n, ball(x.step)))


def worst_shift(x: Trapezoid) -> float:
    """The largest error of four shifts over |Γ(1 + iω)| = √(πω/sinh πω), ω = 2π/h."""
    shifts = [Fraction(k, 4) for k in range(4)]
    errors = [abs(Trapezoid(x.q, x.h, x.n, x.step, s).error()) for s in shifts]
    angle = 2 * pi() ** 2 / ball(x.step)
    return max(float((e / (angle / angle.sinh()).sqrt()).lower()) for e in errors)


def tail_used(x: Trapezoid) -> float:
    """h Σ_{j≥1} P(Gamma(n) > y e^{jh}) over its bound, y between n/4 and 3n."""
    h, y = ball(x.step), x.n * (ball(1 / 4) + 3 * ball(x.shift))
    terms = (later(x.n, y * (j * h).exp()) for j in range(1, math.ceil(8 / x.step) + 1))
    return upper((h * sum(terms) + left_out()) / tail_sum(x.n, y))


def left_used(x: Trapezoid) -> list[float]:
    """h Σ_{j≥1} b t e^{−bt} P(N_H(t) ≥ n) over its two bounds, t = first · e^{−jh}."""
    h, first, b = ball(x.step), (ball(x.shift) - 2).exp(), ball(outside(x.q, x.h))
    t = [first * (-j * h).exp() for j in range(1, math.ceil(110 / x.step))]
    loss = h * sum(b * s * (-b * s).exp() - x.integrand(s) for s in t) + left_out()
    return [
        upper(loss / left_bound(x.n, h, first)),
        upper(loss / (left_relative(x.n, h, first) * x.exact)),
    ]


def right_used(x: Trapezoid) -> float:
    """h Σ_{j≥1} F at t = last · e^{jh} over its bound, last = 2x/r."""
    h, y = ball(x.step), ball(x.n + 6 * x.shift)
    last = 2 * y / ball(x.slowest)
    beyond = range(1, math.ceil(math.log(300) / x.step) + 1)
    loss = h * sum(x.integrand(last * (j * h).exp()) for j in beyond) + left_out()
    return upper(loss / (right_relative(x.n, y) * x.exact))


def constants_used(n: int) -> list[float]:
    """Spacing, left and right bound at the shipped constants over their tolerances, the right one over
    a fifth of it."""
    h, first, last = constants(n)
    narrow = [left_bound(n, h * ball(s), first) / ball(shipped.END_TOLERANCE) for s in SHARES]
    return [
        upper(spacing_bound(n, h) / ball(shipped.SPACING_TOLERANCE)),
        max(map(upper, narrow)),
        upper(5 * right_relative(n, last / 2) / ball(shipped.END_TOLERANCE)),
    ]


def total_used(n: int) -> float:
    """The relative error's bound over QUADRATURE_ERROR: steps s·h to s′·h have the one's spacing bound
    and the other's left bound."""
    h, first, last = constants(n)
    right = right_relative(n, last / 2)
    totals = [
        spacing_bound(n, h * ball(wide)) + left_relative(n, h * ball(narrow), first) + right
        for narrow, wide in zip(SHARES[1:], SHARES, strict=False)
    ]
    return max(upper(total / ball(shipped.QUADRATURE_ERROR)) for total in totals)


def constants(n: int) -> tuple[Any, Any, Any]:
    """The shipped h, first node and r · last node."""
    return ball(shipped.largest_step(n)), ball(shipped.first_time(n)), ball(shipped.last_scaled_time(n))


def shipped_rule_used(x: Trapezoid) -> float:
    """|rule − integral| over QUADRATURE_ERROR: the shipped nodes, and P = 1 below the first."""
    widest, first, last = constants(x.n)
    reach = (last / ball(x.slowest) / first).log()
    count = math.ceil(float(reach) / float(widest))
    h, b = reach / count, ball(outside(x.q, x.h))
    below = (first * (-j * h).exp() for j in range(1, math.ceil(110 / float(h))))
    value = h * sum(b * t * (-b * t).exp() for t in below) + left_out()
    value += h * sum(x.integrand(first * (j * h).exp()) for j in range(count + 1))
    return upper(abs(value - x.exact) / ball(shipped.QUADRATURE_ERROR))


def expected_time(q: Vector, n: int) -> Fraction:
    """E T_n, draw after draw: Σ over k < n of E[1 / (what is not yet drawn after k draws)]."""

    @cache
    def left(drawn: frozenset[int]) -> Fraction:
        if len(drawn) == n:
            return Fraction(0)
        mass = sum((x for i, x in enumerate(q) if i not in drawn), start=Fraction(0))
        later = (x / mass * left(drawn | {i}) for i, x in enumerate(q) if x and i not in drawn)
        return 1 / mass + sum(later, start=Fraction(0))

    return left(frozenset())


def expected_time_terms(q: Vector, n: int) -> Fraction:
    """E T_n = ∫ P(N < n) dt = Σ_B c_B/q(B) over the tokens with q > 0, c_B as in the race formula."""
    known, total = [x for x in q if x], Fraction(0)
    for k in range(1, len(known) + 1):
        c = sum((-1) ** j * math.comb(k, j) for j in range(n - len(known) + k))
        total += c * sum((1 / sum(b) for b in combinations(known, k)), start=Fraction(0))
    return total


def ratio_limit(q: Vector, n: int) -> Fraction:
    """B = Σ_{k<n} 1 / (mass outside the k largest)."""
    masses = sorted(q, reverse=True)
    return sum((1 / sum(masses[k:], start=Fraction(0)) for k in range(n)), start=Fraction(0))


def pruned(x: Pair) -> tuple[list[Fraction], list[Fraction]]:
    """P − Q at every H, and at H without its tokens of ratio B or more."""
    law, limit = set_law(x, "without_replacement"), ratio_limit(x.q, x.n)
    value = {h: x.P(h) - inside(law, h) for h in subsets(x.V)}
    low = frozenset(i for i in range(x.V) if x.p[i] < x.q[i] * limit)
    return list(value.values()), [value[h & low] for h in value]


def by_buckets(x: Pair) -> list[float]:
    """By how much the stated error of the bucketed race exceeds its distance from α*."""
    p, q = (np.array([a]) for a in floats(x))
    values, errors, _ = lowest_cuts(p, q, x.n)
    return [float(errors[0]) - abs(float(values[0]) - float(best_subset(x, "without_replacement")[0]))]


def newton_sums(sums: Sequence[Number], sign: int, off: Number = 0) -> list[Number]:
    """m e_m = Σ_{k≤m} sign^{k−1} e_{m−k} Λ_k, every term off by the part ±``off``; h_m for sign 1."""
    e: list[Number] = [1]
    for m in range(1, len(sums) + 1):
        wrong = [1 + off * (-1) ** (m * k + k // 2) for k in range(1, m + 1)]
        terms = (sign ** (k - 1) * e[m - k] * sums[k - 1] * wrong[k - 1] for k in range(1, m + 1))
        e.append(sum(terms) / m)
    return e


def elementary(odds: Sequence[Number], n: int) -> list[Number]:
    """e_m of the odds for m < n, from Π (1 + o x)."""
    e: list[Number] = [1] + [0] * (n - 1)
    for o in odds:
        for m in range(n - 1, 0, -1):
            e[m] += o * e[m - 1]
    return e


def power_sums(x: Pair) -> list[Fraction]:
    """Λ_k = Σ o^k for k < n; here q plays the odds."""
    return [sum((o**k for o in x.q), start=Fraction(0)) for k in range(1, x.n)]


EPSILON = Fraction(1, 4)
"""ε, η: large, so that a dropped factor shows."""


def cut_sums(x: Pair) -> list[Fraction]:
    """Λ_k off by δ_k of either sign, Σ δ_k/k ≤ ε s: p says which are off by how much."""
    share = [x.p[k % x.V] / math.ceil(x.n / x.V) for k in range(x.n)]
    found = power_sums(x)
    return [v + (-1) ** (k // 2) * (k + 1) * EPSILON * found[0] * share[k] for k, v in enumerate(found)]


def growths(h: Sequence[Number]) -> list[Number]:
    """((1 + ε)^m − 1) h_m."""
    return [((1 + EPSILON) ** m - 1) * a for m, a in enumerate(h)]


def running(values: Sequence[Number]) -> list[Number]:
    """Σ_{m≤M} for every M."""
    return list(accumulate(values))


def distance(a: Sequence[Number], b: Sequence[Number]) -> list[Number]:
    """|a_m − b_m|."""
    return [abs(x - y) for x, y in zip(a, b, strict=True)]


def weighed(x: Pair) -> tuple[Fraction, Fraction]:
    """Σ w |ẽ − e|, and ε (1 + ε)^{n−2} κ Σ w e, κ = max_M Σ m h_m/Σ e_m, for weights w that fall."""
    e, h = elementary(x.q, x.n), newton_sums(power_sums(x), 1)
    kappa = max(a / b for a, b in zip(running([m * v for m, v in enumerate(h)]), running(e), strict=True))
    w = sorted((x.p[k % x.V] for k in range(x.n)), reverse=True)
    off = sum(a * b for a, b in zip(w, distance(newton_sums(cut_sums(x), -1), e), strict=True))
    whole = sum(a * b for a, b in zip(w, e, strict=True))
    return Fraction(EPSILON * (1 + EPSILON) ** (x.n - 2) * kappa * whole), Fraction(off)


def power_series(k: int, terms: int) -> list[Fraction]:
    """c_{k,r} for r ≤ terms: (e^y − 1)^k, multiplied out."""
    factor = [Fraction(0)] + [Fraction(1, math.factorial(r)) for r in range(1, terms + 1)]
    found = [Fraction(1)] + [Fraction(0)] * terms
    for _ in range(k):
        found = [
            sum((found[j] * factor[r - j] for j in range(r + 1)), start=Fraction(0))
            for r in range(terms + 1)
        ]
    return found


def stirling_series(k: int, terms: int) -> list[Fraction]:
    """c_{k,r} = k! S(r, k)/r!, S(r, k) = Σ_j (−1)^{k−j} C(k, j) j^r / k!."""
    surjections = [
        sum((-1) ** (k - j) * math.comb(k, j) * j**r for j in range(k + 1)) for r in range(terms + 1)
    ]
    return [Fraction(a, math.factorial(r)) for r, a in enumerate(surjections)]


def cut_used(n: int) -> list[float]:
    """ε of the shipped cuts over CUT: all R powers up to Y, and the first few up to the lightest."""
    parameters = moments.series(n)
    cuts = [(parameters.coefficients.shape[1], 1.0), (moments.FEW, parameters.lightest)]
    found = []
    for powers, part in cuts:
        y, total = ball(moments.LIGHTEST) * ball(part), arb(0)
        for k in range(1, n):
            kept = sum((ball(c) * y**r for r, c in enumerate(stirling_series(k, powers))), start=arb(0))
            total += (y.expm1() ** k - kept) / (k * y)
        found.append(upper(total / ball(moments.CUT)))
    return found


def amplified(n: int) -> float:
    """max_M Σ m h_m/Σ e_m of N tokens of equal odds at most O, over the shipped κ."""
    largest, worst = ball(moments.LIGHTEST).expm1(), 0.0
    for count in (1, 2, 3, 5, 8, 13, 21, 40, 80, 160, 320, 600):
        for part in (0.25, 1.0):
            o = largest * ball(part)
            h = [math.comb(count + m - 1, m) * o**m for m in range(n)]
            e = [math.comb(count, m) * o**m for m in range(n)]
            above, below = running([m * v for m, v in enumerate(h)]), running(e)
            worst = max(worst, *(upper(a / b) for a, b in zip(above, below, strict=True)))
    return worst / moments.series(n).amplification


def growth_of_moments(n: int) -> Any:
    """(n − 1) Y e^Y/(e^Y − 1), which must not exceed n."""
    y = ball(moments.LIGHTEST)
    return (n - 1) * y * y.exp() / y.expm1()


OFF = Fraction(1, 5)
"""δ, by which the exponent is off."""


def exponent_used(x: Trapezoid) -> float:
    """∫₀^τ e^{δat} e^{−bt} P(N_H < n) dt over (1 − δ)^{−(n+1)} times that of δ = 0."""
    limit = Fraction(1, 8) / x.time
    light = sum((x.q[i] for i in x.h if x.q[i] <= limit), start=Fraction(0))
    rate = OFF * (outside(x.q, x.h) + light)
    ends = [(c, outside(x.q, x.h) + mass) for c, mass in alive_terms(x)]
    tau = ball(x.time)

    def until(speed: Fraction) -> Any:
        return -(-ball(speed) * tau).expm1() / ball(speed) if speed else tau

    found, exact = (sum((c * until(v - r) for c, v in ends), start=arb(0)) for r in (rate, Fraction(0)))
    return upper(found / exact * ball(1 - OFF) ** (x.n + 1))


def alive_terms(x: Trapezoid) -> list[tuple[int, Fraction]]:
    """P(N_H(t) < n) = Σ c e^{−mt}: the pairs c, m."""
    found = []
    for k in range(len(x.h) + 1):
        c = sum((-1) ** j * math.comb(k, j) for j in range(x.n - len(x.h) + k))
        found += [(c, sum((x.q[i] for i in s), start=Fraction(0))) for s in combinations(x.h, k) if c]
    return found


def which_tokens(level: Level, rng: np.random.Generator) -> list[Finding]:
    """Theorem 7.e: tokens that no H needs."""
    pairs = random_pairs(rng, level.pick(12, 150, 1500), range(2, 6), range(1, 5), distinct=True)
    two = random_pairs(rng, level.pick(12, 150, 1500), range(2, 6), range(2, 5), distinct=True)

    def times(x: Pair) -> tuple[list[Fraction], list[Fraction]]:
        expected = [a * expected_time(x.q, x.n) for a in x.q]
        return [a * ratio_limit(x.q, x.n) for a in x.q] + expected, expected

    return [
        equal(
            "E T_n, draw after draw, is Σ c_B/q(B)",
            pairs,
            lambda x: expected_time(x.q, x.n),
            lambda x: expected_time_terms(x.q, x.n),
        ),
        at_least(
            "P(i ∈ S) ≤ q_i E T_n ≤ q_i B",
            pairs,
            lambda x: times(x)[0],
            lambda x: times(x)[1] + [inclusion(x.q, i, x.n) for i in range(x.V)],
        ),
        at_least(
            "no H is better with tokens of ratio B or more",
            pairs,
            lambda x: pruned(x)[0],
            lambda x: pruned(x)[1],
        ),
        at_least(
            "the bucketed race, as shipped, is off by no more than it says",
            Sample(Kind.FLOATING, two.scope, two.items),
            by_buckets,
            lambda x: [0],
        ),
    ]


def light_tokens(level: Level, rng: np.random.Generator) -> list[Finding]:
    """Theorem 7.f: power sums, what is cut and what cancels."""
    pairs = random_pairs(rng, level.pick(20, 300, 3000), range(1, 7), range(2, 8))
    pairs = Sample(pairs.kind, f"{pairs.scope}; q as odds", pairs.items)
    races = rules(rng, level.pick(12, 150, 1500), 6)
    drafts = Sample(Kind.ENCLOSURE, "n = 3–16", range(3, race_buckets.LARGEST_N + 1))
    orders = Sample(Kind.GRID, "k ≤ 6, r ≤ 12", range(1, 7))

    def complete(x: Pair) -> list[Number]:
        return newton_sums(power_sums(x), 1)

    def ends(x: Pair) -> list[Number]:
        """Upper ends: of Π (s − jO)_+ the e_m, of h_m Π (s + jO), of s h_{m−1} m h_m."""
        s, o, h = sum(x.q), max(x.q), complete(x)
        tops = accumulate((s + j * o for j in range(x.n - 1)), lambda a, b: a * b)
        highs = [t / math.factorial(m) for m, t in enumerate(tops, 1)]
        return elementary(x.q, x.n)[1:] + highs + [m * a for m, a in enumerate(h)][1:]

    def starts(x: Pair) -> list[Number]:
        """The other ends."""
        s, o, h = sum(x.q), max(x.q), complete(x)
        tops = accumulate((max(s - j * o, Fraction(0)) for j in range(x.n - 1)), lambda a, b: a * b)
        lows = [t / math.factorial(m) for m, t in enumerate(tops, 1)]
        return lows + h[1:] + [s * a for a in h[:-1]]

    return [
        equal(
            "(e^y − 1)^k = Σ k! S(r, k)/r! y^r",
            orders,
            lambda k: power_series(k, 12),
            lambda k: stirling_series(k, 12),
        ),
        equal(
            "Newton's identities give e_m",
            pairs,
            lambda x: newton_sums(power_sums(x), -1),
            lambda x: elementary(x.q, x.n),
        ),
        at_least(
            "Λ_k off by δ_k, Σ δ_k/k ≤ ε s: Σ_{m≤M} |ẽ_m − e_m| ≤ Σ_{m≤M} ((1 + ε)^m − 1) h_m",
            pairs,
            lambda x: running(growths(complete(x))),
            lambda x: running(distance(newton_sums(cut_sums(x), -1), elementary(x.q, x.n))),
        ),
        at_least(
            "terms off by the part η: |ê_m − e_m| ≤ ((1 + η)^m − 1) h_m",
            pairs,
            lambda x: growths(complete(x)),
            lambda x: distance(newton_sums(power_sums(x), -1, EPSILON), elementary(x.q, x.n)),
        ),
        at_least("Π (s − jO)_+ ≤ m! e_m, m! h_m ≤ Π (s + jO), s h_{m−1} ≤ m h_m", pairs, ends, starts),
        at_least(
            "Σ w |ẽ − e| ≤ ε (1 + ε)^{n−2} κ Σ w e for weights that fall",
            pairs,
            lambda x: weighed(x)[0],
            lambda x: weighed(x)[1],
        ),
        at_least("the shipped cuts keep ε ≤ CUT", drafts, lambda n: [1, 1], cut_used),
        at_least("the shipped κ is no less than that of equal tokens", drafts, lambda n: 1, amplified),
        at_least(
            "(n − 1) Y e^Y/(e^Y − 1) ≤ n",
            drafts,
            lambda n: 1,
            lambda n: upper(growth_of_moments(n) / n),
        ),
        at_least(
            "an exponent off by δ: ∫₀^τ grows by at most (1 − δ)^{−(n+1)}",
            races,
            lambda x: 1,
            exponent_used,
        ),
    ]


def fast_neighbours() -> list[Finding]:
    """What is false near 7.e and 7.f."""
    peaked, one = Pair.of("0 1/5 4/5", "4/5 1/10 1/10", 2), Pair.of("1", "1", 2)
    law = set_law(peaked, "without_replacement")
    low = frozenset(i for i in range(peaked.V) if peaked.p[i] < peaked.n * peaked.q[i])
    s = Fraction(1, 10)
    return [
        fails(
            "no H needs a token of ratio n or more, as with replacement",
            peaked,
            lambda x: best_subset(x, "without_replacement")[0],
            lambda x: 1 + min(x.P(h) - inside(law, h) for h in subsets(x.V) if h <= low),
        ),
        fails(
            "an error δ_1 = ε s moves e_1 by at most (e^{εs} − 1) h_1, here ≤ εs/(1 − εs) · s",
            one,
            lambda x: EPSILON * s / (1 - EPSILON * s) * s,
            lambda x: EPSILON * s,
            note="one token of odds s = 1/10",
        ),
        fails(
            "(n − 1) Y e^Y/(e^Y − 1) ≤ n for n = 17 too, Y = 1/8",
            17,
            lambda n: n,
            lambda n: Fraction(float(growth_of_moments(n).lower())),
        ),
    ]


def shipped_code(level: Level, rng: np.random.Generator) -> list[Finding]:
    """What the package returns for drafts without replacement, held to exact values."""
    pairs = random_pairs(rng, level.pick(20, 150, 1500), range(2, 6), range(1, 6), distinct=True)
    sample = Sample(Kind.FLOATING, pairs.scope, pairs.items)

    def enclosed(x: Pair) -> list[float]:
        best = float(best_subset(x, "without_replacement")[0])
        found = optimal_acceptance(*floats(x), n=x.n, scheme="without_replacement")
        return [best - float(found.lower), float(found.upper) - best]

    def naive(x: Pair) -> float:
        rule = VERIFIERS["naive"]
        return float(rule.acceptance_rate(*floats(x), n=x.n, scheme="without_replacement").value)

    return [
        at_least("optimal_acceptance encloses α*", sample, enclosed, lambda x: [0, 0], tol=1e-15),
        equal(
            "naive accepts Σ p_i P(i ∈ S)",
            sample,
            naive,
            lambda x: float(sum(p * inclusion(x.q, i, x.n) for i, p in enumerate(x.p))),
            tol=1e-13,
        ),
    ]


def floats(x: Pair) -> tuple[list[float], list[float]]:
    """p and q in floats."""
    return [float(a) for a in x.p], [float(a) for a in x.q]


def neighbours() -> list[Finding]:
    """The neighbouring statements that are false."""
    q = Pair.of("1/2 1/2", "1/2 1/2", 2)
    peaked = Pair.of("1/7 1/7 1/7 1/7 3/7", "1/7 1/7 1/7 1/7 3/7", 4)
    h, flat = frozenset({0, 1, 2, 4}), Trapezoid((Fraction(1),), frozenset(), 1, Fraction(1))
    in_floats = Fraction(newton([float(x) for x in peaked.q], h, peaked.n))
    return [
        differs(
            "P(i ∈ S) = 1 − (1 − q_i)ⁿ",
            q,
            lambda x: [1 - (1 - a) ** x.n for a in x.q],
            lambda x: [inclusion(x.q, i, x.n) for i in range(x.V)],
        ),
        fails(
            "Newton's identities in floats miss 1 − Q(H) by at most 10",
            peaked,
            lambda x: 10,
            lambda x: abs(in_floats - race_terms(x.q, h, x.n)),
        ),
        fails(
            "the spacing bound without cos^{−n} θ",
            flat,
            lambda x: Fraction(upper(2 / ((pi() ** 2 / ball(x.step)).exp() - 1))),
            lambda x: Fraction(float(abs(x.error()).lower())),
        ),
    ]


def check(level: Level, rng: np.random.Generator) -> Evidence:
    """The race formula and its closed forms; the bounds of the quadrature; the constants as shipped."""
    with flint().ctx.workprec(BITS):
        parts = formula, steps_of_the_proof, quadrature, shipped_code, which_tokens, light_tokens
        found = [f for part in parts for f in part(level, rng)]
        return Evidence.of(*found, *neighbours(), *fast_neighbours())
