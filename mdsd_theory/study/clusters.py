"""Means with standard errors that know that positions of one prompt are dependent."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd

NAN = float("nan")


@dataclass(frozen=True)
class Estimate:
    """A mean over positions.

    Attributes
    ----------
    mean, standard_error : float
        NaN where undefined: no position, or fewer than two prompts.
    positions, prompts : int
        How many the mean is over.
    strata : int
        The groups of prompts of which each has a mean of its own in the standard error.
    """

    mean: float
    standard_error: float
    positions: int
    prompts: int
    strata: int = 1

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the confidence interval of Student's t with prompts − strata degrees of freedom."""
        if math.isnan(self.standard_error):
            return NAN, NAN
        from scipy.special import stdtrit

        half = float(stdtrit(self.prompts - self.strata, (1 + level) / 2)) * self.standard_error
        return self.mean - half, self.mean + half


def clustered_mean(values: ArrayLike, prompts: ArrayLike, strata: ArrayLike | None = None) -> Estimate:
    r"""Return the mean over positions, with a standard error clustered by prompt.

    With :math:`y_g` the sum and :math:`m_g` the number of values of prompt g, the mean is the ratio
    :math:`\mu = \sum y_g / \sum m_g`. With :math:`z_g = y_g - \mu m_g` and :math:`G_h` the number of
    prompts of stratum h, its sandwich variance, corrected (CR1) in each stratum, is

    .. math:: \frac{1}{(\sum_g m_g)^2} \sum_h \frac{G_h}{G_h - 1} \sum_{g \in h} (z_g - \bar z_h)^2

    Without strata all prompts are one and :math:`\bar z` is 0; for prompts of one position each it is
    then the usual :math:`s^2 / N`.

    Parameters
    ----------
    values : array-like, shape (positions,)
        NaN is left out.
    prompts : array-like, shape (positions,)
        Which prompt each value belongs to.
    strata : array-like, shape (positions,), optional
        Which stratum each prompt belongs to, such as its task: the mix of the strata is then fixed.
        Prompts that are alone in their stratum form one together, whose :math:`\bar z` is taken as 0 and
        whose correction is that of all prompts; this errs on the side of a larger error.

    Returns
    -------
    Estimate

    Notes
    -----
    Cameron and Miller 2015, "A practitioner's guide to cluster-robust inference", section II.B, for a
    regression on a constant; Lumley 2010, "Complex surveys", section 2.2 for strata. Cost: one sort of
    the prompts.

    Examples
    --------
    >>> clustered_mean([1.0, 1.0, 0.0, 0.0], [7, 7, 8, 8])
    Estimate(mean=0.5, standard_error=0.5, positions=4, prompts=2, strata=1)
    """
    x = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(x)
    x = x[known]
    if not x.size:
        return Estimate(NAN, NAN, 0, 0)
    names, first, of = np.unique(np.asarray(prompts)[known], return_index=True, return_inverse=True)
    mean = float(x.mean())
    if names.size < 2:
        return Estimate(mean, NAN, x.size, names.size)
    excess: NDArray[np.float64] = np.bincount(of, x - mean).astype(np.float64)
    kinds: NDArray[Any] = np.zeros(names.size) if strata is None else np.asarray(strata)[known][first]
    total, count = _stratified(excess, kinds)
    return Estimate(mean, math.sqrt(total) / x.size, x.size, names.size, count)


def _stratified(excess: NDArray[np.float64], kinds: NDArray[Any]) -> tuple[float, int]:
    """Return the variance of the sum of what prompts exceed, and how many strata it has."""
    _, kind, sizes = np.unique(kinds, return_inverse=True, return_counts=True)
    alone = sizes[kind] == 1
    centre = np.where(alone, 0.0, (np.bincount(kind, excess) / sizes)[kind])
    own = sizes[kind] / np.maximum(sizes[kind] - 1, 1)
    correction = np.where(alone, excess.size / (excess.size - 1), own)
    return float(correction @ (excess - centre) ** 2), int((sizes > 1).sum()) + bool(alone.any())


def strata_of(rows: pd.DataFrame) -> NDArray[np.int64] | None:
    """Return the tasks of some rows as numbers; None where there is one or none."""
    if "task" not in rows or rows["task"].nunique() < 2:
        return None
    return rows["task"].factorize()[0].astype(np.int64)


def rate_mean(rows: pd.DataFrame, name: str) -> Estimate:
    r"""Return the mean of a rate over all rows of a scheme, also where it is known at a sample of them.

    With s of N positions sampled, the difference estimator

    .. math:: \frac1N \sum_i \alpha^*_i - \frac1s \sum_{i \text{ sampled}} (\alpha^*_i - r_i)

    errs by the small gaps where the mean of the sampled rates errs by the rates. Where all are known the
    two are one. Cassel, Särndal and Wretman 1976. Several tasks are strata of the standard error.

    Parameters
    ----------
    rows : pandas.DataFrame
        With the columns ``alpha``, ``cluster`` and the rate; ``task`` where there is one.
    name : str
        NaN at positions that were not sampled, whatever their rate.

    Returns
    -------
    Estimate
        ``positions`` and ``prompts`` count those where the rate is known.
    """
    plain = clustered_mean(rows[name], rows["cluster"], strata_of(rows))
    if name == "alpha" or plain.positions in (0, rows["alpha"].notna().sum()):
        return plain
    made = combined_mean(rows, [(1.0, rows["alpha"]), (-1.0, rows["alpha"] - rows[name])])
    error = made.standard_error if plain.prompts > 1 else NAN
    return replace(plain, mean=made.mean, standard_error=error)


def combined_mean(rows: pd.DataFrame, parts: Sequence[tuple[float, pd.Series]]) -> Estimate:
    r"""Return a sum of weighted means, each over the positions where its own values are known.

    .. math:: \sum_k c_k \mu_k

    Its standard error is that of the linearised sum, whose term of part k at position i is
    :math:`c_k (x_{ki} - \mu_k) N / N_k` where known, of N positions with any value and :math:`N_k` with
    that of k.
    Where all parts are known at the same positions it is the clustered mean of their sum.

    Parameters
    ----------
    rows : pandas.DataFrame
        With the column ``cluster``; several tasks are strata.
    parts : sequence of (float, pandas.Series)
        Weights and values that stand beside the rows, NaN where unknown.

    Returns
    -------
    Estimate
        ``positions`` and ``prompts`` count those where all parts are known. No standard error where these
        are of fewer than two prompts.
    """
    strata = strata_of(rows)
    every = sum((values for _, values in parts), start=0.0 * parts[0][1])
    shared = clustered_mean(every, rows["cluster"], strata)
    known = [values.notna() for _, values in parts]
    anywhere = np.logical_or.reduce(known)
    sway = np.zeros(len(rows))
    for (weight, values), there in zip(parts, known, strict=True):
        share = anywhere.sum() / max(1, there.sum())
        sway += weight * share * (values - values.mean()).fillna(0.0).to_numpy()
    error = clustered_mean(np.where(anywhere, sway, NAN), rows["cluster"], strata).standard_error
    mean = float(sum(weight * float(values.mean()) for weight, values in parts))
    return replace(shared, mean=mean, standard_error=error if shared.prompts > 1 else NAN)


def grouped_means(
    frame: pd.DataFrame, values: str, by: list[str]
) -> Iterator[tuple[tuple[Any, ...], Estimate]]:
    """Yield the keys of each group, in order, and the clustered mean of a column over it.

    The column ``cluster`` tells the prompt; several tasks of a group are strata.
    """
    for keys, group in frame.groupby(by, observed=True):
        yield keys, clustered_mean(group[values], group["cluster"], strata_of(group))
