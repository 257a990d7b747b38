"""Page 14 fails when it is made false."""

import pytest

from mdsd_theory.proving import Verdict
from mdsd_theory.proving.pages import page


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("if x.p[i] <= c)", "if x.p[i] > c)"),
        ("[1 - (1 - q) ** x.n for q in x.q]", "[1 - (1 - q) ** (x.n + 1) for q in x.q]"),
        ("bound += min(x.p[i], left**x.n", "bound += max(x.p[i], left**x.n"),
        ("return Fraction(1 - (1 - Fraction(1, n)) ** n)", "return 1 - Fraction(1, 3) ** n"),
        ("(1 - m) * (1 + e) >= e", "(1 - m) * (1 + e) >= 2 * e"),
        (
            "overlap(x.p, chances(x)) / most_drafts(x),\n        ),\n        equal(",
            "overlap(x.p, chances(x)),\n        ),\n        equal(",
        ),
        ("lambda x: [n_times(x), x.n * one_draft(x)]", "lambda x: [n_times(x), one_draft(x)]"),
        ("[after - before for before, after", "[after for before, after"),
        ("(beta(x.n) if x.n <= 2", "(1 if x.n <= 2"),
        ("g * (1 + m) >= m >= e", "g * (1 + m) >= 2 * m >= e"),
        ("room, inside_h = 1 - aim + x.P(h)", "room, inside_h = 1 - aim"),
        ("(1 - e / x.n) ** x.n for", "(1 - e / x.n) ** (x.n + 1) for"),
        ("bound = 3 * least(", "bound = 5 * least("),
    ],
)
def test_altered(altered, old, new):
    evidence = altered(14, old, new)
    assert evidence.verdict is Verdict.REFUTED
    refuted = next(f for f in evidence.findings if f.verdict is Verdict.REFUTED)
    assert refuted.witness is not None


def test_neighbours():
    found = page(14).module.neighbours()
    assert [f.verdict for f in found] == [Verdict.HOLDS] * 5
