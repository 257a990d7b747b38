"""Tokens too heavy for a series at a node: followed one by one, once for all prefixes."""

from __future__ import annotations

from collections.abc import Sequence

from mdsd_theory.rigorous.balls import Ball, load_flint


def node_weights(time: Ball, weight: Ball, heavy: Sequence[int], total: int, n: int) -> list[list[Ball]]:
    r"""Return what multiplies e_m of the light tokens at one node, by how many heavy tokens H holds.

    .. math:: \Omega_{z,m} = w\,e^{-t\,(1 - \text{mass of the first } z)}\;
              P(\text{at most } n - 1 - m \text{ of the first } z \text{ heavy tokens have arrived by } t)

    The exponential joins e^{−bt} of the tokens outside H to e^{−Σy} of the light ones in H.

    Parameters
    ----------
    time, weight : ball
        t and w.
    heavy : sequence of int, shape (h,)
        Weights of the heavy tokens, in the order in which the prefixes reach them.
    total : int
        What the weights of all tokens sum to.
    n : int
        Number of drafts.

    Returns
    -------
    list of lists of balls, shape (h + 1, n)

    Notes
    -----
    Cost O(h·n); only non-negative numbers are added and multiplied.
    """
    arb = load_flint().arb
    rate, scale = time / total, weight
    arrived, mass = [arb(1)] + [arb(0)] * (n - 1), 0
    table = [_row(arrived, scale * (-(rate * total)).exp())]
    for value in heavy:
        exponent, mass = rate * -value, mass + value
        stay, arrive = exponent.exp(), -exponent.expm1()
        arrived = [
            old * stay + before * arrive
            for old, before in zip(arrived, [arb(0), *arrived[:-1]], strict=True)
        ]
        table.append(_row(arrived, scale * (-(rate * (total - mass))).exp()))
    return table


def _row(arrived: Sequence[Ball], scale: Ball) -> list[Ball]:
    """Return scale times the chances of at most n − 1, …, 1, 0 arrivals."""
    row, at_most = [], load_flint().arb(0)
    for chance in arrived:
        at_most = at_most + chance
        row.append(scale * at_most)
    return row[::-1]
