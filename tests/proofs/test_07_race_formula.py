"""Page 7 fails when it is made false."""

import sys

import pytest

from mdsd_theory.errors import MissingDependencyError
from mdsd_theory.proving import Kind, Verdict
from mdsd_theory.proving.pages import page


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("total = total + q[i]", "total = total + 2 * q[i]", id="7.a: rates"),
        pytest.param("a * s + b * (1 - s) for a, b", "a * s + b * s for a, b", id="7.b: counts"),
        pytest.param("for j in range(n - len(h) + k))", "for j in range(n - len(h)))", id="7.b: c_B"),
        pytest.param("/ (1 - sum(q[i] for i in s))", "/ (1 + sum(q[i] for i in s))", id="7.b: e_m"),
        pytest.param("(1 + sum(q[i] / (1 - q[i])", "(0 + sum(q[i] / (1 - q[i])", id="7.c"),
        pytest.param("sum(q[i] ** 2 /", "sum(q[i] ** 3 /", id="7.c: Q"),
        pytest.param("theta.cos() ** -n", "theta.cos() ** n", id="7.d: spacing"),
        pytest.param("share * first ** (n + 1)", "share * first ** (n + 2)", id="7.d: left end"),
        pytest.param("return n / x * later(n, x)", "return 1 / x * later(n, x)", id="7.d: right end"),
        pytest.param("(n * arb(math.f", "(n**2 * arb(math.f", id="7.d: left end, relative"),
        pytest.param("- self.n + 1], start", "- self.n + 2], start", id="7.d: r"),
        pytest.param("SPACING_TOLERANCE)", "SPACING_TOLERANCE / 2)", id="constants"),
    ],
)
def test_altered(altered, old, new):
    evidence = altered(7, old, new)
    assert evidence.verdict is Verdict.REFUTED
    refuted = next(f for f in evidence.findings if f.verdict is Verdict.REFUTED)
    assert refuted.witness is not None


def test_neighbours_are_false():
    findings = page(7).module.neighbours()
    assert [f.kind for f in findings] == [Kind.COUNTEREXAMPLE] * 3
    assert all(f.verdict is Verdict.HOLDS and f.margin > 0 for f in findings)


def test_wider_nodes_are_caught(altered):
    evidence = altered(7, "count = math.ceil(float(reach) / float(widest))", "count = 30")
    claims = [f.claim for f in evidence.findings if f.verdict is Verdict.REFUTED]
    assert claims == ["the rule with the shipped nodes encloses 1 − Q(H)"]


def test_without_python_flint(altered, monkeypatch):
    monkeypatch.setitem(sys.modules, "flint", None)
    with pytest.raises(MissingDependencyError, match="python-flint is not installed"):
        altered(7, "BITS = 256", "BITS = 192")
