"""What the theory promises of every row, and the rows that break it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdsd_theory.capture.measures_columns import ERROR
from mdsd_theory.capture.positions import KEYS, Columns
from mdsd_theory.verifiers import VERIFIERS

TOLERANCE = 1e-6
"""By how much rounding may turn an order: α* of kernels in single precision is rounded to that dtype."""

STANDARD_ERRORS = 8.0
"""Multiple of a standard error that counts as a bound; 32 replicates stray further once in 10⁸ times."""

ACROSS = (("alpha", "alpha"), ("rrs", "rrs_without_replacement"))
"""Columns of drafts with replacement, and what bounds them without (theorems 9.c, 10.3: ``proofs/``)."""

Row = dict[str, Any]


def violations(columns: Columns) -> list[Row]:
    r"""Return the rows that break an order which holds at every position.

    .. math:: \text{naive} \le \text{rule} \le \text{optimal} \le \alpha^*, \qquad
              \text{lower} \le \alpha^* \le \text{upper}, \qquad
              \alpha^*_{\text{with}} \le \alpha^*_{\text{without}}, \qquad
              \text{rrs}_{\text{with}} \le \text{rrs}_{\text{without}}

    with every rule of the row in turn, each order up to :data:`TOLERANCE` and what the two columns state
    as their own errors: a bound as it is, a standard error :data:`STANDARD_ERRORS` times. Rows with and
    without replacement are compared at the same prompt, turn, position, temperature, n and cut of q.
    Where a column is NaN nothing is promised.

    Parameters
    ----------
    columns : mapping of str to array
        As :func:`~mdsd_theory.capture.measures.measure` gives them, of one run or of several shards with
        different keys; columns of figures may be missing.

    Returns
    -------
    list of dict
        For each broken order of a row: its keys (those of drafts with replacement where schemes are
        compared), ``broken``, the order in words, ``less`` and ``more``, the two figures, and ``by``, how
        much the first exceeds what is allowed.

    Notes
    -----
    Array operations throughout; a few sorts of the keys for the comparison of schemes.

    Examples
    --------
    >>> row = {"prompt": 0, "turn": 0, "position": 5, "token": 9, "temperature": 0.7, "n": 3}
    >>> row |= {"scheme": "greedy", "alpha": 0.5, "naive": 0.4, "greedy": 0.6}
    >>> [(x["broken"], x["position"]) for x in violations({k: np.array([v]) for k, v in row.items()})]
    [('greedy <= alpha', 5)]
    """
    table = _as_table(columns)
    return [row for order in _compared(table) for row in order.broken(table)]


def excused(columns: Columns) -> dict[str, dict[str, Any]]:
    r"""Return what :func:`violations` lets pass because a column states an error above :data:`TOLERANCE`.

    Parameters
    ----------
    columns : mapping of str to array
        As :func:`violations` takes them.

    Returns
    -------
    dict
        For each order that such rows break beyond the tolerance: ``rows``, how many they are, and
        ``largest``, the largest excess less − more.

    Examples
    --------
    >>> row = {"prompt": 0, "turn": 0, "position": 5, "token": 9, "temperature": 0.7, "n": 3}
    >>> row |= {"scheme": "greedy", "alpha": 0.5, "optimal": 0.501, "optimal_error": 0.01}
    >>> (found,) = excused({k: np.array([v]) for k, v in row.items()}).items()
    >>> found[0], found[1]["rows"], round(found[1]["largest"], 6)
    ('optimal <= alpha', 1, 0.001)
    """
    table, found = _as_table(columns), {}
    for order in _compared(table):
        excess = order.excess[(order.excess > TOLERANCE) & (order.excess <= order.slack)]
        if excess.size:
            found[order.name] = {"rows": excess.size, "largest": float(excess.max())}
    return merged([found])


def merged(parts: Iterable[Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Return what several parts of the rows give together, as :func:`excused` tells it."""
    found: dict[str, dict[str, Any]] = {}
    for part in parts:
        for name, x in part.items():
            old = found.get(name, {"rows": 0, "largest": 0.0})
            found[name] = {
                "rows": old["rows"] + x["rows"],
                "largest": max(old["largest"], x["largest"]),
            }
    return found


def _as_table(columns: Columns) -> dict[str, NDArray[Any]]:
    table = {name: np.asarray(x) for name, x in columns.items()}
    return {name: x.astype(str) if x.dtype == object else x for name, x in table.items()}


@dataclass(frozen=True)
class _Order:
    """Two columns of which one is promised not to be above the other, at rows ``a`` and ``b``."""

    name: str
    less: str
    more: str
    a: NDArray[np.intp]
    b: NDArray[np.intp]
    excess: NDArray[Any]
    slack: NDArray[Any]

    def broken(self, table: dict[str, NDArray[Any]]) -> Iterator[Row]:
        """Yield the rows that break it, as plain numbers and words."""
        by = self.excess - self.slack
        for k in np.flatnonzero(by > 0).tolist():
            row, other = self.a[k], self.b[k]
            keys = {name: table[name][row].item() for name in KEYS if name in table}
            figures = {"less": table[self.less][row], "more": table[self.more][other], "by": by[k]}
            yield keys | {"broken": self.name} | {name: float(x) for name, x in figures.items()}


def _compared(table: dict[str, NDArray[Any]]) -> Iterator[_Order]:
    """Yield all orders of the columns, within a row and between the schemes."""
    every = np.arange(len(table["scheme"]))
    for less, more in _orders(table):
        if less in table and more in table:
            yield _order(f"{less} <= {more}", table, (less, more), (every, every))
    partners = _partners(table)
    for less, more in ACROSS:
        if less in table and more in table:
            name = f"{less} with_replacement <= {more} without_replacement"
            yield _order(name, table, (less, more), partners)


def _order(
    name: str, table: dict[str, NDArray[Any]], columns: tuple[str, str], rows: tuple[Any, Any]
) -> _Order:
    slack = sum(_allowed(table, column)[at] for column, at in zip(columns, rows, strict=True)) + TOLERANCE
    less, more = (table[column][at] for column, at in zip(columns, rows, strict=True))
    return _Order(name, *columns, *rows, less - more, slack)


def _orders(table: dict[str, NDArray[Any]]) -> Iterator[tuple[str, str]]:
    """Yield the columns that are ordered within a row, the smaller one first."""
    rules = [name for name in VERIFIERS if name in table]
    for name in rules:
        if name != "naive" and "naive" in rules:
            yield "naive", name
        if name != "optimal" and "optimal" in rules:
            yield name, "optimal"
        yield name, "alpha"
    yield from (("lower", "alpha"), ("alpha", "upper"))


def _allowed(table: dict[str, NDArray[Any]], name: str) -> NDArray[Any]:
    """Return how far a column may be from the truth by its own account."""
    error = table.get(name + ERROR)
    if error is None:
        return np.zeros(len(table["scheme"]))
    estimated = (table["n"] > 3) & (name == "rrs_without_replacement")
    found: NDArray[Any] = np.nan_to_num(error) * np.where(estimated, STANDARD_ERRORS, 1.0)
    return found


def _partners(table: dict[str, NDArray[Any]]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows with replacement, and those without that have the same keys and cut of q."""
    pairs = [(np.zeros(0, dtype=np.intp),) * 2]
    for kind in set(table["scheme"].tolist()):
        base, at, cut = kind.partition("@")
        if base == "with_replacement":
            first = np.flatnonzero(table["scheme"] == kind)
            second = np.flatnonzero(table["scheme"] == "without_replacement" + at + cut)
            both = np.concatenate([first, second])
            key = _numbered([table[name][both] for name in KEYS if name not in ("token", "scheme")])
            parts = key[: len(first)], key[len(first) :]
            _, a, b = np.intersect1d(*parts, return_indices=True)
            pairs.append((first[a], second[b]))
    first, second = (np.concatenate(rows) for rows in zip(*pairs, strict=True))
    return first, second


def _numbered(keys: list[NDArray[Any]]) -> NDArray[np.int64]:
    """Return a number for each row, equal where all keys are."""
    number, count = np.zeros(len(keys[0]), dtype=np.int64), 1
    for key in keys:
        values, place = np.unique(key, return_inverse=True)
        if count * len(values) >= 2**62:
            found, number = np.unique(number, return_inverse=True)
            count = len(found)
        number, count = number * len(values) + place, count * len(values)
    return number
