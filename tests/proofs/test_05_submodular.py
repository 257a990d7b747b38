"""Page 5 fails when it is made false."""

import numpy as np
import pytest

from mdsd_theory.proving import Kind, Level, Verdict
from mdsd_theory.proving.pages import page


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "return total(x.p[i] for i in h) - inside(x, h)",
            "return total(x.p[i] for i in h) + inside(x, h)",
        ),
        (
            "for s, w in x.law.items() if s <= h)\n\n\ndef f(",
            "for s, w in x.law.items() if s & h)\n\n\ndef f(",
        ),
        ("(-1) ** (len(c) + 1) * inside", "(-1) ** len(c) * inside"),
        ("and not any(s <= part for part in parts))", "and not all(s <= part for part in parts))"),
        ("total((-1) ** len(s - h) * q(h)", "total((-1) ** len(h) * q(h)"),
        ("linear - total(w * min(u[i] for i in s)", "linear - total(w * max(u[i] for i in s)"),
        ("min(s, key=lambda i: u[i])", "max(s, key=lambda i: u[i])"),
        ("if value == min(values.values())]", "if value == max(values.values())]"),
        ("for a in subsets(x.V) if a <= h or a >= h)", "for a in subsets(x.V) if a <= h)"),
        ("[int(all(i in h for h in minimisers(x)))", "[int(any(i in h for h in minimisers(x)))"),
        (
            "positions(rng, level.pick(100, 600, 4000), [2])",
            "positions(rng, level.pick(100, 600, 4000), [3])",
        ),
    ],
)
def test_altered(altered, old, new):
    evidence = altered(5, old, new)
    assert evidence.verdict is Verdict.REFUTED
    refuted = [f for f in evidence.findings if f.verdict is Verdict.REFUTED]
    assert all(f.witness is not None for f in refuted)


def test_neighbours_are_false():
    findings = page(5).check(Level.QUICK, np.random.default_rng(1)).findings
    false = [f for f in findings if f.kind is Kind.COUNTEREXAMPLE]
    assert [str(f.margin) for f in false] == ["1/3", "1/4", "1/2"]
    assert all(f.verdict is Verdict.HOLDS for f in false)
