"""Page 1 fails when it is made false."""

import pytest

from mdsd_theory.proving import Verdict


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("start=Fraction(0)) / 2", "start=Fraction(0)) / 3"),
        ("return sum(map(min, x.p, x.q)", "return sum(map(max, x.p, x.q)"),
        ("rest = [max(p - q, Fraction(0))", "rest = [max(q - p, Fraction(0))"),
        ("[p[i] - q[i] for i in h]", "[p[i] + q[i] for i in h]"),
        ("q * min(one, p / q) if q", "q * max(one, p / q) if q"),
        ("(q - a) * r + (a if i == j else 0)", "(1 - a) * r + (a if i == j else 0)"),
        ("(q - a) * r + (a if i == j else 0)", "(q - a) * r + (a if i >= j else 0)"),
        ("return x.P(chosen) + 1 - x.q_mass(chosen)", "return x.P(chosen) + x.q_mass(chosen)"),
        ("if x.p[i] < x.q[i]}", "if x.p[i] > x.q[i]}"),
        ("sum((max(p - q, Fraction(0))", "sum((abs(p - q)"),
        ("return spread_out(x, list(x.p))", "return classical_rule(x)"),
    ],
)
def test_altered(altered, old, new):
    evidence = altered(1, old, new)
    assert evidence.verdict is Verdict.REFUTED
    refuted = next(f for f in evidence.findings if f.verdict is Verdict.REFUTED)
    assert refuted.witness is not None
