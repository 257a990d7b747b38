"""The optimal rule's plan for i.i.d. drafts where p and q live on a CUDA device: nothing leaves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mdsd_theory.arrays import Array
from mdsd_theory.cuda import solving
from mdsd_theory.cuda.iid_emit import iid_emit
from mdsd_theory.cuda.iid_plan import IIDDevicePlan, iid_plan
from mdsd_theory.cuda.inputs import Rows
from mdsd_theory.cuda.launching import Launcher
from mdsd_theory.distributions import Pair, RawPair, sum_tolerance
from mdsd_theory.errors import InputError
from mdsd_theory.verifiers.on_device import tried
from mdsd_theory.verifiers.plan import Plan

NAME = "cuda_plan"


@dataclass(frozen=True, eq=False, repr=False)
class DevicePlan(Plan):
    """The rule made ready on the device, about 21 KB a row; p and q must stay as they are.

    Some ratios p/q are rungs that the tokens between them draw. The law is exact; acceptance falls short
    of α* by :attr:`loss` at most, 1.5e-7 at worst on the shipped distributions. Of one draft nothing is
    lost: ``acceptance`` is up to 1e-3 too low where Σp ≠ Σq and most of p/q is near Σp/Σq.

    Attributes
    ----------
    launcher : Launcher
    device : IIDDevicePlan
    """

    launcher: Launcher
    device: IIDDevicePlan

    @property
    def acceptance(self) -> Any:
        """Σ min(p, y) of each row, at least, as a float or an array of the batch's shape."""
        return self.pair.backend.result(
            (self.device.acceptance - self.device.error).clip(min=0.0), self.pair.batch, rounding=-1
        )

    @property
    def loss(self) -> Any:
        """α* − Σ min(p, y) of each row, at most."""
        return self.pair.backend.result(
            self.device.loss + 2 * self.device.error, self.pair.batch, rounding=1
        )

    def __repr__(self) -> str:
        pair = self.pair
        return f"DevicePlan(batch of shape {pair.batch}, V = {pair.vocabulary:,}, n = {self.n})"

    def _check(self, drafts: Array) -> None:
        """Left to the kernels, whose flags are looked at once the tokens are there."""

    def _emit(self, drafts: Array, generator: Any) -> Array:
        u = self.uniforms(generator, drafts.shape[0], 3 * self.n + 2, drafts.shape[1])
        emitted = iid_emit(self.launcher, self.device, drafts, u)
        outside, never = emitted.refused.tolist()
        if outside:
            raise InputError(f"drafts hold a token outside 0 … {self.pair.vocabulary - 1}")
        if never:
            raise InputError(self.impossible)
        return emitted.token


def device_plan(raw: RawPair, n: int) -> DevicePlan | None:
    """Return the plan of rows that nobody has checked; None where they have to be, or for no device."""
    backend = raw.backend
    if raw.p.dtype != raw.q.dtype:
        return None

    def planned(launcher: Launcher) -> DevicePlan | None:
        rows = Rows(solving.rows_of(raw.p), solving.rows_of(raw.q))
        plan = iid_plan(launcher, rows, n, sum_tolerance(backend.dtype_name, raw.vocabulary))
        if bool(plan.bad.any()):
            return None
        return DevicePlan(Pair(rows.p, rows.q, raw.batch, backend), n, launcher, plan)

    return tried(NAME, backend, raw.p, planned)
