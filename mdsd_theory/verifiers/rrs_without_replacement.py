"""Recursive rejection sampling without replacement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from mdsd_theory.arrays import Array
from mdsd_theory.distributions import Pair
from mdsd_theory.errors import SizeError
from mdsd_theory.schemes.base import Number, Scheme
from mdsd_theory.schemes.checks import whole
from mdsd_theory.verifiers import cpu
from mdsd_theory.verifiers.base import RowRate, Verifier
from mdsd_theory.verifiers.enclosed_paths import GROUPS, enclose_three
from mdsd_theory.verifiers.recursive_law import recursive_law
from mdsd_theory.verifiers.recursive_plan import RecursivePlanWithoutReplacement
from mdsd_theory.verifiers.rejected_paths import over_all_paths, path_count
from mdsd_theory.verifiers.rrs import recursive_acceptance
from mdsd_theory.verifiers.sampled_paths import over_sampled_paths

MOST_PATHS = 20_000
"""Most ordered rejections a row that are summed exactly from n = 3 on."""

MOST_SAMPLED_DRAFTS = 32
"""Largest n that is estimated: paths of more drafts take minutes."""


class RRSWithoutReplacement(Verifier):
    r"""RRS where each further draft comes from q without the rejected token, renormalised.

    Accept X_k with probability min(1, r_k/q_k); else r_{k+1} = (r_k − q_k)_+ and q_{k+1} = q_k off X_k,
    both renormalised; r_0 = p, q_0 = q. With F and t_k as in :mod:`mdsd_theory.verifiers.residual`,

    .. math:: P(Y \in S) = E\,F(t_n), \qquad
              t_{k+1} = t_k + \frac{1 - F(t_k)}{1 - q(x_1) - \dots - q(x_k)},

    E over the rejected tokens (:mod:`mdsd_theory.verifiers.rejected_paths`). The first rejected token has
    the law ∝ (q − p)_+, so that n = 2 is one sum over tokens.

    ``explicit`` equals ``value``: a draft is rejected only where r_k < q_k, so its residual is zero from
    then on, and a token drawn from r_n is never one of the drafts.

    Parameters
    ----------
    samples : int
        Paths a row of a Monte Carlo estimate, rounded up to a multiple of 32.
    seed : int
        Of the random numbers; the same for every row, so that a batch equals a loop.

    Notes
    -----
    It accepts at least as often as RRS with replacement does (theorem 10.3 in ``proofs/``).

    ===========  ===============================================  =================================
    route        when                                             cost of a row
    ===========  ===============================================  =================================
    closed_form  n ≤ 2                                            V, and V log V off the CPU
    recursion    V (V−1) … (V−n+2) ≤ 20,000                       that number times log V
    enclosure    else, n = 3; proven within ``error_bound``       V log G + G² log G, G ≤ 140
    monte_carlo  else, n ≤ 32; unbiased                           (V + n·samples) log V + n² V
    ===========  ===============================================  =================================

    The standard error of an estimate includes what rejections of total probability 1/samples could
    change unseen, (largest − smallest F(t_n))/samples: often the larger part of it, where q has tokens
    that hold much of it. It is no proof; only ``error_bound`` is.

    Also Jeon et al. 2024 (RSD), arXiv 2402.14160.

    Examples
    --------
    >>> rule = RRSWithoutReplacement()
    >>> round(rule.acceptance_rate([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], 2).value, 12)
    0.82
    """

    name: ClassVar[str] = "rrs_without_replacement"
    schemes: ClassVar[tuple[str, ...] | None] = ("without_replacement",)
    default_scheme: ClassVar[str] = "without_replacement"
    summary: ClassVar[str] = "recursive rejection sampling of drafts without replacement"
    source: ClassVar[str] = "Chen et al. 2024 (Sequoia), arXiv 2402.12374"

    def __init__(self, samples: int = 4096, seed: int = 0) -> None:
        self.samples = whole(samples, "samples", 1, "the number of paths")
        self.seed = whole(seed, "seed", 0, "a seed")

    def _law(
        self, p: Sequence[Number], q: Sequence[Number], drafts: tuple[int, ...], scheme: Scheme
    ) -> dict[int, Number]:
        """Return the law of Y given the drafts."""
        return recursive_law(p, q, drafts, replacement=False)

    def _plan(self, pair: Pair, n: int, scheme: Scheme) -> RecursivePlanWithoutReplacement:
        return RecursivePlanWithoutReplacement(pair, n)

    def _rate(self, pair: Pair, n: int, scheme: Scheme) -> RowRate:
        """Return E F(t_n) of each row, exactly where that is cheap."""
        if n <= 2 and cpu.on_cpu(pair.backend):
            value = _two_drafts(pair) if n == 2 else recursive_acceptance(pair.backend, pair.p, pair.q, n)
            return RowRate(value, value, "closed_form")
        paths = path_count(pair.vocabulary, n)
        if n <= 2 or paths <= MOST_PATHS:
            (value,) = _by_chunks(over_all_paths, pair, max(paths, pair.vocabulary), n)
            return RowRate(value, value, "closed_form" if n <= 2 else "recursion")
        if n == 3:
            low, high = _by_chunks(enclose_three, pair, max(2 * GROUPS**2, pair.vocabulary))
            value = (low + high) / 2
            return RowRate(value, value, "enclosure", error_bound=(high - low) / 2 + pair.backend.unit)
        _require_few_drafts(n, pair.vocabulary)
        widest = max(self.samples, pair.vocabulary)
        value, error = _by_chunks(over_sampled_paths, pair, widest, n, self.samples, self.seed)
        return RowRate(value, value, "monte_carlo", error)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(samples={self.samples}, seed={self.seed})"


def _two_drafts(pair: Pair) -> Array:
    from mdsd_theory.verifiers.second_draft_loop import two_drafts

    p, q = cpu.host_rows(pair.p, pair.q)
    return pair.backend.array(two_drafts(p, q))


def _by_chunks(rate: Callable[..., Any], pair: Pair, widest: int, *options: int) -> tuple[Array, ...]:
    """Return what ``rate`` gives, for a few rows of ``widest`` elements at a time."""
    size = max(1, 2 * pair.backend.block_elements // widest)
    parts = []
    for start in range(0, pair.p.shape[0], size):
        rows = slice(start, start + size)
        part = rate(pair.backend, pair.p[rows, :], pair.q[rows, :], *options)
        parts.append(part if isinstance(part, tuple) else (part,))
    return tuple(pair.backend.xp.concat(list(x), axis=0) for x in zip(*parts, strict=True))


def _require_few_drafts(n: int, vocabulary: int) -> None:
    if n > MOST_SAMPLED_DRAFTS:
        raise SizeError(
            f"rrs_without_replacement with n = {n} and V = {vocabulary} has too many paths to sum, and "
            f"is estimated up to n = {MOST_SAMPLED_DRAFTS}; take fewer drafts, or leave this verifier out"
        )
