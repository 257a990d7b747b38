"""What a route is asked to solve, what it costs by measurement, and routes that have failed."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

from mdsd_theory.distributions import Pair, RawPair


@dataclass(frozen=True)
class Workload:
    """The size and the place of an input: what the choice of a route depends on.

    Attributes
    ----------
    vocabulary : int
        V.
    rows : int
        Number of instances.
    n : int
        Number of drafts.
    device : str
        Kind of device: ``"cpu"``, ``"cuda"``, ``"mps"``.
    dtype : str
        The caller's: ``"float64"``, ``"bfloat16"``.
    """

    vocabulary: int
    rows: int = 1
    n: int = 3
    device: str = "cpu"
    dtype: str = "float64"

    @classmethod
    def of(cls, pair: Pair | RawPair, n: int) -> Workload:
        """Return the workload of an input."""
        backend = pair.backend
        device = str(backend.device).split(":")[0]
        return cls(pair.vocabulary, math.prod(pair.batch), n, device, backend.dtype_name)


@dataclass(frozen=True)
class Cost:
    r"""Time of a route, fitted to measurements of a whole call, checks and result included.

    .. math:: a + B (b + V (c + d \log_2 V + e n^2))

    Attributes
    ----------
    call, row : float
        a and b, in microseconds.
    token, sorting, drafts : float
        c, d and e, in nanoseconds.

    Notes
    -----
    ``python benchmarks/crossings.py`` measures and fits them; those of the table are of one core of a
    2.6 GHz EPYC (Zen 4), NumPy, float64, and of one H100, float32, where a call from Python takes longer
    than a kernel.
    """

    call: float
    row: float
    token: float
    sorting: float = 0.0
    drafts: float = 0.0

    def microseconds(self, work: Workload) -> float:
        """Return the expected time of a workload."""
        v = work.vocabulary
        each = self.token + self.sorting * math.log2(v) + self.drafts * work.n**2
        return self.call + work.rows * (self.row + v * each / 1000)


class RouteWarning(UserWarning):
    """A route that would have been the cheapest cannot be used; the message says why."""


_failed: dict[str, str] = {}


def withdraw(name: str, reason: str) -> None:
    """Leave a route out of the automatic choice from now on, and warn once that it is."""
    if name not in _failed:
        _failed[name] = reason
        warnings.warn(
            f"route {name!r} is left out from now on: {reason}; slower routes take its place",
            RouteWarning,
            stacklevel=5,
        )


def withdrawn(name: str) -> bool:
    """Tell whether the route has failed in this process."""
    return name in _failed
