"""Page 8 fails when it is made false."""

import pytest

from mdsd_theory.proving import Kind, Verdict
from mdsd_theory.proving.pages import page


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("else min(p[i], r[i]) for i", "else max(p[i], r[i]) for i", id="8: value"),
        pytest.param(
            "logic.If(p[i] <= r[i], p[i], r[i])", "logic.If(p[i] <= r[i], r[i], p[i])", id="8: z3"
        ),
        pytest.param("if p[i] < r[i]}", "if p[i] > r[i]}", id="8: the cut"),
        pytest.param("rest = [max(a - b, ZERO)", "rest = [max(b - a, ZERO)", id="8: residual"),
        pytest.param("if y == x or y in t else", "if y == x else", id="8: a Y in T counts"),
        pytest.param("key=lambda i: (-q[i], i)", "key=lambda i: (-q[i], -i)", id="8.a: the tie rule"),
        pytest.param("return t, without(x.q, t)", "return t, x.q", id="8.a: renormalised"),
        pytest.param("q[a] * q[x] / (1 - q[a]) for", "q[a] * q[x] for", id="8.b: the second draft"),
        pytest.param("max(x.p[a] - second, ZERO)", "x.p[a]", id="8.c: what R leaves of the hub"),
        pytest.param("hub = least(second, p[others]) +", "hub = least(second, p[0]) +", id="8.c: z3"),
        pytest.param("lambda x: x.P(top(x.q, x.n))", "lambda x: x.P(top(x.p, x.n))", id="8.d"),
    ],
)
def test_altered(altered, old, new):
    evidence = altered(8, old, new)
    assert evidence.verdict is Verdict.REFUTED
    refuted = next(f for f in evidence.findings if f.verdict is Verdict.REFUTED)
    assert refuted.witness is not None


def test_neighbours_are_false():
    findings = page(8).module.neighbours()
    assert [f.kind for f in findings] == [Kind.COUNTEREXAMPLE] * 3
    assert all(f.verdict is Verdict.HOLDS and f.margin > 0 for f in findings)
