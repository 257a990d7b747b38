"""Page 4 fails when it is made false."""

import numpy as np
import pytest

from mdsd_theory.proving import Kind, Level, Verdict
from mdsd_theory.proving.pages import page


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "+ 1 - total(w for s, w in x.law.items() if s <= chosen)",
            "+ 1 - total(w for s, w in x.law.items() if s & chosen)",
        ),
        ("for i in chosen) + 1 - total", "for i in chosen) + 1 + total"),
        (
            "return outside + total(w for s, w in x.law.items() if s & aim)",
            "return outside + total(w for s, w in x.law.items() if s <= aim)",
        ),
        ("value: Fraction = min(cut(x, h)", "value: Fraction = max(cut(x, h)"),
        ("if i not in s and (i in h or not s <= h)", "if i not in s and i in h"),
        ("return all(i in s - h if not s <= h", "return all(i in s if not s <= h"),
        ("if all(i in h for s in near for i in s):", "if all(any(i in h for i in s) for s in near):"),
        (
            "all(s <= h and i not in h for s, i, _ in refused)",
            "all(s <= h and i in h for s, i, _ in refused)",
        ),
        ("(optimum(x) == 1) == all(cut(x, h) >= 1", "(optimum(x) == 1) == any(cut(x, h) >= 1"),
        (">= cut(x, h) for h", "> cut(x, h) for h"),
        ("(accepted(nu) == value == best)", "(accepted(nu) == best)"),
        ("else i in s or i not in h for", "else i in s for"),
    ],
)
def test_altered(altered, old, new):
    evidence = altered(4, old, new)
    assert evidence.verdict is Verdict.REFUTED
    refuted = [f for f in evidence.findings if f.verdict is Verdict.REFUTED]
    assert all(f.witness is not None for f in refuted)


def test_neighbours_are_false():
    findings = page(4).check(Level.QUICK, np.random.default_rng(1)).findings
    false = [f for f in findings if f.kind is Kind.COUNTEREXAMPLE]
    assert [str(f.margin) for f in false] == ["1/9", "1/4"]
    assert all(f.verdict is Verdict.HOLDS for f in false)
