"""Page 11 fails when it is made false."""

import numpy as np
import pytest

from mdsd_theory.proving import Finding, Level, Verdict
from mdsd_theory.proving.pages import load, page


@pytest.fixture
def altered_part():
    """A function that runs one part of the check after one replacement in its source."""

    def run(part: str, old: str, new: str) -> list[Finding]:
        path = page(11).path
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {path.name}; expected once"
        module = load(path, text.replace(old, new))
        tried = module.samples(Level.QUICK, np.random.default_rng(0))
        return getattr(module, part)(Level.QUICK, tried)

    return run


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("of_the_polytope", "mass <= 1 - (1 - length) ** n", "mass <= n * length"),
        ("of_the_polytope", "mass >= s**n for s", "mass >= s ** (n + 1) for s"),
        ("of_the_polytope", "part = min(q[i], length)", "part = q[i]"),
        ("of_the_law", "mass = x.q_mass(order[:b]) ** x.n", "mass = x.q_mass(order[:b]) ** (x.n + 1)"),
        ("of_the_law", "[max(p, low * q)", "[max(p, 0 * low)"),
        ("of_the_law", "return max(found, default=None)", "return min(found, default=None)"),
        ("of_the_law", "logic.And([*least, *fixed, below])", "logic.And([*fixed, below])"),
        ("of_the_curtain", "(y - s**n) / (1 - s ** (n - 1))", "(y - s**n) / (1 - s**n)"),
        ("of_the_curtain", "return [(b**n - a**n) / (b - a)", "return [n * b ** (n - 1)"),
        ("of_the_curtain", "length * mean)", "length * length)"),
        ("of_the_rule", "top = max(k for _, k, _ in drafts)", "top = min(k for _, k, _ in drafts)"),
        ("of_the_rule", "rest = [max(p - a, ZERO)", "rest = [max(a - p, ZERO)"),
        ("of_the_buckets", "strict=True)) / 2", "strict=True)) / 3"),
        ("of_the_buckets", "if len(sides) == 2", "if len(sides) == 3"),
        ("of_the_buckets", "lambda x: 4 * half_distance(", "lambda x: 5 * half_distance("),
        ("of_the_buckets", "((1 + t) / (1 - t)) ** 2", "((1 + t) / (1 - t)) ** 3"),
        ("of_the_ladder", "up = (rho - rungs[k]) /", "up = (rho - rungs[k]) / 2 /"),
        ("of_the_ladder", "total(chance * density[a] for", "max(density[a] for"),
        ("of_the_ladder", "+ rungs[k] * down -", "+ rungs[k + 1] * down -"),
        ("of_the_ladder", "corner(x, rungs, k) >= edge]", "corner(x, rungs, k) >= edge - 1]"),
        ("of_the_ladder", "len(kept) - 2) >= least:", "len(kept) - 2) >= least - 1:"),
        ("of_the_ladder", "            continue\n        clip", "            pass\n        clip"),
        ("of_the_ladder", "np.cumsum(q[order]) ** n", "np.cumsum(q[order]) ** (n + 1)"),
        ("neighbours", "hit += kept + (chance - kept) * total(residual[j] for j in s)", "hit += kept"),
    ],
)
def test_altered(altered_part, part, old, new):
    refuted = [f for f in altered_part(part, old, new) if f.verdict is Verdict.REFUTED]
    assert refuted
    assert all(f.witness is not None for f in refuted)


def test_altered_page(altered):
    assert altered(11, "length * mean)", "length * length)").verdict is Verdict.REFUTED


@pytest.mark.parametrize(
    ("old", "new", "claim"),
    [
        ('"1/3 2/3", "1/2 1/2", 2', '"1/4 3/4", "1/2 1/2", 2', "largest p/q"),
        ('Pair.of("0 1", "1/2 1/2", 2)', 'Pair.of("1/4 3/4", "1/2 1/2", 2)', "min(1, n q(A))"),
        ('"0 4/9 5/9"', '"1/9 4/9 4/9"', "for every token"),
        ('"1/16 15/16", "1/4 3/4", 2', '"1/4 3/4", "1/4 3/4", 1', "any order"),
    ],
)
def test_neighbour(altered_part, old, new, claim):
    """A pair on which the neighbour happens to be true is no counterexample."""
    findings = altered_part("neighbours", old, new)
    assert next(f for f in findings if claim in f.claim).verdict is Verdict.REFUTED


@pytest.mark.parametrize(
    ("old", "new", "claim"),
    [
        ('x, other = Pair.of("1/4 3/4"', 'x, other = Pair.of("1/2 1/2"', "although"),
        ('x, other = Pair.of("1/4 3/4"', 'x, other = Pair.of("1/2 1/2"', "uniform"),
        ('Pair.of("1/5 2/5 2/5", "1/5 1/5 3/5", 2)', 'Pair.of("1/5 4/5", "1/5 4/5", 2)', "nearest"),
    ],
)
def test_ladder_neighbour(altered_part, old, new, claim):
    findings = altered_part("ladder_neighbours", old, new)
    assert next(f for f in findings if claim in f.claim).verdict is Verdict.REFUTED
