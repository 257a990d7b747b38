"""Laws of the next token from logits, in float64 on the model's device."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from mdsd_theory.logits import check_options, from_logits

LEAST = 1e-280
"""Smaller draft probabilities are taken for zero: such a token is never drafted."""


@dataclass(frozen=True)
class Warp:
    """How logits become a law: temperature, then top-k, then top-p.

    Attributes
    ----------
    temperature : float
        0 puts all mass on the largest logit.
    top_k : int, optional
    top_p : float, optional
    """

    temperature: float
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        check_options(self.temperature, self.top_k, self.top_p, 0)

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is taken."""
        return self.temperature == 0

    def law(self, logits: torch.Tensor) -> torch.Tensor:
        """Return probabilities in float64, shape (..., V); NaN where a row has no finite logit."""
        wide = logits.double()
        if self.top_k is None and self.top_p is None and not self.greedy:
            return torch.softmax(wide / self.temperature, -1)
        found: torch.Tensor = from_logits(
            wide, temperature=self.temperature, top_k=self.top_k, top_p=self.top_p
        )
        return found

    def draft_law(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the same without probabilities below :data:`LEAST`."""
        law = self.law(logits)
        return law.masked_fill_(law < LEAST, 0.0)
