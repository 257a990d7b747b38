"""Page 3 fails when it is made false."""

import numpy as np
import pytest

from mdsd_theory.proving import Kind, Level, Verdict
from mdsd_theory.proving.pages import page


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("u, {s: int(not s <= chosen) for s in x.law}", "u, {s: int(not s & chosen) for s in x.law}"),
        (
            "(c[s, i] if i in s else ZERO) + w[s] * p[i] / rest",
            "(c[s, i] if i in s else ZERO) + w[s] * p[i]",
        ),
        ("sign: int = (-1) ** (ones[0] + j)", "sign: int = (-1) ** ones[0]"),
        ("return 1 if not table else 0", "return 1"),
        ("c[s, i] * (u[i] + v[s] - 1)", "c[s, i] * (u[i] + v[s])"),
        ("+ [ZERO] for i in range(size)]", "+ [ONE] for i in range(size)]"),
        ("*(s for s in sets if s <= h))}", "*(s for s in sets if s & h))}"),
        ("(int(not s <= h) for s in sets)", "(int(s <= h) for s in sets)"),
        ("for i, x in enumerate(u) if x >= b)", "for i, x in enumerate(u) if x > b)"),
        ("{s: max(1 - u[i] for i in s) for s in x.law}", "{s: min(1 - u[i] for i in s) for s in x.law}"),
        ("(i in h) + (not s <= h) == 1", "(i in h) + (not s <= h) == 2"),
        ("if not min(s) >= k]", "if min(s) <= k]"),
        (
            "Fraction(1, 2), Fraction(1, 2), *TARGET, BUDGET]",
            "Fraction(1, 2), Fraction(1, 2), *TARGET, ONE]",
        ),
    ],
)
def test_altered(altered, old, new):
    evidence = altered(3, old, new)
    assert evidence.verdict is Verdict.REFUTED
    refuted = [f for f in evidence.findings if f.verdict is Verdict.REFUTED]
    assert all(f.witness is not None for f in refuted)


def test_neighbours_are_false():
    findings = page(3).check(Level.QUICK, np.random.default_rng(1)).findings
    false = [f for f in findings if f.kind is Kind.COUNTEREXAMPLE]
    assert len(false) == 2
    assert all(f.verdict is Verdict.HOLDS and f.margin > 0 for f in false)
