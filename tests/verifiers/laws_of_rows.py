"""What the tables of a row emit, in exact fractions, and α* in extended precision."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np


def drawn_law(row):
    """The law of the emitted token that the tables of a row hold, less the target, in exact fractions.

    Chances from the keys and of the groups, the highest of n levels by its distribution function,
    acceptance p/y and the residual from the floats that the sampler compares with.
    """
    one, size, n = 2**row.bits, row.p.size, row.n
    q = [Fraction(x) for x in row.q.tolist()]
    q = [x / sum(q) for x in q]
    chances = []
    for i in range(row.mass.size):
        keys = [i * one, *map(int, row.keys[row.first[i] : row.first[i + 1]])]
        assert keys[-1] == (i + 1) * one
        gaps = [Fraction(b - a, one) for a, b in itertools.pairwise(keys)]
        chances.append(list(zip(row.level[row.first[i] : row.first[i + 1]], gaps, strict=True)))
    shares = [atoms_of(row, i) for i in range(size)]
    mass = [Fraction(0)] * row.mass.size
    for i in range(size):
        for atom, share in shares[i]:
            for k, chance in chances[atom]:
                mass[k] += q[i] * share * chance
    sums = [Fraction(0), *itertools.accumulate(mass)]
    height = [sum(b**j * a ** (n - 1 - j) for j in range(n)) for a, b in itertools.pairwise(sums)]
    density = [sum(c * height[k] for k, c in pieces) for pieces in chances]
    pick = [q[i] * sum(share * density[atom] for atom, share in shares[i]) for i in range(size)]
    assert sum(pick) == 1
    p, y = ([Fraction(x) for x in array.tolist()] for array in (row.p, row.y))
    law = [w * min(Fraction(1), a / b) if b else w for w, a, b in zip(pick, p, y, strict=True)]
    law = [a + (1 - sum(law)) * x for a, x in zip(law, residual_law(row), strict=True)]
    return np.array([float(a - b) for a, b in zip(law, p, strict=True)])


def atoms_of(row, i):
    """The atoms that token i counts as, with chances: those of a uniform number of 53 bits."""
    group = row.label[i]
    if row.q[i] == 0 or row.step[group] == 0:
        return [(row.atom[group], Fraction(1))]
    chance = float((row.p[i] / row.q[i] - row.foot[group]) * row.step[group])
    up = Fraction(int(np.ceil(chance * 2.0**53)), 2**53)
    assert 0 <= up <= 1
    return [(row.atom[group], 1 - up), (row.atom[group + 1], up)]


def residual_law(row):
    """Chances of a draw from the residual: of the block, then of the token in it."""
    excess = np.maximum(row.p - row.kept * row.y, 0.0)
    law, before = [], Fraction(0)
    for block, total in enumerate(row.residual.tolist()):
        sums = np.cumsum(excess[256 * block : 256 * (block + 1)]).tolist()
        width, done = Fraction(total) - before, Fraction(0)
        last = max((j for j, x in enumerate(excess[256 * block :][:256]) if x > 0), default=0)
        for j, x in enumerate(sums):
            end = width if j >= last else min(Fraction(x), width)
            law.append(end - done)
            done = end
        before = Fraction(total)
    return [x / before for x in law] if before else law


def precise_optimum(p, q, n):
    """α* in extended precision, which sums of 150,000 floats need."""
    with np.errstate(all="ignore"):
        order = np.argsort(p / q)
    inside, target = (np.append(0, np.cumsum(x[order].astype(np.longdouble))) for x in (q, p))
    return float((target + 1 - inside**n).min())
