"""Rates a few rows at a time, so that what a rule computes on the way stays small beside the input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mdsd_theory.distributions import Pair
from mdsd_theory.verifiers import cpu

if TYPE_CHECKING:
    from mdsd_theory.verifiers.base import RowRate

CPU_ELEMENTS = 2**18
"""Probabilities of p at once on the CPU: 2 MiB an array, about what a core's cache holds."""

DEVICE_ELEMENTS = 2**25
"""The same on an accelerator, which needs more to be busy: 256 MiB an array."""


def in_chunks(rate: Callable[[Pair], RowRate], pair: Pair, cpu_elements: int) -> RowRate:
    """Return what ``rate`` gives for all rows, found for as many at once as the limits allow."""
    most = cpu_elements if cpu.on_cpu(pair.backend) else DEVICE_ELEMENTS
    size, rows = max(1, most // pair.vocabulary), pair.p.shape[0]
    if rows <= size:
        return rate(pair)
    parts = [rate(some_rows(pair, start, start + size)) for start in range(0, rows, size)]
    joined: list[Any] = [
        None if column[0] is None else pair.backend.xp.concat(list(column), axis=0)
        for column in zip(
            *((x.value, x.explicit, x.standard_error, x.error_bound) for x in parts), strict=True
        )
    ]
    value, explicit, standard_error, error_bound = joined
    return replace(
        parts[0],
        value=value,
        explicit=explicit,
        standard_error=standard_error,
        error_bound=error_bound,
    )


def some_rows(pair: Pair, start: int, stop: int) -> Pair:
    """Return rows start … stop − 1 of a pair, or of a target with several drafters."""
    p = pair.p[start:stop, ...]
    q = pair.q[:, start:stop, ...] if pair.q.ndim == 3 else pair.q[start:stop, ...]
    return replace(pair, p=p, q=q, batch=(p.shape[0],))
