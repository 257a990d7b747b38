"""Different drafters: an enclosure at any V, the optimum for a small one."""

from __future__ import annotations

from mdsd_theory.arrays import Array, Backend, gather, mask_of_prefix, quiet, unit_interval
from mdsd_theory.dual.ratio_order import ratio_order
from mdsd_theory.dual.solution import DualSolution, enclosed
from mdsd_theory.dual.sorted_prefix import sorted_prefix
from mdsd_theory.errors import SizeError

LARGEST_ENUMERATION = 16
"""Largest V for which all 2^V subsets are tried."""

ROUNDS = 24
"""How often the weights of the arithmetic–geometric mean bound are adapted."""


def weighted_mean_bounds(backend: Backend, p: Array, q: Array, n: int) -> DualSolution:
    r"""Enclose α* for drafts from n different drafters.

    For weights λ_k > 0 and μ = (1/n) Σ_k λ_k q_k, the mean inequality gives

    .. math:: \prod_k q_k(H) \le \frac{\mu(H)^n}{\prod_k \lambda_k}, \qquad
              \alpha^* \ge \min_H P(H) + 1 - \frac{\mu(H)^n}{\prod_k \lambda_k},

    whose minimum is a prefix of the order of p/μ. Equality holds where all λ_k q_k(H) agree, so λ_k
    moves towards 1/q_k(H) at the subset found. Every prefix met is a candidate H: the smallest
    P(H) + 1 − Π_k q_k(H) is the upper bound.

    Parameters
    ----------
    backend : Backend
    p : array, shape (rows, V)
    q : array, shape (n, rows, V)
        One distribution a drafter.
    n : int
        Number of drafters.

    Returns
    -------
    DualSolution
        With ``exact=False``; ``value`` is the upper bound, attained by ``subset``. Drafters that are
        all equal (one alone, too) draw with replacement from one q, and α* itself is returned.

    Notes
    -----
    Cost 24 sorts a row. New here.
    """
    xp = backend.xp
    rows, vocabulary = p.shape
    if bool(xp.all(q == q[:1, ...])):
        return sorted_prefix(backend, p, q[0, ...], n)
    log_weights = backend.zeros((n, rows))
    lower, upper = backend.zeros((rows,)), backend.zeros((rows,)) + 1.0
    subset = backend.arange(vocabulary)[None, :] < backend.zeros((rows, 1))
    for _ in range(ROUNDS):
        weights = xp.exp(log_weights)
        mean = xp.sum(weights[:, :, None] * q, axis=0) / n
        ranked = ratio_order(backend, p, mean)
        inside = xp.stack([xp.cumulative_sum(gather(xp, x, ranked.order), axis=-1) for x in q])
        bound = ranked.target + 1 - xp.cumulative_sum(ranked.q, axis=-1) ** n
        lower = xp.maximum(lower, xp.minimum(xp.min(bound, axis=-1), xp.asarray(1.0)))
        values = ranked.target + 1 - xp.prod(inside, axis=0)
        upper, subset = _keep_better(backend, values, ranked.order, upper, subset)
        log_weights = _adapt(backend, log_weights, inside, bound)
    error = (n + 2) * (vocabulary + 32 * n) * backend.unit
    return DualSolution(
        value=unit_interval(xp, upper),
        lower=unit_interval(xp, xp.minimum(lower, upper) - error),
        upper=unit_interval(xp, upper + error),
        subset=subset,
        exact=False,
    )


def _keep_better(
    backend: Backend, values: Array, order: Array, upper: Array, subset: Array
) -> tuple[Array, Array]:
    xp = backend.xp
    best = xp.argmin(values, axis=-1)
    value = values[backend.arange(values.shape[0]), best]
    better = value < upper
    found = mask_of_prefix(backend, order, best + 1)
    return xp.where(better, value, upper), xp.where(better[:, None], found, subset)


def _adapt(backend: Backend, log_weights: Array, inside: Array, bound: Array) -> Array:
    """Move half-way to λ_k ∝ 1/q_k(H) at the minimiser of the bound; Σ log λ_k stays zero."""
    xp = backend.xp
    at = xp.argmin(bound, axis=-1)
    mass = inside[:, backend.arange(at.shape[0]), at]
    with quiet():
        target = -xp.log(xp.clip(mass, 1e-6, 1.0))
    target = target - xp.mean(target, axis=0, keepdims=True)
    return 0.5 * (log_weights + target)


def subset_enumeration(backend: Backend, p: Array, q: Array, n: int) -> DualSolution:
    r"""Return α* for different drafters by trying every H ⊆ Σ.

    .. math:: \alpha^* = \min_{H \subseteq \Sigma} P(H) + 1 - \prod_k q_k(H)

    Parameters
    ----------
    backend : Backend
    p : array, shape (rows, V)
    q : array, shape (n, rows, V)
    n : int
        Number of drafters.

    Returns
    -------
    DualSolution

    Raises
    ------
    SizeError
        For V above 16.

    Notes
    -----
    Cost O(n·2^V) a row.
    """
    xp = backend.xp
    rows, vocabulary = p.shape
    if vocabulary > LARGEST_ENUMERATION:
        raise SizeError(
            f"V = {vocabulary} has 2^{vocabulary} subsets; the limit is V = {LARGEST_ENUMERATION}: "
            "use route='weighted_mean_bounds' for an enclosure"
        )
    best = []
    for row in range(rows):
        values = _subset_sums(backend, p[row, :])
        product = 1.0
        for k in range(n):
            product = product * _subset_sums(backend, q[k, row, :])
        values = values + 1 - product
        code = xp.argmin(values)
        best.append((values[code], (code >> backend.arange(vocabulary)) & 1 == 1))
    value = xp.stack([v for v, _ in best])
    subset = xp.stack([s for _, s in best])
    return enclosed(backend, value, (n + 2) * 64 * backend.unit, subset)


def _subset_sums(backend: Backend, x: Array) -> Array:
    """Return the sums of all subsets, subset H at the index whose bits are H."""
    sums = backend.zeros((1,))
    for i in range(x.shape[0]):
        sums = backend.xp.concat([sums, sums + x[i]])
    return sums
