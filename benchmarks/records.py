"""The records of ``scaling.py``: files, and tables of exponents and crossings."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, get_type_hints

import numpy as np
from fits import Exponent, crossing, exponent
from rich.table import Table

import mdsd_theory as mdsd
from mdsd_theory.routes import ranking
from mdsd_theory.routing import Workload


class Record(NamedTuple):
    """One figure: quartiles of the microseconds of a call."""

    machine: str
    device: str
    library: str
    dtype: str
    kind: str
    scheme: str
    name: str
    axis: str
    V: int
    B: int
    n: int
    low: float
    median: float
    high: float

    @property
    def curve(self) -> tuple[str, ...]:
        """What a curve's points have in common."""
        return self.library, self.kind, self.scheme, self.name, self.axis

    @property
    def size(self) -> int:
        """Where on its curve it lies."""
        return int(getattr(self, self.axis))


def write_csv(records: Iterable[Record], path: Path) -> None:
    """Write a line for each figure."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Record._fields)
        for record in records:
            writer.writerow(f"{x:.4g}" if isinstance(x, float) else x for x in record)


def read_csv(path: Path) -> list[Record]:
    """Return what :func:`write_csv` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        kinds = get_type_hints(Record)
        return [Record(**{k: kinds[k](x) for k, x in line.items()}) for line in csv.DictReader(file)]


def curves(records: Iterable[Record]) -> dict[tuple[str, ...], list[Record]]:
    """Return the points of each curve, in the order of their sizes."""
    ordered = sorted(records, key=lambda r: (r.curve, r.size))
    return {key: list(points) for key, points in groupby(ordered, key=lambda r: r.curve)}


def slope(fit: Exponent) -> str:
    """Return an exponent as text."""
    return f"{fit.value:.2f}" if np.isnan(fit.error) else f"{fit.value:.2f} ± {fit.error:.2f}"


EXPONENTS = (
    "scheme",
    "curve",
    "library",
    "e of V",
    "ms at the largest V",
    "of its price",
    "e of n",
    "e of B",
)


def exponent_rows(records: Iterable[Record]) -> list[list[str]]:
    """Return a line for each route and library: the fits along V, n and B."""
    lines: dict[tuple[str, ...], dict[str, str]] = {}
    for (library, kind, scheme, name, axis), points in curves(records).items():
        cells = lines.setdefault((kind, scheme, name, library), {})
        fit = exponent([r.size for r in points], [r.median for r in points])
        cells[axis] = "" if fit is None else slope(fit)
        if axis == "V":
            cells["ms"] = f"{points[-1].median / 1000:.3g}"
            cells["price"] = share_of_price(points[-1])
    axes = ("V", "ms", "price", "n", "B")
    return [[*key[1:], *(cells.get(x, "") for x in axes)] for key, cells in sorted(lines.items())]


def share_of_price(record: Record) -> str:
    """Return the time as a multiple of the route's price; nothing where it has none."""
    route = mdsd.ROUTES.get(record.name)
    work = Workload(record.V, record.B, record.n, record.device, record.dtype)
    price = None if route is None else route.microseconds(work)
    return "" if price is None else f"{record.median / price:.2f}"


class Crossing(NamedTuple):
    """Where a route becomes cheaper than another; None: nowhere up to 1,000,000 tokens."""

    library: str
    scheme: str
    first: str
    second: str
    measured: float | None
    priced: float | None
    auto: int | None


def crossings(records: Sequence[Record]) -> list[Crossing]:
    """Return the crossings of all pairs of exact routes along V, measured and by the table's prices."""
    along = {k: v for k, v in curves(records).items() if k[1] == "route" and k[-1] == "V"}
    found = []
    for (library, kind, scheme, second, axis), points in along.items():
        for first in mdsd.ROUTES:
            other = along.get((library, kind, scheme, first, axis))
            exact = all(mdsd.ROUTES[name].exact for name in (first, second))
            if other is None or first == second or not exact:
                continue
            both = sorted({r.V for r in points} & {r.V for r in other})
            slow, fast = ([r.median for r in rows if r.V in both] for rows in (other, points))
            measured = crossing(both, slow, fast)
            if measured is None:
                continue
            work = Workload(both[0], 1, points[0].n, points[0].device, points[0].dtype)
            found.append(
                Crossing(
                    library,
                    scheme,
                    first,
                    second,
                    measured,
                    priced(first, second, work),
                    switch(second, scheme, work),
                )
            )
    return found


def grid(work: Workload) -> list[Workload]:
    """Return workloads of 10 to 1,000,000 tokens."""
    sizes = np.unique(np.geomspace(max(10, work.n), 1e6, 1200).astype(int))
    return [Workload(int(v), work.rows, work.n, work.device, work.dtype) for v in sizes]


def priced(first: str, second: str, work: Workload) -> float | None:
    """Return the V at which the second route becomes cheaper by the prices of ``routes.py``."""
    slow, fast = ([mdsd.ROUTES[x].microseconds(w) or np.nan for w in grid(work)] for x in (first, second))
    if np.isnan(slow + fast).any():
        return None
    return crossing([w.vocabulary for w in grid(work)], slow, fast)


def switch(route: str, scheme: str, work: Workload) -> int | None:
    """Return the smallest V from which ``route="auto"`` takes a route and keeps it."""
    kind = mdsd.SCHEMES[scheme]
    taken = [ranking(kind, w, anywhere=True)[0].name == route for w in grid(work)]
    if not taken[-1]:
        return None
    first = max((k + 1 for k, x in enumerate(taken) if not x), default=0)
    return grid(work)[first].vocabulary


def number(x: float | None) -> str:
    """Return a number of tokens as text."""
    return "–" if x is None else f"{x:,.0f}"


def exponents_table(records: Iterable[Record]) -> Table:
    """Return the fits as a table."""
    table = Table(title="time ∝ size^e over the upper third of each range (in logarithms)")
    for name in EXPONENTS:
        table.add_column(name)
    for row in exponent_rows(records):
        table.add_row(*row)
    return table


def crossings_table(records: Sequence[Record]) -> Table:
    """Return the crossings as a table."""
    table = Table(title="V from which the second route is cheaper, one row")
    for name in ("library", "scheme", "first", "second", "measured", "by prices", "auto takes it"):
        table.add_column(name)
    for found in crossings(records):
        table.add_row(*found[:4], *(number(x) for x in found[4:]))
    return table
