"""The bucketed race, row by row: pass, search, and again for the few buckets that stay open."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.arrays import UNIT, Backend
from mdsd_theory.dual.race_buckets_chain_loop import Span, bucket_chain, token_chain
from mdsd_theory.dual.race_buckets_pass_loop import (
    CHUNK,
    largest,
    odds_buckets,
    power_buckets,
    sum_without,
    tokens_between,
)
from mdsd_theory.dual.race_buckets_search_loop import Chain, search
from mdsd_theory.dual.race_buckets_series import CUT, LIGHTEST, series
from mdsd_theory.dual.race_buckets_sums_loop import odds_below, sums_below
from mdsd_theory.dual.race_buckets_value_loop import Race, avoids, heavy_arrivals, left_series
from mdsd_theory.dual.race_nodes import QUADRATURE_ERROR, race_nodes

Floats = np.ndarray[Any, Any]

LOG_BUCKETS = 11
"""Buckets of a pass, but fewer for short rows."""

LOG_OCTAVES = 6
"""Octaves of p/q that the first pass tells apart, below the largest ratio that can matter."""

FEW_TOKENS = 1024
"""Up to this many tokens are sorted rather than bucketed."""

TOLERANCE = 2.0**-48
"""A bucket that could lower the value by less is not opened."""

_NUMPY = Backend("numpy", np.float64, "cpu")


def lowest_cuts(p: Floats, q: Floats, n: int) -> tuple[Floats, Floats, Floats]:
    """Return value and error (rows,) and subset (rows, V) of the smallest P + 1 − Q of each row."""
    rows = p.shape[0]
    values, errors, subsets = np.empty(rows), np.empty(rows), np.empty(p.shape, dtype=bool)
    for i in range(rows):
        row = Row(p[i], q[i], n)
        row.solve()
        values[i], subsets[i] = row.value_and_subset()
        errors[i] = row.error()
    return values, errors, subsets


class Row:
    """One row and the best prefix found so far.

    Attributes
    ----------
    best : float
        The smallest P + 1 − Q.
    threshold : int
        Its H holds the tokens whose ratio's bits, as an integer, lie below.
    rounds, evaluations : int
        Chains searched one inside the other, and values of Q computed, so far.
    """

    def __init__(self, p: Floats, q: Floats, n: int) -> None:
        self.p, self.q, self.n = p, q, n
        self.best, self.threshold = 1.0, 0
        self.rounds, self.evaluations = 0, 0
        self.largest, places = largest(q, n - 1)
        self.rest = sum_without(q, np.sort(places))
        if n == 2:
            self.powers, self.heavier, self.top = 2, 1.0, float(self.largest[0])
        else:
            self.nodes = race_nodes(_NUMPY, np.array([self.rest]), n)
            self.powers, self.top = series(n).coefficients.shape[1], 0.0
            self.heavier = LIGHTEST / float(self.nodes.times[0, -1])

    def solve(self) -> None:
        """Find the best prefix: one pass over the row, then over the tokens of open buckets."""
        spans, self.rounds = self._whole_row(), 1
        while spans:
            self.rounds += 1
            low, high = np.array([(span.low, span.high) for span in spans]).T.copy()
            tokens, owner = tokens_between(self.p, self.q, low, high)
            parts = [(span, tokens[owner == k]) for k, span in enumerate(spans)]
            spans = [deeper for part in parts for deeper in self._open(*part)]

    def _whole_row(self) -> list[Span]:
        """Bucket the row and search the chain of buckets; return what stays open.

        With T the time of the n-th arrival, P(i ∈ S) ≤ q_i E T ≤ q_i Σ_{k<n} 1 / (mass outside the k
        largest). A token whose ratio reaches this sum can leave every H without loss.
        """
        masses = self.rest + np.append(np.cumsum(self.largest[::-1]), 0.0)
        log_buckets = min(LOG_BUCKETS, max(LOG_OCTAVES, self.q.size.bit_length()))
        shift = 52 + LOG_OCTAVES - log_buckets
        ratio = np.float64(1.0 + 1e-9) * (1.0 / masses).sum()
        low = ((int(ratio.view(np.int64)) >> shift) + 1 - (1 << log_buckets)) << shift
        sums, weight, heavy = self._sums(self.p, self.q, low, shift, 1 << log_buckets)
        self.race = self._race(heavy)
        beyond = self.heavier * float(sums[-1, 1]) + float(weight[-1])
        high = low + (1 << (log_buckets + shift))
        span = Span(0, high, 0.0, beyond, np.zeros(self.powers))
        return self._search(bucket_chain(span, sums, weight, low, shift, self.heavier))

    def _open(self, span: Span, tokens: Floats) -> list[Span]:
        """Search inside a span; return what stays open, nothing once its tokens were sorted."""
        p, q = self.p[tokens].astype(np.float64), self.q[tokens].astype(np.float64)
        if tokens.size <= FEW_TOKENS:
            order = np.argsort(p / q)
            p, q = p[order], q[order]
            return self._search(token_chain(span, p, q, p / q, self.heavier, self.top, self.rest))
        shift = max(0, (span.high - span.low - 1).bit_length() - LOG_BUCKETS)
        sums, weight, _ = self._sums(p, q, span.low, shift, 1 << LOG_BUCKETS)
        return self._search(bucket_chain(span, sums, weight, span.low, shift, self.heavier))

    def _sums(
        self, p: Floats, q: Floats, low: int, shift: int, buckets: int
    ) -> tuple[Floats, Floats, Floats]:
        if self.n == 2:
            sums = odds_buckets(p, q, low, shift, buckets, self.top, self.rest)
            return sums, np.zeros(buckets + 1), np.zeros(0, dtype=np.int64)
        lightest = series(self.n).lightest
        return power_buckets(p, q, low, shift, buckets, self.heavier, lightest, self.powers)

    def _race(self, heavy: Floats) -> Race:
        """Return the race with its heavy tokens in the order of their ratios."""
        if self.n == 2:
            line, cube = np.zeros(0), np.zeros((0, 0, 0))
            return Race(2, 1.0, line, line, line, cube, heavy, cube)
        times, step = self.nodes.times[0], float(self.nodes.step[0])
        p, q = self.p[heavy].astype(np.float64), self.q[heavy].astype(np.float64)
        order = np.argsort(p / q)
        coefficients = series(self.n).coefficients
        scaled = (times / times[-1]) ** np.arange(1, self.powers + 1)[:, None]
        return Race(
            self.n,
            self.heavier,
            times,
            step * times,
            left_series(step, float(times[0])),
            coefficients[:, :, None] * scaled,
            (p / q)[order].view(np.int64),
            heavy_arrivals(q[order], times, self.n),
        )

    def _search(self, chain: Chain) -> list[Span]:
        """Search a chain, keep its best prefix and return its open buckets."""
        best, threshold, still_open, count = search(self.race, chain, self.best, TOLERANCE)
        self.evaluations += count
        if threshold >= 0:
            self.best, self.threshold = best, threshold
        return [
            Span(
                int(chain.low[k].view(np.int64)),
                int(chain.threshold[k + 1]),
                float(chain.target[k]),
                float(chain.outside[k + 1]),
                chain.sums[k],
            )
            for k in still_open
        ]

    def value_and_subset(self) -> tuple[float, Floats]:
        """Return P + 1 − Q at the best prefix, summed anew, and its mask."""
        limit = float(np.int64(self.threshold).view(np.float64))
        if self.n == 2:
            found = odds_below(self.p, self.q, limit, self.top, self.rest)
        else:
            lightest = series(self.n).lightest
            found = sums_below(self.p, self.q, limit, self.heavier, lightest, self.powers)
        mask, target, outside, sums = found
        return target + avoids(self.race, self.threshold, outside, sums), mask

    def error(self) -> float:
        """Return a bound on the error of the value as α*.

        A sum over tokens is rounded at most ``terms`` times on the way, Newton's identities amplify that
        as :mod:`~mdsd_theory.dual.race_buckets_series` says, and a heavy token costs four roundings. A
        bound on a bucket, from two values of Q, may be off by three times as much as a value.
        """
        terms = min(CHUNK, self.q.size) + self.q.size // CHUNK + 64
        terms += self.rounds * min(self.q.size, (1 << LOG_BUCKETS) + FEW_TOKENS)
        if self.n == 2:
            return 3 * 4 * terms * UNIT + TOLERANCE
        kappa = series(self.n).amplification
        rounding = (kappa + self.n + 3) * (terms + 4 * (self.powers + self.n))
        rounding += 4 * self.race.heavy.size + self.race.times.size
        return 3 * (rounding * UNIT + kappa * CUT + QUADRATURE_ERROR) + TOLERANCE
