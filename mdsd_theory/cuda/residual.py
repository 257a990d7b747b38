"""Rates that take a few passes over p and q: recursive rejection's with replacement, and K-SEQ's."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.cuda.inputs import Rows
from mdsd_theory.cuda.launching import Grid, Launcher, Source
from mdsd_theory.cuda.solving import rows_of

THREADS = 512

SOURCE = Source("residual.cu", ())


def recursive_rates(launcher: Launcher, p: Any, q: Any, n: int) -> Any:
    """Return F(t_n) of each row of float64, as :mod:`mdsd_theory.verifiers.residual` has it.

    Notes
    -----
    Reads p and q n + 1 times, one block a row.
    """
    value = _empty(p)
    _launch(launcher, "recursive_rates", Rows(rows_of(p), rows_of(q)), [value], n)
    return value


def discounts(launcher: Launcher, p: Any, q: Any, n: int) -> tuple[Any, Any]:
    """Return γ* and F(γ*) of each row of float64, as :mod:`mdsd_theory.verifiers.discount` has them.

    Notes
    -----
    Reads p and q once a step, mostly 3 to 6 times, and once for the rate, one block a row; the host does
    not wait.
    """
    gamma, value = _empty(p), _empty(p)
    _launch(launcher, "discounts", Rows(rows_of(p), rows_of(q)), [gamma, value], n)
    return gamma, value


def _empty(p: Any) -> Any:
    import torch

    return torch.empty(p.shape[0], dtype=torch.float64, device=p.device)


def _launch(launcher: Launcher, kernel: str, rows: Rows, found: list[Any], n: int) -> None:
    arguments = [*rows.arguments, *found, np.int32(rows.vocabulary), np.int32(n)]
    launcher.launch(SOURCE, kernel, Grid(rows.count, THREADS), arguments)
