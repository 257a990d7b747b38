"""Check of page 1: one draft."""

from fractions import Fraction

import numpy as np

from mdsd_theory import VERIFIERS
from mdsd_theory.proving import (
    Evidence,
    Finding,
    Level,
    Pair,
    Sample,
    differs,
    equal,
    grid,
    impossible,
    random_pairs,
    simplex,
)
from mdsd_theory.proving.optima import best_subset, optimum, subsets
from mdsd_theory.proving.symbolic import z3


def one_minus_tv(x: Pair) -> Fraction:
    """1 − TV(p, q) = 1 − ½ Σ |p − q|."""
    return 1 - sum((abs(a - b) for a, b in zip(x.p, x.q, strict=True)), start=Fraction(0)) / 2


def overlap(x: Pair) -> Fraction:
    """Σ min(p, q)."""
    return sum(map(min, x.p, x.q), start=Fraction(0))


def classical_rule(x: Pair) -> list[list[Fraction]]:
    """The joint law of X and Y: accepted drafts on the diagonal, rejected ones times (p − q)₊ / Σ."""
    rest = [max(p - q, Fraction(0)) for p, q in zip(x.p, x.q, strict=True)]
    mass = sum(rest, start=Fraction(0))
    return spread_out(x, [r / mass for r in rest] if mass else list(x.p))


def without_residual(x: Pair) -> list[list[Fraction]]:
    """The neighbouring rule: after a rejection, emit from p itself."""
    return spread_out(x, list(x.p))


def spread_out(x: Pair, after: list[Fraction]) -> list[list[Fraction]]:
    """The joint law of X and Y when a rejected draft is followed by a token of the law given."""
    accepted = accepted_drafts(x)
    return [
        [(q - a) * r + (a if i == j else 0) for j, r in enumerate(after)]
        for i, (a, q) in enumerate(zip(accepted, x.q, strict=True))
    ]


def drafted(joint: list[list[Fraction]]) -> list[Fraction]:
    """The law of X."""
    return [sum(row, start=Fraction(0)) for row in joint]


def emitted(joint: list[list[Fraction]]) -> list[Fraction]:
    """The law of Y."""
    return [sum(column, start=Fraction(0)) for column in zip(*joint, strict=True)]


def diagonal(joint: list[list[Fraction]]) -> Fraction:
    """P(Y = X), whether X was accepted or came back after its rejection."""
    return sum((row[i] for i, row in enumerate(joint)), start=Fraction(0))


def accepted_drafts(x: Pair) -> list[Fraction]:
    """The chance that token i is drawn, and accepted with probability min(1, p/q)."""
    one = Fraction(1)
    return [q * min(one, p / q) if q else q for p, q in zip(x.p, x.q, strict=True)]


def rejected_share(x: Pair) -> Fraction:
    """Σ (p − q)₊, which is also the chance of a rejection."""
    return sum((max(p - q, Fraction(0)) for p, q in zip(x.p, x.q, strict=True)), start=Fraction(0))


def cut(x: Pair, chosen: set[int]) -> Fraction:
    """P(H) + 1 − q(H)."""
    return x.P(chosen) + 1 - x.q_mass(chosen)


def beats_every_cut(vocabulary: int) -> list[object]:
    """z3: p and q over V tokens with Σ min(p, q) ≠ min over H of P(H) + 1 − q(H)."""
    logic = z3()
    p, p_is = simplex("p", vocabulary)
    q, q_is = simplex("q", vocabulary)
    value = logic.Sum([logic.If(a <= b, a, b) for a, b in zip(p, q, strict=True)])
    cuts = [logic.Sum([p[i] - q[i] for i in h] + [logic.RealVal(1)]) for h in subsets(vocabulary)]
    is_least = logic.And(
        logic.And([value <= cut for cut in cuts]), logic.Or([value == cut for cut in cuts])
    )
    return [*p_is, *q_is, logic.Not(is_least)]


def check(level: Level, rng: np.random.Generator) -> Evidence:
    """α* = 1 − TV = Σ min(p, q), and the classical rule emits p and reaches it."""
    one = grid(3, level.pick(5, 8, 12), n=[1])
    many = random_pairs(rng, level.pick(100, 1000, 10_000), range(1, 9), n=[1])
    largest = level.pick(3, 4, 6)
    return Evidence.of(
        impossible(
            "Σ min(p, q) = min over H of P(H) + 1 − q(H)",
            f"V = {largest}, all p, q",
            lambda: beats_every_cut(largest),
        ),
        equal("1 − TV = Σ min(p, q)", many, one_minus_tv, overlap),
        equal("{i : p_i < q_i} attains it", many, lambda x: cut(x, overdrafted(x)), overlap),
        equal(
            "α* of the transport program = Σ min(p, q)",
            one,
            lambda x: optimum(x, "with_replacement"),
            overlap,
        ),
        equal("least cut = Σ min(p, q)", many, lambda x: best_subset(x, "with_replacement")[0], overlap),
        *rules(one, many),
    )


def shipped_diagonal(x: Pair) -> Fraction:
    """P(Y = X) of rrs as shipped, draft by draft."""
    laws = {i: VERIFIERS["rrs"].conditional_law(x.p, x.q, (i,)) for i in range(x.V) if x.q[i]}
    return sum((x.q[i] * law.get(i, 0) for i, law in laws.items()), start=Fraction(0))


def overdrafted(x: Pair) -> set[int]:
    """{i : p_i < q_i}."""
    return {i for i in range(x.V) if x.p[i] < x.q[i]}


def rules(one: Sample, many: Sample) -> list[Finding]:
    """What the classical rule emits and accepts, as written here and as shipped."""
    rrs = VERIFIERS["rrs"]
    neighbour = Pair.of("1/2 1/2", "1 0", 1)
    return [
        equal("the classical rule emits p", many, lambda x: emitted(classical_rule(x)), lambda x: x.p),
        equal("its draft is X ~ q", many, lambda x: drafted(classical_rule(x)), lambda x: x.q),
        equal("its P(Y = X) is α*", many, lambda x: diagonal(classical_rule(x)), overlap),
        equal(
            "it rejects with probability Σ (p − q)₊",
            many,
            lambda x: 1 - sum(accepted_drafts(x), start=Fraction(0)),
            rejected_share,
        ),
        equal("rrs, as shipped, emits p", one, lambda x: rrs.output_law(x.p, x.q, 1), lambda x: x.p),
        equal("rrs, as shipped, accepts α*", one, shipped_diagonal, overlap),
        differs(
            "without the residual the rule emits p",
            neighbour,
            lambda x: emitted(without_residual(x)),
            lambda x: x.p,
        ),
    ]
