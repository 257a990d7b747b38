"""Means with standard errors that know that positions of one prompt are dependent."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

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
    """

    mean: float
    standard_error: float
    positions: int
    prompts: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the confidence interval of Student's t with prompts − 1 degrees of freedom."""
        if math.isnan(self.standard_error):
            return NAN, NAN
        from scipy.special import stdtrit

        half = float(stdtrit(self.prompts - 1, (1 + level) / 2)) * self.standard_error
        return self.mean - half, self.mean + half


def clustered_mean(values: ArrayLike, prompts: ArrayLike) -> Estimate:
    r"""Return the mean over positions, with a standard error clustered by prompt.

    With :math:`y_g` the sum and :math:`m_g` the number of values of prompt g of G, the mean is the ratio
    :math:`\mu = \sum y_g / \sum m_g` and its sandwich variance with the correction CR1

    .. math:: \frac{G}{G - 1} \, \frac{\sum_g (y_g - \mu m_g)^2}{(\sum_g m_g)^2}

    For prompts of one position each it is the usual :math:`s^2 / N`.

    Parameters
    ----------
    values : array-like, shape (positions,)
        NaN is left out.
    prompts : array-like, shape (positions,)
        Which prompt each value belongs to.

    Returns
    -------
    Estimate

    Notes
    -----
    Cameron and Miller 2015, "A practitioner's guide to cluster-robust inference", section II.B, for a
    regression on a constant. Cost: one sort of the prompts.

    Examples
    --------
    >>> clustered_mean([1.0, 1.0, 0.0, 0.0], [7, 7, 8, 8])
    Estimate(mean=0.5, standard_error=0.5, positions=4, prompts=2)
    """
    x = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(x)
    x = x[known]
    if not x.size:
        return Estimate(NAN, NAN, 0, 0)
    names, of = np.unique(np.asarray(prompts)[known], return_inverse=True)
    mean = float(x.mean())
    if names.size < 2:
        return Estimate(mean, NAN, x.size, names.size)
    excess = np.bincount(of, x - mean)
    variance = names.size / (names.size - 1) * float(excess @ excess) / x.size**2
    return Estimate(mean, math.sqrt(variance), x.size, names.size)


def rate_mean(rows: pd.DataFrame, name: str) -> Estimate:
    r"""Return the mean of a rate over all rows of a scheme, also where it is known at a sample of them.

    With s of N positions sampled, the difference estimator

    .. math:: \frac1N \sum_i \alpha^*_i - \frac1s \sum_{i \text{ sampled}} (\alpha^*_i - r_i)

    errs by the small gaps where the mean of the sampled rates errs by the rates. Where all are known the
    two are one. Cassel, Särndal and Wretman 1976.

    Parameters
    ----------
    rows : pandas.DataFrame
        With the columns ``alpha``, ``cluster`` and the rate.
    name : str
        NaN at positions that were not sampled, whatever their rate.

    Returns
    -------
    Estimate
        ``positions`` and ``prompts`` count those where the rate is known.
    """
    known = rows[name].notna() & rows["alpha"].notna()
    plain = clustered_mean(rows[name], rows["cluster"])
    if name == "alpha" or known.sum() in (0, rows["alpha"].notna().sum()):
        return plain
    alpha, gap = rows["alpha"], (rows["alpha"] - rows[name]).where(known)
    weight = alpha.notna().sum() / known.sum()
    sway = (alpha - alpha.mean()) - weight * (gap - gap.mean()).where(known, 0.0)
    error = clustered_mean(sway, rows["cluster"]).standard_error if plain.prompts > 1 else NAN
    return Estimate(float(alpha.mean() - gap.mean()), error, plain.positions, plain.prompts)


def grouped_means(
    frame: pd.DataFrame, values: str, by: list[str]
) -> Iterator[tuple[tuple[Any, ...], Estimate]]:
    """Yield the keys of each group, in order, and the clustered mean of a column over it.

    The column ``cluster`` tells the prompt.
    """
    for keys, group in frame.groupby(by, observed=True):
        yield keys, clustered_mean(group[values].to_numpy(), group["cluster"].to_numpy())
