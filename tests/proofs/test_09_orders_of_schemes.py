"""Page 9 fails when it is made false."""

import pytest

from mdsd_theory.proving import Verdict


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "return (1 - least) ** x.n >= 1 - least / (",
            "return (1 - least) ** (x.n + 1) >= 1 - least / (",
        ),
        ("p[min(s - h, default=outside[0])] += weight", "p[max(s)] += weight"),
        ("return now < then <= most or now == then == most", "return now < then <= most"),
        ("return one < other or x.n == 1 or one == x.P(support(x))", "return one < other"),
        ("gap = 1 - x.P(support(x)) + min(", "gap = 1 - x.P(support(x)) + 2 * min("),
        ("sum(q[k] for k in h) - q[i]) / (1 - q[i])", "sum(q[k] for k in h) - q[i])"),
        ("[n * a >= n - 1, ", "[n * a >= n - 2, "),
        ("law) if x.n > 1 else ZERO", "law) if x.n > 1 else ONE"),
        ('slow = Pair.of("0 0 1", "1/2 1/4 1/4", 2)', 'slow = Pair.of("0 0 1", "1/3 1/3 1/3", 2)'),
        ("if scheme != TOP_K:", "if scheme:"),
    ],
)
def test_altered(altered, old, new):
    evidence = altered(9, old, new)
    assert evidence.verdict is Verdict.REFUTED
    refuted = next(f for f in evidence.findings if f.verdict is Verdict.REFUTED)
    assert refuted.witness is not None
