"""Page 12 fails when it is made false."""

import numpy as np
import pytest

from mdsd_theory.proving import Level, Verdict
from mdsd_theory.proving.pages import page


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rest = [max(a - b, 0 * a)", "rest = [max(b - a, 0 * a)"),
        ("accepted = mass * min(1, x.p[i] / y[i])", "accepted = mass * min(1, x.p[i])"),
        ("terms = [p[i] - y[i] if i in h else", "terms = [y[i] - p[i] if i in h else"),
        ("(one, p[i] / y[i])", "(one, (p[i] + y[i]) / (2 * y[i]))"),
        ("return s - h or s", "return s & h or s"),
        ("Fraction(1, 2 * k + 4)", "Fraction(1, k + 3)"),
        ("** 2 / 2]", "** 2 * 2]"),
        (
            "budget = np.array(deltas(floats(x), steps, best(x))), 2 *",
            "budget = np.array(deltas(floats(x), steps, best(x))), 0.02 *",
        ),
        ("key=lambda i: -gain[i])", "key=lambda i: gain[i])"),
        ("[-v for v in scaled(here)]", "[-v for v in here]"),
        ("if y[i] > p)", "if y[i] < p)"),
        ("return [1 + v for v in gained]", "return [1 - v for v in gained]"),
        ("math.exp(k / x.V / (x.V - 1))", "math.exp(k / x.V / x.V / (x.V - 1))"),
        ("return max(map(len, x.law))", "return min(map(len, x.law))"),
    ],
)
def test_altered(altered, old, new):
    evidence = altered(12, old, new)
    assert evidence.verdict is Verdict.REFUTED
    refuted = next(f for f in evidence.findings if f.verdict is Verdict.REFUTED)
    assert refuted.witness is not None


def test_neighbours():
    found = page(12).module.neighbours()
    assert [f.verdict for f in found] == [Verdict.HOLDS] * 4
    assert page(12).check(Level.QUICK, np.random.default_rng(1)).verdict is Verdict.HOLDS
