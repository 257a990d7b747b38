r"""K-SEQ's discount γ*, exactly: a few passes over p and q in place of a bisection.

With s = 1 − β the chance to miss once, equality 1 − (1 − β)^n = γβ says γ = 1 + s + … + s^{n−1} and

.. math:: E(\gamma(s)) = s^n, \qquad E(\gamma) = 1 - F(\gamma) = \sum_i (p_i - \gamma q_i)_+ .

The left side falls with s and the right side grows: one root s*. For every set T of tokens
E(γ) ≥ p(T) − γ q(T), with equality for T = {p > γq}; so the root s_T of

.. math:: s^n + q(T)\,(s + s^2 + \dots + s^{n-1}) = p(T) - q(T)

has s_T ≤ s*, with equality for the T of γ*. From T = {p > q} on, each step takes the T of the last
γ(s): s grows until T stays, which is then that of γ*.

*Proof.* At s = s_T ≤ s*, E(γ(s)) ≥ s^n. With T′ = {p > γ(s) q} this reads
p(T′) − γ(s) q(T′) ≥ s^n, so that s_{T′} ≥ s. If s_{T′} = s, both are equal, and s = s*. There are
finitely many T. ∎

An error ε of a sum moves s^n, and with it the rate 1 − s^n, by ε at most: the two sides are monotone in
opposite directions. The rate is taken as F(γ*), a sum of its own, accurate however small.
"""

from __future__ import annotations

from mdsd_theory.arrays import Array, Backend, quiet
from mdsd_theory.cuda import residual
from mdsd_theory.verifiers import cpu
from mdsd_theory.verifiers.on_device import tried
from mdsd_theory.verifiers.residual import overlap

PASSES = 6
"""Steps between two looks at whether a row still moves: mostly one look suffices."""

NEWTON_STEPS = 8
"""Steps for s_T, beside one for each bit of n. Each divides what is too much of s^n by e, or halves what
is missing of 1 − s ≥ 1/n, until few are left, which square the error."""


def discount(backend: Backend, p: Array, q: Array, n: int) -> tuple[Array, Array]:
    """Return γ* and the rate F(γ*) = 1 − (1 − β(γ*))^n, each of shape (rows,).

    Parameters
    ----------
    p, q : array, shape (rows, V)
    n : int
        Number of drafts.

    Notes
    -----
    Cost O(V) a step, mostly 3 to 6 of them; on an accelerator without our kernels the host waits once for
    each six.
    """
    if cpu.on_cpu(backend):
        from mdsd_theory.verifiers.residual_loop import discounts

        target, draft = cpu.host_rows(p, q)
        gamma, value = discounts(target, draft, n)
        return backend.array(gamma), backend.array(value)
    found = tried("cuda_residual", backend, p, lambda run: residual.discounts(run, p, q, n))
    return found or discount_of_arrays(backend, p, q, n)


def discount_of_arrays(backend: Backend, p: Array, q: Array, n: int) -> tuple[Array, Array]:
    """Return the same by array operations, all rows side by side."""
    xp = backend.xp
    s, rising = backend.zeros((p.shape[0],)), True
    while rising:
        for _ in range(PASSES):
            before = s
            above = p > _gamma(backend, s, n)[:, None] * q
            mass = xp.sum(xp.where(above, q, 0.0), axis=-1)
            gain = xp.sum(xp.where(above, p - q, 0.0), axis=-1)
            s = xp.maximum(s, _miss_chance(backend, mass, gain, n))
        rising = bool(xp.any(_gamma(backend, s, n) > _gamma(backend, before, n)))
    gamma = _gamma(backend, s, n)
    value = overlap(backend, p, q, gamma)
    return xp.where(value > 0, gamma, xp.ones_like(gamma)), value


def _gamma(backend: Backend, s: Array, n: int) -> Array:
    """Return 1 + s + … + s^{n−1}."""
    gamma = backend.xp.ones_like(s)
    for _ in range(n - 1):
        gamma = gamma * s + 1.0
    return gamma


def _miss_chance(backend: Backend, mass: Array, gain: Array, n: int) -> Array:
    """Return s with s^n + mass·(s + … + s^{n−1}) = gain, by Newton from an upper bound."""
    xp = backend.xp
    powers = xp.astype(backend.arange(n + 1), backend.work)[None, :]
    inner = (powers > 0) & (powers < n)
    weight = xp.where(inner, mass[:, None], xp.where(powers == n, 1.0, backend.zeros((1, 1))))
    with quiet():
        s = xp.minimum(gain ** (1.0 / n), xp.where(mass > gain, gain / mass, xp.ones_like(gain)))
        for _ in range(NEWTON_STEPS + n.bit_length()):
            terms = weight * s[:, None] ** powers
            step = (xp.sum(terms, axis=-1) - gain) * s / xp.sum(powers * terms, axis=-1)
            s = xp.where(step > 0, s - step, s)
    return xp.where(gain > 0, xp.clip(s, 0.0, 1.0), xp.zeros_like(s))
