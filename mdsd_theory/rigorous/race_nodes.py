"""The nodes t_j = t_0·e^{jh} of one instance, and the proven error of the rule on them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mdsd_theory.errors import SizeError
from mdsd_theory.rigorous.balls import Ball, load_flint
from mdsd_theory.rigorous.race_error import (
    best_angle,
    left_end,
    left_loss,
    right_tail,
    spacing_error,
)

TOLERANCE = 2.0**-60
"""What each of the three errors may be; the balls then say what it is."""

LARGEST_N = 32
"""Most drafts: beyond, the powers of a token's odds outgrow the series of the light tokens."""

GRID = 2.0**-10
"""Steps and first nodes are multiples of this in log t, so that they are exact."""


@dataclass(frozen=True)
class RaceNodes:
    """A rule for all prefixes of one instance.

    Attributes
    ----------
    times : list of balls, shape (J,)
    step : ball
        h, exact.
    spacing : ball
        Bound on the spacing error, as a share of 1 − Q(H).
    loss : ball
        Times b·s^n, what :attr:`left` may be too large by.
    left : list of balls
        Coefficients of powers of b: times b, the nodes below the first.
    left_rest : ball
        Bound on what the series leaves out.
    tail : ball
        Bound on the nodes beyond the last.
    """

    times: list[Ball]
    step: Ball
    spacing: Ball
    loss: Ball
    left: list[Ball]
    left_rest: Ball
    tail: Ball


def race_nodes(n: int, slowest: Ball) -> RaceNodes:
    """Return nodes for n drafts.

    The choices of step and ends are guesses by floats; their errors are computed in balls for what
    was chosen.

    Parameters
    ----------
    n : int
        Number of drafts.
    slowest : ball
        r, the mass of q outside its n−1 largest tokens; positive.

    Raises
    ------
    SizeError
        For n above :data:`LARGEST_N`.
    """
    if n > LARGEST_N:
        raise SizeError(
            f"n = {n} drafts without replacement; rigorous enclosures take n <= {LARGEST_N}: lower n, or "
            "leave rigorous out on a small vocabulary"
        )
    arb = load_flint().arb
    width = largest_step(n)
    start = first_log_time(n, width)
    reach = (2 * _last_scaled_time(n) / slowest).log().upper()
    count = math.ceil((float(reach) - start) / width) + 1
    times = [(arb(start) + arb(width) * j).exp() for j in range(count)]
    step, first = arb(width), times[0]
    left, rest = left_end(step, first, _terms(float(first)))
    return RaceNodes(
        times=times,
        step=step,
        spacing=spacing_error(n, step, best_angle(n, width)),
        loss=left_loss(n, step, first),
        left=left,
        left_rest=rest,
        tail=right_tail(n, slowest * times[-1] / 2),
    )


def largest_step(n: int) -> float:
    """Return about the widest spacing h whose error is below the tolerance.

    Examples
    --------
    >>> largest_step(3)
    0.1875
    """
    theta = np.linspace(0.05, 1.56, 303)
    growth = math.log(2 / TOLERANCE) - n * np.log(np.cos(theta))
    return math.floor(float(np.max(2 * math.pi * theta / growth)) / GRID) * GRID


def first_log_time(n: int, step: float) -> float:
    """Return about the last log t_0 whose loss b·s^n·h·t_0^{n+1}/(n! (e^{h(n+1)} − 1)) is small."""
    largest_share = n * math.log(n) - (n + 1) * math.log(n + 1)  # of b·s^n, at s = n/(n + 1)
    per_power = math.log(step / math.expm1(step * (n + 1))) - math.lgamma(n + 1)
    bound = (math.log(TOLERANCE) - largest_share - per_power) / (n + 1)
    return math.floor(bound / GRID) * GRID


def _last_scaled_time(n: int) -> int:
    """Return an x with a small right tail."""
    arb = load_flint().arb
    x = n
    while float(right_tail(n, arb(x))) > TOLERANCE:
        x += 1
    return x


def _terms(first: float) -> int:
    """Return how many terms of the left end's series reach far below the tolerance."""
    return next(r for r in range(1, 400) if (r + 1) * math.log(first) - math.lgamma(r + 1) < -70)
