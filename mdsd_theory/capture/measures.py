"""Measures of scored positions: α*, every verifier's rate, entropies, on the device of the logits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mdsd_theory.capture.measures_cells import of_cell
from mdsd_theory.capture.measures_columns import (
    ERROR,
    Cell,
    cells_of,
    column_names,
    measured_verifiers,
)
from mdsd_theory.capture.measures_intake import check, chosen_positions
from mdsd_theory.capture.measures_laws import Laws, laws_of
from mdsd_theory.capture.measures_schemes import Warp
from mdsd_theory.capture.positions import KEYS, Columns, Positions, Questions

if TYPE_CHECKING:
    import torch

CPU_ELEMENTS, DEVICE_ELEMENTS = 2**21, 2**25
"""Probabilities of p at once: 16 MiB an array on the CPU, 256 MiB on an accelerator."""


def measure(positions: Positions, questions: Questions, *, program_share: float = 1.0) -> Columns:
    """Return α*, rates, entropies and total variation of every position, temperature, n and scheme.

    Parameters
    ----------
    positions : Positions
        Logits of both models, float32, bfloat16, float16 or float64, on any device.
    questions : Questions
        Schemes may be cut, ``with_replacement@top100``
        (:mod:`mdsd_theory.capture.measures_schemes`), or ``"all"``; verifiers may be ``"all"`` or left
        out.
    program_share : float
        Share of the positions at which rules are measured that solve a program for each row on the host,
        tens of milliseconds: ``optimal`` of drafts without replacement, and ``khisti``. Which positions,
        follows from their prompt, turn and place alone. Null elsewhere.

    Returns
    -------
    mapping of str to array
        :func:`column_names`: a row for each position, temperature, n and scheme that is defined for n.
        NaN where a verifier is not defined for the row, and in all that depends on drafts where the draft
        can draw fewer tokens than the scheme has to. ``…_error`` is NaN where the rate is exact up to
        rounding; else it is within that of the column, proven, but for ``rrs_without_replacement`` with
        n ≥ 4, where it is a standard error.

    Raises
    ------
    InputError, InputTypeError
        For logits that are NaN, +∞ or all −∞, shapes that differ, unknown names.

    Notes
    -----
    One softmax of each model a temperature, in float64 on the CPU and on CUDA, shared by all rules. On
    CUDA α* with and without replacement comes from kernels that read the logits, and ``optimal`` of
    i.i.d. drafts from those that plan, with a certified loss of 1e-7 or so as its error. Figures leave
    the device once for some hundred positions; checks, and loops that stop by themselves, make the host
    wait too.
    """
    cells = cells_of(questions)
    check(positions, questions, program_share)
    names = column_names(questions)[len(KEYS) :]
    rows, v = positions.target.shape
    on_cpu = positions.target.device.type == "cpu"
    size = max(1, (CPU_ELEMENTS if on_cpu else DEVICE_ELEMENTS) // v)
    chosen = chosen_positions(positions, program_share)
    parts = [
        _figures(positions, slice(start, start + size), questions, cells, names, chosen)
        for start in range(0, rows, size)
    ]
    empty = np.zeros((0, len(questions.temperatures), len(cells), len(names)))
    return _long(positions, questions, cells, names, np.concatenate([empty, *parts]))


def _figures(
    positions: Positions,
    rows: slice,
    questions: Questions,
    cells: list[Cell],
    names: tuple[str, ...],
    chosen: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return the figures of some positions; shape (rows, temperatures, cells, names)."""
    import torch

    target, draft = positions.target[rows], positions.draft[rows]
    warps = list(dict.fromkeys([Warp(), *(cell.asked.warp for cell in cells)]))
    found = []
    for temperature in questions.temperatures:
        laws = laws_of(target, draft, temperature, warps)
        shared = _of_position(laws[warps[0]])
        for cell in cells:
            figures = shared | of_cell(laws[cell.asked.warp], cell, chosen[rows])
            missing = torch.full_like(shared["total_variation"], math.nan)
            found.append(torch.stack([figures.get(name, missing) for name in names], dim=-1))
    table = torch.stack(found, dim=1).cpu().numpy() if found else np.zeros((len(target), 0, len(names)))
    return table.reshape(len(target), len(questions.temperatures), len(cells), len(names))


def _of_position(laws: Laws) -> dict[str, torch.Tensor]:
    """Return entropies in nats and total variation."""
    import torch

    p, q = laws.pair.p, laws.pair.q
    return {
        "target_entropy": torch.special.entr(p).sum(-1),
        "draft_entropy": torch.special.entr(q).sum(-1),
        "total_variation": (p - q).abs().sum(-1) / 2,
    }


def _long(
    positions: Positions,
    questions: Questions,
    cells: list[Cell],
    names: tuple[str, ...],
    figures: NDArray[np.float64],
) -> Columns:
    """Return keys and figures as columns, position after position."""
    rows, temperatures = len(positions.prompt), np.array(questions.temperatures, dtype=np.float64)
    each = len(temperatures) * len(cells)
    columns: dict[str, NDArray[np.generic]] = {
        name: np.repeat(getattr(positions, name), each) for name in KEYS[:4]
    }
    columns["temperature"] = np.tile(np.repeat(temperatures, len(cells)), rows)
    for name, values in (("n", [c.n for c in cells]), ("scheme", [c.asked.name for c in cells])):
        kind = np.int64 if name == "n" else np.str_
        columns[name] = np.tile(np.array(values, dtype=kind), rows * len(temperatures))
    by_name = np.moveaxis(figures.reshape(-1, len(names)), -1, 0)
    return columns | {name: x.copy() for name, x in zip(names, by_name, strict=True)}


__all__ = ["ERROR", "column_names", "measure", "measured_verifiers"]
