"""The figures of one cell, a scheme and a number of drafts, at many positions side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mdsd_theory.capture.measures_columns import ERROR, Cell
from mdsd_theory.capture.measures_laws import Laws
from mdsd_theory.capture.measures_schemes import AskedScheme
from mdsd_theory.distributions import RawPair
from mdsd_theory.optimal import attempt, solve
from mdsd_theory.results import Rate
from mdsd_theory.verifiers import Verifier

if TYPE_CHECKING:
    import torch


def of_cell(laws: Laws, cell: Cell, chosen: NDArray[np.bool_]) -> dict[str, torch.Tensor]:
    """Return α*, its enclosure and the rates; NaN where the draft has too few tokens for the scheme."""
    needed = cell.asked.scheme.support_needed(cell.n)
    if needed > laws.pair.vocabulary:
        return {}
    served = laws.served(needed)
    figures = optimum(served, cell) | dict(rates(served, cell, chosen))
    if served is laws:
        return figures
    return {name: x.masked_fill(laws.support < needed, math.nan) for name, x in figures.items()}


def optimum(laws: Laws, cell: Cell) -> dict[str, torch.Tensor]:
    """Return α* with its enclosure, by a route that reads the logits if the device has one."""
    n, scheme, found = cell.n, cell.asked.scheme, None
    if laws.temperature > 0:
        found = attempt(laws.raw, n, scheme, "auto", laws.temperature)
    if found is None:
        found = solve(laws.pair, n, scheme, "auto")
    bounds = {"alpha": found.value, "lower": found.lower, "upper": found.upper}
    return {name: x.to(laws.pair.p.dtype) for name, x in bounds.items()}


def rates(laws: Laws, cell: Cell, chosen: NDArray[np.bool_]) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the columns of the cell's rules."""
    import torch

    for name, rule in cell.rules.items():
        if _solves_programs(name, cell.asked) and not chosen.all():
            place = torch.from_numpy(np.flatnonzero(chosen)).to(laws.pair.p.device)
            some = rule.rate(laws.rows(place).pair, cell.n, cell.asked.scheme)
            blank = torch.full_like(laws.pair.p[:, 0], math.nan)
            columns = {x: blank.index_copy(0, place, y) for x, y in _columns(name, some)}
        else:
            columns = _planned(laws, rule, cell) or dict(
                _columns(name, rule.rate(laws.pair, cell.n, cell.asked.scheme))
            )
        yield from columns.items()


def _planned(laws: Laws, rule: Verifier, cell: Cell) -> dict[str, torch.Tensor]:
    """Return the rate and the certified loss of a plan made on the device without a sort, if any."""
    pair = laws.pair
    plan: Any = rule._unchecked_plan(RawPair(pair.p, pair.q, pair.backend), cell.n, cell.asked.scheme)
    return {} if plan is None else {rule.name: plan.acceptance, rule.name + ERROR: plan.loss}


def _solves_programs(name: str, asked: AskedScheme) -> bool:
    return name == "khisti" or (name == "optimal" and asked.scheme.name == "without_replacement")


def _columns(name: str, rate: Rate) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield a rate, and its error if it states one."""
    yield name, rate.value
    error = rate.error_bound if rate.standard_error is None else rate.standard_error
    if error is not None:
        yield name + ERROR, error
