"""Page 15 fails when it is made false."""

import pytest

from mdsd_theory.proving import Verdict
from mdsd_theory.proving.pages import page


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("yield paths | {path for _, path in below}", "yield paths | {path for _, path in below[:1]}"),
        ("-float(len(w)) for", "-float(len(w) + 1) for"),
        ("for k in range(len(w)):", "for k in range(len(w) + 1):"),
        ("- r * x.target(u)[y]", "- r * x.draft(u)[y]"),
        ("found[u] = min(string_chance(x.draft, u),", "found[u] = max(string_chance(x.draft, u),"),
        ("return list(completed_law(law, x.target,", "return list(completed_law(law, x.draft,"),
    ],
)
def test_altered(altered, old, new):
    evidence = altered(15, old, new)
    assert evidence.verdict is Verdict.REFUTED
    refuted = next(f for f in evidence.findings if f.verdict is Verdict.REFUTED)
    assert refuted.witness is not None


def test_neighbours():
    found = page(15).module.neighbours()
    assert [f.verdict for f in found] == [Verdict.HOLDS] * 3
