"""Page 7 fails when it is made false."""

import sys

import numpy as np
import pytest

from mdsd_theory.errors import MissingDependencyError
from mdsd_theory.proving import Finding, Kind, Level, Verdict
from mdsd_theory.proving.pages import load, page


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


@pytest.fixture
def altered_part():
    """A function that runs one part of the check after one replacement in its source."""

    def run(part: str, old: str, new: str) -> list[Finding]:
        path = page(7).path
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {path.name}; expected once"
        module = load(path, text.replace(old, new))
        with module.flint().ctx.workprec(module.BITS):
            return list(getattr(module, part)(Level.QUICK, np.random.default_rng(0)))

    return run


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        pytest.param("which_tokens", "for k in range(n)), start", "for k in range(1, n)), start", id="B"),
        pytest.param("which_tokens", "if x.p[i] < x.q[i] * limit", "if x.p[i] < x.q[i]", id="ratio"),
        pytest.param("which_tokens", "return 1 / mass + sum(later", "return 1 + sum(later", id="time"),
        pytest.param("light_tokens", "Fraction(a, math.factorial(r))", "Fraction(a, r + 1)", id="series"),
        pytest.param("light_tokens", "sign ** (k - 1) * e[m - k]", "sign**k * e[m - k]", id="signs"),
        pytest.param("light_tokens", "[((1 + EPSILON) ** m - 1)", "[(EPSILON * m**0)", id="growth"),
        pytest.param("light_tokens", "max(s - j * o,", "max(s,", id="lower bound"),
        pytest.param(
            "light_tokens", "EPSILON * (1 + EPSILON) ** (x.n - 2) * kappa", "EPSILON / 9", id="κ"
        ),
        pytest.param("light_tokens", "ball(moments.CUT)", "ball(moments.CUT / 2)", id="cut"),
        pytest.param("light_tokens", "rate = OFF * (", "rate = 3 * OFF * (", id="exponent"),
    ],
)
def test_altered_part(altered_part, part, old, new):
    refuted = [f for f in altered_part(part, old, new) if f.verdict is Verdict.REFUTED]
    assert refuted
    assert all(f.witness is not None for f in refuted)


@pytest.mark.parametrize(
    ("old", "new", "claim"),
    [
        ('Pair.of("0 1/5 4/5", "4/5', 'Pair.of("0 1/10 9/10", "4/5', "no H needs"),
        ("    s = Fraction(1, 10)", "    s = Fraction(2)", "moves e_1"),
        ("            17,\n", "            16,\n", "17 too"),
    ],
)
def test_fast_neighbour(altered, old, new, claim):
    """An instance on which the neighbour happens to be true is no counterexample."""
    finding = next(f for f in altered(7, old, new).findings if claim in f.claim)
    assert finding.verdict is Verdict.REFUTED
