"""Symbolic findings: proved, refuted with a solution, undecided and said so."""

from mdsd_theory.proving import Verdict, identity, impossible, simplex
from mdsd_theory.proving.symbolic import sympy, z3


def test_identity_is_proved_or_its_difference_shown():
    x, y = sympy().symbols("x y")
    assert identity(
        "binomial", "all x, y", lambda: [((x + y) ** 2, x**2 + 2 * x * y + y**2)]
    ).verdict is (Verdict.HOLDS)
    wrong = identity("binomial", "all x, y", lambda: [((x + y) ** 2, x**2 + y**2)])
    assert wrong.verdict is Verdict.REFUTED
    assert "2*x*y" in wrong.witness


def test_rational_identities_are_seen():
    x = sympy().symbols("x")
    assert (
        identity("fractions", "all x", lambda: [(1 / (1 - x) - 1, x / (1 - x))]).verdict is Verdict.HOLDS
    )


def test_impossible_is_refuted_with_a_solution():
    p, is_distribution = simplex("p", 2)
    finding = impossible("p₀ ≤ 1/2", "V = 2", lambda: [*is_distribution, p[0] > z3().Q(1, 2)])
    assert finding.verdict is Verdict.REFUTED
    assert "p0 = " in finding.witness


def test_undecided_says_so():
    x = z3().Reals("a b c d e f g h")

    def hard():
        total = sum(v**7 for v in x)
        return [v > 0 for v in x] + [total == sum(x), sum(v**5 for v in x) > total + x[0] * x[1] * x[2]]

    finding = impossible("hard", "", hard, seconds=0.05)
    assert finding.verdict is Verdict.UNDECIDED
    assert "did not decide within 0.05 s" in finding.note
