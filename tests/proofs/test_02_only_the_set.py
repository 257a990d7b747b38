"""Page 2 fails when it is made false."""

import numpy as np
import pytest

from mdsd_theory.proving import Kind, Level, Verdict
from mdsd_theory.proving.pages import page


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(x, i): weight * nu.get", "(x, i): weight**2 * nu.get"),
        ("if i in drafts)", "if i == min(drafts))"),
        ("p[min(s & aim or s)] += weight", "p[min(s)] += weight"),
        ("(-1) ** len(s - h) * (1 - chance", "(-1) ** len(h) * (1 - chance"),
        ("(1 - chance(everything - h))", "(1 - chance(h))"),
        ('(("drafts", x), ("token", i)) for i in x)', '(("drafts", x), ("token", i)) for i in x[:1])'),
        ("other + hub * other / (1 - hub)", "other + hub * other"),
        ("acceptance(mu) == acceptance(nu)]", "acceptance(mu) == acceptance(nu) + 1]"),
        ("mass * w[frozenset(d)] == x.law[d] *", "mass == x.law[d] *"),
        ("range(1, min(x.n, x.V) + 1)", "range(1, x.n)"),
        ("math.perm(x.V, x.n), math.comb(x.V, x.n)", "math.perm(x.V, x.n), math.perm(x.V, x.n)"),
    ],
)
def test_altered(altered, old, new):
    evidence = altered(2, old, new)
    assert evidence.verdict is Verdict.REFUTED
    refuted = [f for f in evidence.findings if f.verdict is Verdict.REFUTED]
    assert all(f.witness is not None for f in refuted)


def test_neighbours_are_false():
    findings = page(2).check(Level.QUICK, np.random.default_rng(1)).findings
    false = [f for f in findings if f.kind is Kind.COUNTEREXAMPLE]
    assert len(false) == 3
    assert all(f.verdict is Verdict.HOLDS and f.margin > 0 for f in false)
