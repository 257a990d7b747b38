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
    ],
)
def test_altered(altered, old, new):
    evidence = altered(1, old, new)
    assert evidence.verdict is Verdict.REFUTED
    refuted = next(f for f in evidence.findings if f.verdict is Verdict.REFUTED)
    assert refuted.witness is not None
