"""Target and draft of some positions at one temperature, as rows that every rule takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from mdsd_theory.capture.measures_schemes import Warp
from mdsd_theory.distributions import Pair, RawPair, raw_pair
from mdsd_theory.intake import common_backend
from mdsd_theory.logits import from_logits

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Laws:
    """What two models say at some positions, at one temperature.

    Attributes
    ----------
    pair : Pair
        Probabilities of shape (rows, V), float64 (float32 on MPS), on the models' device.
    raw : RawPair
        The logits that they come from, in single precision at least.
    temperature : float
    """

    pair: Pair
    raw: RawPair
    temperature: float

    @cached_property
    def support(self) -> torch.Tensor:
        """How many tokens the draft can draw; int64, shape (rows,)."""
        size: torch.Tensor = (self.pair.q > 0).sum(-1)
        return size

    @cached_property
    def least_support(self) -> int:
        """The least of them; the host waits for it."""
        return int(self.support.min())

    def served(self, needed: int) -> Laws:
        """Return the same with a flat draft in place of those with fewer than ``needed`` tokens.

        No row of a block may stop the others: what is found for these rows is to be thrown away.
        """
        if self.least_support >= needed:
            return self
        few = (self.support < needed)[:, None]
        q = self.pair.q.masked_fill(few, 1 / self.pair.vocabulary)
        raw = replace(self.raw, q=self.raw.q.masked_fill(few, 0.0))
        return Laws(replace(self.pair, q=q), raw, self.temperature)

    def rows(self, chosen: torch.Tensor) -> Laws:
        """Return the same for the positions of these indices."""
        p, q = (x[chosen] for x in (self.pair.p, self.pair.q))
        raw = replace(self.raw, p=self.raw.p[chosen], q=self.raw.q[chosen])
        return Laws(replace(self.pair, p=p, q=q, batch=(len(chosen),)), raw, self.temperature)


def laws_of(
    target: torch.Tensor, draft: torch.Tensor, temperature: float, warps: list[Warp]
) -> dict[Warp, Laws]:
    """Return the laws of each warp: one softmax of the target, and one of every draft that differs.

    Parameters
    ----------
    target, draft : tensor, shape (rows, V)
        Logits in any floating dtype.
    temperature : float
        T ≥ 0.
    warps : list of Warp
    """
    target, draft = (_single(x) for x in (target, draft))
    p = _probabilities(target, temperature)
    found = {}
    for warp in warps:
        kept = warp.keep(draft, temperature)
        q = _probabilities(kept, temperature)
        backend = common_backend({"p": p, "q": q})
        found[warp] = Laws(Pair(p, q, (p.shape[0],), backend), raw_pair(target, kept), temperature)
    return found


def _single(logits: torch.Tensor) -> torch.Tensor:
    """Return half precision widened: results come in the dtype of the logits."""
    return logits.detach() if logits.dtype.itemsize >= 4 else logits.detach().float()


def _probabilities(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the softmax in the work dtype; what is too small for a reciprocal is zero."""
    backend = common_backend({"logits": logits})
    rows: torch.Tensor = from_logits(backend.widen(logits), temperature=temperature)
    return rows.masked_fill(rows < backend.tiny, 0.0)
