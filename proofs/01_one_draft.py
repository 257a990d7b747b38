"""Check of page 1: one draft."""

from fractions import Fraction

import numpy as np

from mdsd_theory import VERIFIERS
from mdsd_theory.proving import (
    Evidence,
    Level,
    Pair,
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


def classical_rule(x: Pair) -> tuple[list[Fraction], Fraction]:
    """The law that the rule emits, and its acceptance, branch by branch."""
    accepted = accepted_drafts(x)
    rest = [max(p - q, Fraction(0)) for p, q in zip(x.p, x.q, strict=True)]
    acceptance, mass = sum(accepted, start=Fraction(0)), sum(rest, start=Fraction(0))
    residual = [r / mass if mass else Fraction(0) for r in rest]
    return [a + (1 - acceptance) * r for a, r in zip(accepted, residual, strict=True)], acceptance


def without_residual(x: Pair) -> list[Fraction]:
    """The neighbouring rule: after a rejection, emit from p itself."""
    accepted = accepted_drafts(x)
    rejected = 1 - sum(accepted, start=Fraction(0))
    return [a + rejected * p for a, p in zip(accepted, x.p, strict=True)]


def accepted_drafts(x: Pair) -> list[Fraction]:
    """The chance that token i is drawn, and accepted with probability min(1, p/q)."""
    one = Fraction(1)
    return [q * min(one, p / q) if q else q for p, q in zip(x.p, x.q, strict=True)]


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
    many = random_pairs(rng, level.pick(100, 1000, 10_000), range(2, 9), n=[1])
    largest = level.pick(3, 4, 6)
    neighbour = Pair.of("1/2 1/2", "1 0", 1)
    return Evidence.of(
        impossible(
            "Σ min(p, q) = min over H of P(H) + 1 − q(H)",
            f"V = {largest}, all p, q",
            lambda: beats_every_cut(largest),
        ),
        equal("1 − TV = Σ min(p, q)", many, one_minus_tv, overlap),
        equal(
            "α* of the transport program = Σ min(p, q)",
            one,
            lambda x: optimum(x, "with_replacement"),
            overlap,
        ),
        equal("least cut = Σ min(p, q)", many, lambda x: best_subset(x, "with_replacement")[0], overlap),
        equal("the classical rule emits p", many, lambda x: classical_rule(x)[0], lambda x: x.p),
        equal("its acceptance is α*", many, lambda x: classical_rule(x)[1], overlap),
        equal(
            "rrs, as shipped, emits p",
            one,
            lambda x: VERIFIERS["rrs"].output_law(x.p, x.q, 1),
            lambda x: x.p,
        ),
        differs("without the residual the rule emits p", neighbour, without_residual, lambda x: x.p),
    )
