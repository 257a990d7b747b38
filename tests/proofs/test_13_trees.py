"""Page 13 fails when it is made false."""

import pytest

from mdsd_theory.proving import Verdict
from mdsd_theory.proving.pages import page


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "total[u] += law.get(u[:k], ZERO) * target(x, u, k)",
            "total[u] += law.get(u[:k], ZERO) * target(x, u)",
        ),
        ("if drafts and i in drafts:", "if drafts and i not in drafts:"),
        ("rest({**tree, u: drafts}", "rest({**tree, u: drafts[:1]}"),
        ("yield {(): a, **{(i,): b for i in a}}, v * w", "yield {(): a, **{(i,): a for i in a}}, v * w"),
        ("alpha**k for k in range(x.depth + 1)", "alpha**k for k in range(x.depth)"),
        ("return 1 + sum((c * block", "return sum((c * block"),
        ("key=lambda i: -value[i])", "key=lambda i: value[i])"),
        ("x.P(a - b) + sum(", "x.P(b) + sum("),
        ("if tree[first,] != (0,):", "if tree[first,] != tree[first,]:"),
    ],
)
def test_altered(altered, old, new):
    evidence = altered(13, old, new)
    assert evidence.verdict is Verdict.REFUTED
    refuted = next(f for f in evidence.findings if f.verdict is Verdict.REFUTED)
    assert refuted.witness is not None


def test_neighbours():
    found = page(13).module.neighbours()
    assert [f.verdict for f in found] == [Verdict.HOLDS] * 6
