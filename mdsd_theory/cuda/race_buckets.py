"""Without replacement on the device: buckets of p/q, heavy tokens one by one, moments of the others."""

from __future__ import annotations

import math
from typing import Any

from mdsd_theory.cuda.found import FoundRows
from mdsd_theory.cuda.inputs import BITS, Rows
from mdsd_theory.cuda.launching import Launcher
from mdsd_theory.cuda.normalising import normalise
from mdsd_theory.cuda.race_rule import LARGEST_N, LIGHTEST, rule
from mdsd_theory.cuda.race_work import Work
from mdsd_theory.cuda.ratio_buckets import FRACTION
from mdsd_theory.errors import SizeError

ROUNDS = 3
"""Passes over the open buckets; a row that needs none is left alone."""

WIDTH = 2.0**-22
"""A bucket that could lower the value by less is not opened."""


def race_optimum(launcher: Launcher, rows: Rows, n: int, tolerance: float) -> FoundRows:
    r"""Enclose α* for n drafts without replacement, 2 ≤ n ≤ 16.

    .. math:: \alpha^* = \min_H P(H) + 1 - Q(H), \qquad
              1 - Q(H) = b \int_0^\infty e^{-t} \sum_{m<n} e_m(\{e^{q_i t} - 1\}_{i \in H})\, dt

    as :func:`~mdsd_theory.dual.race_prefix.race_prefix`, by at least three kernels that wait for no host:
    a histogram of q, sums over 256 buckets of p/q, the values of the 256 prefixes that end with a
    bucket. The two-line bound of theorem 6.e closes all buckets but a few, which are cut in 256 again.

    Parameters
    ----------
    launcher : Launcher
    rows : Rows
    n : int
        Number of drafts.
    tolerance : float
        How far a row's sum may be from one; at most 0.1.

    Raises
    ------
    SizeError
        For another n.

    Notes
    -----
    Reads q once, then p and q once a pass: nearly always two. Memory: some 50 kB a row at n = 3, 100 kB
    at n = 16.
    """
    import torch

    if not 2 <= n <= LARGEST_N:
        raise SizeError(
            f"n = {n} drafts without replacement; the kernels take 2 to {LARGEST_N}: for one draft take "
            "bucket_optimum, for more race_prefix"
        )
    work = Work.of(launcher, rows, n)
    if rows.temperature is not None:
        normalise(launcher, rows)
    work.measure_rest()
    work.sum_buckets()
    work.evaluate(tolerance, WIDTH, opening=True)
    for _ in range(ROUNDS):
        work.refine()
        work.evaluate(tolerance, WIDTH, opening=False)

    def subset() -> Any:
        mask = torch.empty((rows.count, rows.vocabulary), dtype=torch.bool, device=rows.p.device)
        work.write_subset(mask)
        return mask

    numbers, words = work.record.view(torch.float64), work.record.view(torch.int32)
    return FoundRows(numbers[:, 3], numbers[:, 4], _error(rows, n), words[:, 19], subset)


def _error(rows: Rows, n: int) -> float:
    """Return what can have changed a value: the rule, fixed point, rounded x, exponentials of logits.

    Sums of p and of powers of x miss up to half a quantum a token; the mass outside of H, in units of x,
    counts n/r times, less than one. Relative errors δ of all q move the law of each draft by up to δ. Of
    tiny tokens, below 2⁻¹⁸ in units of x, x is a float's product; V of them have the fraction
    V·2⁻¹⁸·Y/(r·t_J) of what remains to be drafted. Arguments of exponentials are −log₂ of a probability:
    up to log₂ V on average by p and, for drafts after the heaviest tokens, log₂ V/r, r ≥ 1e-14.
    """
    quanta = rows.vocabulary * (2.0 ** -FRACTION[BITS[rows.dtype]] + 2.0**-50 * rule(n).amplification)
    relative = 2.0**-24 * min(1.0, rows.vocabulary * 2.0**-18 * LIGHTEST / rule(n).last)
    if rows.temperature is not None:
        relative += 2.0**-24 * (math.log2(rows.vocabulary + 1) + 47) + 2.0**-22
    return rule(n).error + quanta + (n + 1) * relative
