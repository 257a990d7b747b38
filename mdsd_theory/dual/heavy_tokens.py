"""Tokens too heavy for odds: followed as probabilities, one state for each number of them passed."""

from __future__ import annotations

from dataclasses import dataclass

from mdsd_theory.arrays import Array, Backend, gather, mask_of_indices
from mdsd_theory.dual.race_nodes import Nodes

LARGEST_EXPONENT = 300.0
"""Largest e-exponent that a product of odds may reach."""


@dataclass(frozen=True)
class HeavyTokens:
    """The few largest tokens whose odds e^{qt} − 1 would overflow.

    Attributes
    ----------
    q : array, shape (rows, h)
        Their probabilities, in the order in which the prefixes reach them.
    rest : array, shape (rows,)
        The mass of all other tokens.
    light : array, shape (rows, V)
        q along the prefixes, zero at the heavy tokens.
    passed : array of int, shape (rows, V + 1), or None
        How many heavy tokens H_0 … H_V hold; None if there are none at all.
    """

    q: Array
    rest: Array
    light: Array
    passed: Array | None


def mass_without(backend: Backend, q: Array, index: Array) -> Array:
    """Return the mass of each row outside the tokens ``index``; shape (rows,)."""
    mask = mask_of_indices(backend, index, q.shape[-1])
    return backend.xp.sum(backend.xp.where(mask, 0.0, q), axis=-1)


def split_heavy(backend: Backend, q: Array, top: Array, last_time: float) -> HeavyTokens:
    """Set apart as few of the ``top`` tokens as keeps (mass of the rest) × t in range.

    Parameters
    ----------
    q : array, shape (rows, V)
        In the order of the prefixes.
    top : array of int, shape (rows, n − 1)
        Places of the largest tokens, largest first.
    last_time : float
        The last node.
    """
    xp = backend.xp
    for count in range(top.shape[-1] + 1):
        rest = mass_without(backend, q, top[:, :count])
        if float(xp.max(rest)) * last_time <= LARGEST_EXPONENT:
            break
    if count == 0:
        return HeavyTokens(q[:, :0], rest, q, None)
    place = xp.sort(top[:, :count], axis=-1)
    mask = mask_of_indices(backend, place, q.shape[-1])
    passed = xp.cumulative_sum(xp.astype(mask, xp.int64), axis=-1)
    passed = xp.concat([xp.zeros_like(passed[:, :1]), passed], axis=-1)
    return HeavyTokens(gather(xp, q, place), rest, xp.where(mask, 0.0, q), passed)


def state_weights(backend: Backend, heavy: HeavyTokens, nodes: Nodes, n: int) -> Array:
    r"""Return the weight of e_m at each node, given how many heavy tokens the prefix has passed.

    .. math:: \Omega_{m,z}(t) = h\,t\;e^{-(\text{rest} + \text{heavy not passed})\,t}\;
              P(\text{fewer than } n - m \text{ of the } z \text{ passed have arrived})

    Returns
    -------
    array, shape (n, rows, J, h + 1)
        Indexed by m, row, node, z.
    """
    xp = backend.xp
    zero = backend.zeros(tuple(nodes.times.shape))
    arrived = [zero + 1.0] + [zero] * (n - 1)
    columns = []
    for z in range(heavy.q.shape[-1] + 1):
        if z:
            exponent = -heavy.q[:, z - 1 : z] * nodes.times
            stay, arrive = xp.exp(exponent), -xp.expm1(exponent)
            before = [zero, *arrived[:-1]]
            arrived = [a * stay + s * arrive for a, s in zip(arrived, before, strict=True)]
        rate = heavy.rest + xp.sum(heavy.q[:, z:], axis=-1)
        scale = nodes.weights * xp.exp(-rate[:, None] * nodes.times)
        at_most = xp.cumulative_sum(xp.stack(arrived, axis=0), axis=0)
        columns.append(xp.flip(at_most, axis=0) * scale[None, ...])
    return xp.stack(columns, axis=-1)


def weigh(backend: Backend, products: list[Array], weights: Array, passed: Array | None) -> Array:
    """Return Σ_m Σ_j e_m·Ω_{m,z}, z the number of heavy tokens passed.

    Parameters
    ----------
    products : list of n − 1 arrays, shape (rows, K, J)
        e_1 … e_{n−1} of the light tokens of K prefixes.
    weights : array, shape (n, rows, J, h + 1)
    passed : array of int, shape (rows, K), or None

    Returns
    -------
    array, shape (rows, K)
    """
    xp = backend.xp
    total = xp.sum(weights[0, ...], axis=1)[:, None, :]
    for m, coefficient in enumerate(products, start=1):
        total = total + xp.matmul(coefficient, weights[m, ...])
    if passed is None:
        return total[..., 0]
    return xp.take_along_axis(total, passed[..., None], axis=-1)[..., 0]
