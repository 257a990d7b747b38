"""Page 6 fails when it is made false."""

import numpy as np
import pytest

from mdsd_theory.proving import Finding, Level, Verdict
from mdsd_theory.proving.pages import load, page


@pytest.fixture
def altered_heavy():
    """A function that runs the part on heavy tokens after one replacement in the page's source."""

    def run(old: str, new: str) -> list[Finding]:
        path = page(6).path
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {path.name}; expected once"
        module = load(path, text.replace(old, new))
        return list(module.heavy_tokens(Level.QUICK, np.random.default_rng(0)))

    return run


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return x.q_mass(h) ** x.n", "return x.q_mass(h) * (2 - x.q_mass(h))"),
        ("q[i] / (1 - gone) * stays(", "q[i] * stays("),
        ("- value[a | {j}]) / s[i])", "- value[a | {j}]) / s[j])"),
        (
            "low = (drawn([*a, y], n, x + r) - drawn(a, n, x + y + r)) / y",
            "low = drawn([*a, y], n, x + r) / y",
        ),
        (
            "delayed(arrivals(inner, x.n, r + x.q[i]), x.q[j]),",
            "delayed(arrivals(inner, x.n, r), x.q[j]),",
        ),
        ("cuts = sorted({ratio(x, i) for i in known})", "cuts = sorted({-ratio(x, i) for i in known})"),
        ("order = [p[k] * q[k + 1] <= p[k + 1] * q[k]", "order = [p[k] <= p[k + 1]"),
        ("slope = x.n * x.q_mass(h) ** (x.n - 1)", "slope = x.q_mass(h) ** (x.n - 1)"),
        ("if left >= 0 or right <= 0:", "if True:"),
        ("q[i] * (s - q[i]) / (1 - q[i])", "q[i] * (s - q[i]) * (2 - s)"),
        ("alone = sizes.count(sizes[0])", "alone = len(found) == sizes.count(sizes[0])"),
        ("len(s[0]) in (0, x.V - 2)", "len(s[0]) in (0, 1, x.V - 2)"),
        ('Drafters.of("0 1/6 1/6 2/3"', 'Drafters.of("0 1/5 1/5 3/5"'),
    ],
)
def test_altered(altered, old, new):
    evidence = altered(6, old, new)
    assert evidence.verdict is Verdict.REFUTED
    refuted = next(f for f in evidence.findings if f.verdict is Verdict.REFUTED)
    assert refuted.witness is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("for j in range(len(heavy) + 1):\n        inner = ", "for j in range(1):\n        inner = "),
        ("+ low * x.q_mass(rest) + 1", "+ 2 * low * x.q_mass(rest) + 1"),
        ("values.append(x.P(inner) + 1 - law(x, inner))\n        values", "values"),
        ("price = 2 * OFF * x.P(heavy)", "price = 0 * x.P(heavy)"),
        ("for some in [[], *levels]]", "for some in [[], heavy]]"),
    ],
)
def test_heavy_tokens(altered_heavy, old, new):
    refuted = [f for f in altered_heavy(old, new) if f.verdict is Verdict.REFUTED]
    assert refuted
    assert all(f.witness is not None for f in refuted)


@pytest.mark.parametrize(
    ("old", "new", "claim"),
    [
        (
            'two, flat = Pair.of("0 1", "1/3 2/3", 2)',
            'two, flat = Pair.of("1 0", "1/3 2/3", 2)',
            "descending",
        ),
        (
            'Pair.of("0 1", "1/2 1/2", 2)\n    top',
            'Pair.of("1/2 1/2", "1/2 1/2", 2)\n    top',
            "own ratio",
        ),
        ('top = Pair.of("1/2 1/2", "2/3 1/3", 1)', 'top = Pair.of("0 1", "2/3 1/3", 1)', "top_k"),
    ],
)
def test_heavy_neighbours(altered_heavy, old, new, claim):
    """A pair on which the neighbour happens to be true is no counterexample."""
    finding = next(f for f in altered_heavy(old, new) if claim in f.claim)
    assert finding.verdict is Verdict.REFUTED
