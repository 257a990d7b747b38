"""What the theory promises of every row, and the rows that break it."""

from __future__ import annotations

from collections.abc import Iterator
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
    table = {name: np.asarray(x) for name, x in columns.items()}
    table = {name: x.astype(str) if x.dtype == object else x for name, x in table.items()}
    found = [row for less, more in _orders(table) for row in _within(table, less, more)]
    return found + list(_across(table))


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


def _within(table: dict[str, NDArray[Any]], less: str, more: str) -> Iterator[Row]:
    if less not in table or more not in table:
        return
    by = table[less] - table[more] - _allowed(table, less) - _allowed(table, more) - TOLERANCE
    for row in np.flatnonzero(by > 0).tolist():
        yield _told(table, row, row, less, more, by[row])


def _allowed(table: dict[str, NDArray[Any]], name: str) -> Any:
    """Return how far a column may be from the truth by its own account."""
    error = table.get(name + ERROR)
    if error is None:
        return 0.0
    estimated = (table["n"] > 3) & (name == "rrs_without_replacement")
    return np.nan_to_num(error) * np.where(estimated, STANDARD_ERRORS, 1.0)


def _across(table: dict[str, NDArray[Any]]) -> Iterator[Row]:
    """Yield what breaks an order between the rows with and without replacement."""
    a, b = _partners(table)
    words = "{0} with_replacement", "{0} without_replacement"
    for less, more in ACROSS:
        if less in table and more in table:
            slack = np.broadcast_to(_allowed(table, more), table["scheme"].shape)[b] + TOLERANCE
            by = table[less][a] - table[more][b] - slack
            for k in np.flatnonzero(by > 0).tolist():
                yield _told(table, a[k], b[k], less, more, by[k], words)


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


def _told(
    table: dict[str, NDArray[Any]],
    row: int,
    other: int,
    less: str,
    more: str,
    by: float,
    words: tuple[str, str] = ("{0}", "{0}"),
) -> Row:
    """Return one broken order, as plain numbers and words."""
    keys = {name: table[name][row].item() for name in KEYS if name in table}
    order = f"{words[0].format(less)} <= {words[1].format(more)}"
    figures = {"less": table[less][row], "more": table[more][other], "by": by}
    return keys | {"broken": order} | {name: float(x) for name, x in figures.items()}
