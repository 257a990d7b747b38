r"""Every token at its own density from a few hundred atoms: tokens between two rungs draw one of them.

Let r_0 = 0 < r_1 < … be *rungs*. A token of ratio ρ = p/q between two of them counts as the upper one
with chance λ, anew for each draft, and else as the lower one:

.. math:: λ = \frac{ρ - r_k}{r_{k+1} - r_k} .

The rungs are atoms: they draw the priorities. If the pick has the density clip(r_k, c′, c) on rung k,
then it has y_i = q_i clip(p_i/q_i, c′, c) on tokens, unless c′ or c lies between the two rungs: **no
token is sorted for it, and none loses acceptance.**

**When the pick can have these densities.** Just when P(A) − q(A)^n, with rungs in place of tokens, has no
lower minimum than before. Between two rungs the spread keeps both sums, so that only prefixes A that
end there are changed; the least of them ends between what is on the lower rung and what is on the upper.
Where that one could pass below the minimum, next to H, tokens stay atoms of their own. So do those about
c′ and c as bucket sums give them (should the atoms' own levels lie elsewhere, y is another law that loses
nothing: theorem 11.f), and where no more than two tokens lie between two rungs. Of
151,936 tokens some hundreds are left, two thousand at most of those in ``benchmarks/plan.py``.

**λ is free of rounding.** Rungs are floats with zeros in their low bits, evenly spaced within an octave:
λ is those bits of ρ, and a uniform number of 53 bits is compared with it exactly. New here.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from mdsd_theory.verifiers.optimal.winning_groups import Groups, alone

Array = np.ndarray[Any, Any]

OCTAVES = 48
"""Ratios below n·2^−48 or so lie between rungs 0 and 1; f is never above n."""

LOG_STEPS = 7
"""Rungs to an octave, as a power of two."""

FEW = 4096
"""A vocabulary of at most so many tokens is sorted: every token is an atom."""


def exact_groups(p: Array, q: Array, n: int, label: Array) -> Groups:
    """Return the groups with which the pick has the law q·clip(p/q, c′, c), token by token."""
    return (alone if p.size <= FEW else on_a_ladder)(p, q, n, label)


@cache
def rungs_for(n: int, log_steps: int) -> tuple[Array, Array]:
    """Return the rungs for n drafts, and the steps between them as reciprocals (0 beyond the last).

    Parameters
    ----------
    n : int
        Number of drafts.
    log_steps : int
        Rungs to an octave, as a power of two.

    Returns
    -------
    rungs : array, shape (R,)
        0, then ascending floats; the last is at least n.
    steps : array, shape (R + 1,)
        1/(rungs[k + 1] − rungs[k]), powers of two.
    """
    top = math.ceil(math.log2(n))
    lowest = int(np.array([2.0 ** (top - OCTAVES)]).view(np.int64)[0])
    bits = lowest + (np.arange(OCTAVES * 2**log_steps + 1) << (52 - log_steps))
    rungs = np.append(0.0, bits.view(np.float64))
    steps = np.append(1 / np.diff(rungs), [0.0, 0.0])
    rungs.flags.writeable = steps.flags.writeable = False
    return rungs, steps


def on_a_ladder(p: Array, q: Array, n: int, label: Array) -> Groups:
    """Return rungs and lone tokens, and which of them each token counts as.

    Parameters
    ----------
    p, q : array, shape (V,)
    n : int
        Number of drafts.
    label : array of int32, shape (V,)
        Overwritten.

    Returns
    -------
    Groups

    Notes
    -----
    Cost O(V), two passes, and a sort of the lone tokens.
    """
    from mdsd_theory.ratio_sort_loop import argsort_positive
    from mdsd_theory.verifiers.optimal.ladder_loop import lone_places, ranked, rung_sums, take_out
    from mdsd_theory.verifiers.optimal.winning_loop import clip_levels

    rungs, steps = rungs_for(n, LOG_STEPS)
    mass, count = rung_sums(p, q, rungs, 52 - LOG_STEPS, label)
    lone = lone_places(rungs, mass, count, n)
    tokens = take_out(p, q, label, lone, int(count[lone].sum()))
    lone_p, lone_q = p[tokens], q[tokens]
    order = argsort_positive(lone_p / lone_q)
    rank, sums_p, sums_q = ranked(rungs, mass, lone, order, lone_p, lone_q)
    nothing = np.zeros(tokens.size)
    foot, step = np.concatenate([rungs, [0.0], nothing]), np.concatenate([steps, nothing])
    return Groups(label, rank, foot, step, sums_p, sums_q, clip_levels(sums_p, sums_q, n))
