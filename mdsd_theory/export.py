"""Comparisons as dictionaries and data frames. No mathematics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdsd_theory.arrays import host
from mdsd_theory.errors import MissingDependencyError

if TYPE_CHECKING:
    import pandas as pd

    from mdsd_theory.comparison import Comparison, Row
    from mdsd_theory.results import Acceptance, Rate

SMALL = 64
"""Up to this vocabulary a subset is always written by its own tokens."""


def plain(x: Any) -> Any:
    """Return floats, nested lists of floats, or None."""
    if x is None or isinstance(x, float):
        return x
    return np.asarray(host(x), dtype=np.float64).tolist()


def mean(x: Any) -> float:
    """Return the mean over the batch; NaN where it has no rows.

    Of standard errors it is a bound for the standard error of the mean, however rows are correlated.
    """
    values = np.asarray(host(x), dtype=np.float64)
    return float(values.mean()) if values.size else float("nan")


def comparison_dict(comparison: Comparison) -> dict[str, Any]:
    """Return the content of a comparison in plain types."""
    return {
        "optimal": {name: _acceptance(result) for name, result in comparison.optimal.items()},
        "rates": {key: _rate(rate, comparison.gaps[key]) for key, rate in comparison.details.items()},
    }


def _acceptance(result: Acceptance) -> dict[str, Any]:
    fields = {name: plain(getattr(result, name)) for name in ("value", "lower", "upper")}
    fields |= {"exact": result.exact, "route": result.route, "scheme": result.scheme, "n": result.n}
    if result.subset.ndim == 1:
        fields |= _subset(host(result.subset))
    return fields


def _subset(inside: Any) -> dict[str, Any]:
    """Return the size of H and its tokens, or, if these are most of many, the tokens outside."""
    size, vocabulary = int(inside.sum()), int(inside.size)
    if vocabulary <= SMALL or 2 * size <= vocabulary:
        return {"subset": np.flatnonzero(inside).tolist(), "subset_size": size}
    return {"subset_complement": np.flatnonzero(~inside).tolist(), "subset_size": size}


_RATE_FIELDS = ("value", "explicit", "standard_error", "error_bound")


def _rate(rate: Rate, gap: Any) -> dict[str, Any]:
    fields = {name: plain(getattr(rate, name)) for name in _RATE_FIELDS}
    names = {"verifier": rate.verifier, "scheme": rate.scheme, "route": rate.route, "n": rate.n}
    return fields | {"gap": plain(gap)} | names


def comparison_frame(comparison: Comparison) -> pd.DataFrame:
    """Return one row for each position, scheme and verifier."""
    try:
        import pandas as pd
    except ImportError:
        raise MissingDependencyError(
            "to_frame needs pandas: pip install 'mdsd-theory[plot]', or use to_dict()"
        ) from None
    frames: list[pd.DataFrame] = [_frame(row, pd) for row in comparison.rows]
    return pd.concat(frames, ignore_index=True)


def _frame(row: Row, pd: Any) -> Any:
    acceptance = np.ravel(host(row.acceptance)).astype(np.float64)

    def column(x: Any) -> Any:
        return np.nan if x is None else np.ravel(host(x)).astype(np.float64)

    return pd.DataFrame(
        {
            "position": np.arange(acceptance.size),
            "scheme": row.scheme,
            "n": row.optimal.n,
            "verifier": row.verifier or "bound",
            "acceptance": acceptance,
            "standard_error": column(row.standard_error),
            "error_bound": column(row.error_bound),
            "gap": column(row.gap),
            "lower": column(row.optimal.lower),
            "upper": column(row.optimal.upper),
            "route": row.route,
        }
    )
