"""What a row's record says, worked out again: in fractions, and draft by draft with given numbers."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from mdsd_theory.cuda.iid_plan import BITS, edges


class Record:
    """One row's record beside the row itself."""

    def __init__(self, record: Any, p: Any, q: Any, n: int) -> None:
        self.record, self.n = record, n
        self.p, self.q = (np.asarray(x, dtype=np.float64) for x in (p, q))
        with np.errstate(all="ignore"):
            ratio = np.where(self.q > 0, self.p / self.q, 0.0)
        self.interval = record["label"][np.searchsorted(edges(n), ratio, side="right")].astype(int)
        self.chance = (ratio - record["foot"][self.interval]) * record["step"][self.interval]
        self.chance[self.q == 0] = 0.0

    @property
    def y(self) -> Any:
        """The law of the pick times Σ p, as the kernels have it."""
        k, r = self.interval, self.record
        y = self.q * r["base"][k] + (self.p - self.q * r["foot"][k]) * r["slope"][k]
        return np.where(self.q > 0, y, 0.0)

    def levels(self, atom: int) -> dict[int, Fraction]:
        """Return the chances of an atom's levels."""
        found: dict[int, Fraction] = {}
        first, last = self.record["first"][atom : atom + 2]
        before = 0
        for piece in range(first, last):
            key, level = int(self.record["keys"][piece]), int(self.record["level"][piece])
            found[level] = found.get(level, Fraction(0)) + Fraction(key - before, 2**BITS)
            before = key
        assert before == 2**BITS
        return found

    def kernel(self, token: int) -> dict[int, Fraction]:
        """Return the chances of a token's levels."""
        upper = min(max(Fraction(float(self.chance[token])), Fraction(0)), Fraction(1))
        k, found = self.interval[token], {}
        for rung, share in ((k, 1 - upper), (k + 1, upper)):
            for level, chance in self.levels(self.record["atom"][rung]).items() if share else ():
                found[level] = found.get(level, Fraction(0)) + share * chance
        return found

    def pick_law(self) -> list[Fraction]:
        """Return the law of the pick under the chances that are really drawn (theorem 11.c)."""
        q = [Fraction(float(x)) for x in self.q]
        kernels = [self.kernel(i) if q[i] else {} for i in range(len(q))]
        mass: dict[int, Fraction] = {}
        for share, kernel in zip(q, kernels, strict=True):
            for level, chance in kernel.items():
                mass[level] = mass.get(level, Fraction(0)) + share * chance / sum(q)
        height, upto = {}, Fraction(0)
        for level in sorted(mass):
            low, upto = upto, upto + mass[level]
            height[level] = sum(low**j * upto ** (self.n - 1 - j) for j in range(self.n))
        return [
            share / sum(q) * sum(chance * height[level] for level, chance in kernel.items())
            for share, kernel in zip(q, kernels, strict=True)
        ]

    def emitted_law(self) -> Any:
        """Return the law of what is emitted, summed over all tuples of drafts and all of their levels."""
        p, q, y = self.p / self.p.sum(), self.q / self.q.sum(), self.y / self.p.sum()
        spare = np.clip(p - y, 0.0, None)
        spare = spare / spare.sum() if spare.sum() > 0 else p
        exact = (self.kernel(i) if q[i] else {} for i in range(q.size))
        kernels = [{k: float(x) for k, x in kernel.items()} for kernel in exact]
        law = np.zeros(q.size)
        for drafts in product(np.nonzero(q)[0], repeat=self.n):
            for levels in product(*(kernels[i].items() for i in drafts)):
                weight = np.prod([q[i] for i in drafts]) * np.prod([chance for _, chance in levels])
                top = max(level for level, _ in levels)
                best = [i for i, (level, _) in zip(drafts, levels, strict=True) if level == top]
                for pick in best:
                    accept = min(1.0, p[pick] / y[pick])
                    law[pick] += weight / len(best) * accept
                    law += weight / len(best) * (1 - accept) * spare
        return law

    def emit(self, drafts: Any, u: Any) -> tuple[int, int]:
        """Return token and index for one tuple of drafts and 3n + 2 uniform numbers."""
        n, r, best = self.n, self.record, (-1, 0.0, -1)
        for k, token in enumerate(drafts):
            rung = self.interval[token] + (u[2 * n + k] < self.chance[token])
            atom = r["atom"][rung]
            first, last = r["first"][atom : atom + 2]
            place = np.searchsorted(r["keys"][first:last], np.uint64(u[k] * 2.0**BITS), side="right")
            level, tie = int(r["level"][first + place]), u[n + k]
            if level > best[0] or (level == best[0] and tie > best[1]):
                best = (level, tie, token)
        token = best[2]
        if not u[3 * n] * self.y[token] < self.p[token]:
            token = self.spare_token(u[3 * n + 1])
        return token, list(drafts).index(token) if token in drafts else -1

    def spare_token(self, u: float) -> int:
        """Return the token of (p − y)_+ at a uniform number."""
        spare = np.clip(self.p - self.y, 0.0, None)
        sums = np.cumsum(spare if spare.sum() > 0 else self.p)
        return int(np.searchsorted(sums, u * sums[-1], side="right"))
