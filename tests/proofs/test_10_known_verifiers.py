"""Page 10 fails when it is made false."""

import numpy as np
import pytest

from mdsd_theory.proving import Evidence, Level, Verdict
from mdsd_theory.proving.pages import load, page

ALTERED = [
    # What is altered belongs to one group of findings: only that group runs.
    ("recursion_findings", "t.append(t[-1] + 1 - overlap(x, t[-1]))", "t.append(t[-1] + 1)"),
    ("recursion_findings", "(1 - overlap(x, here)) / left", "(1 - overlap(x, here))"),
    ("recursion_findings", "- max(x.p[i], here * x.q[i])", "- min(x.p[i], here * x.q[i])"),
    (
        "recursion_findings",
        "max(a - b, ZERO) for a, b in zip(residual",
        "abs(a - b) for a, b in zip(residual",
    ),
    ("recursion_findings", '≥ RRS with", sample, rrs_without, rrs', '≤", sample, rrs, rrs_without'),
    ("recursion_findings", "all(a <= t * b for", "all(a < t * b for"),
    ("k_seq_findings", "(1 - beta(x, gamma)) ** x.n", "(1 - beta(x, gamma)) ** (x.n - 1)"),
    ("k_seq_findings", "some_accepted(x, gamma) / beta(x, gamma) if", "gamma if"),
    ("k_seq_findings", "max(gamma, min(ratios, default=ZERO))", "gamma"),
    (
        "k_seq_findings",
        '"γ near γ*", tried, lambda x: bracket(x)[1]',
        '"γ near γ*", tried, lambda x: bracket(x)[0]',
    ),
    ("k_seq_findings", '"γ = n", tried, lambda x: Fraction(x.n)', '"γ = n", tried, lambda x: ONE'),
    ("k_seq_findings", "star = a / b", "star = a"),
    ("k_seq_findings", "[min(overlap(x, gamma), some", "[max(overlap(x, gamma), some"),
    ("k_seq_findings", "[max(overlap(x, gamma), some", "[min(overlap(x, gamma), some"),
    ("recursion_findings", "ZERO if i == j else b / (1 - x.q[j])", "b"),
    ("recursion_findings", "x.p[i] * all_missed[i] - over", "x.q[i] * all_missed[i] - over"),
    ("recursion_findings", "return [min(a, t * b) for", "return [min(a, b) for"),
    ("recursion_findings", "(not same or rrs(x) == drafted)", "(not same or rrs(x) == 1)"),
    ("order_findings", "log1p(e * b)", "log1p(b * b)"),
    ("order_findings", "1 - Fraction(n - 1, 2 * n - 1) * s**n", "1 - Fraction(n - 1, 2 * n + 1) * s**n"),
    ("order_findings", "top = n * Fraction(n, n - 1) ** (n - 1)", "top = n * Fraction(n, n - 1) ** n"),
    ("order_findings", "a * (1 - (1 - b) ** x.n)", "a * (1 - (1 - b) ** (x.n + 1))"),
    ("symbolic_findings", "f <= value, value <= t * f, below", "f <= value, value <= 1, below"),
    ("symbolic_findings", "a <= b, b <= c, c <= 1", "a <= 1, b <= 1, c <= 1, b > 0, c > 0"),
    ("khisti_findings", "total += max(1 - x.p[i] / y[i], ZERO) * met", "total += met"),
]


def run(group: str, old: str, new: str) -> Evidence:
    """One group of the page's findings after one replacement in its source."""
    path = page(10).path
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {path.name}; expected once"
    module = load(path, text.replace(old, new))
    rng = np.random.default_rng(0)
    if group == "symbolic_findings":
        return Evidence.of(*module.symbolic_findings(Level.QUICK))
    return Evidence.of(*getattr(module, group)(Level.QUICK, rng))


@pytest.mark.parametrize(("group", "old", "new"), ALTERED)
def test_altered(group, old, new):
    evidence = run(group, old, new)
    assert evidence.verdict is Verdict.REFUTED
    refuted = next(f for f in evidence.findings if f.verdict is Verdict.REFUTED)
    assert refuted.witness is not None


@pytest.mark.parametrize(
    ("claim", "old", "new"),
    [
        ("RRS ≥ K-SEQ", '"1/3 2/3", "2/3 1/3", 2', '"1/3 2/3", "1/3 2/3", 2'),
        ("RRS without ≥ K-SEQ", '"0 1/2 1/2", "1/4 1/4 1/2", 2', '"0 1/2 1/2", "0 1/4 3/4", 2'),
        ("γ* is the best γ for P(Y ∈ S)", '"1/4 3/4", "3/4 1/4", 2', '"1/4 3/4", "1/4 3/4", 2'),
    ],
)
def test_the_false_neighbours_are_false(claim, old, new):
    module = load(page(10).path)
    assert all(finding.verdict is Verdict.HOLDS for finding in module.neighbour_findings())
    path = page(10).path
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    findings = load(path, text.replace(old, new)).neighbour_findings()
    assert {f.claim: f.verdict for f in findings}[claim] is Verdict.REFUTED
