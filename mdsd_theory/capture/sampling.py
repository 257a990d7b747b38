"""A batch of rows, each sampled from its own uniforms with one cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mdsd_theory.errors import InputError
from mdsd_theory.models.base import Target

if TYPE_CHECKING:
    import torch

STEPS_AT_ONCE = 16
"""Tokens sampled before the host looks which rows have ended."""


def sample(
    target: Target, prompts: Sequence[Sequence[int]], uniforms: NDArray[np.float64], temperature: float
) -> list[list[int]]:
    """Return what the target says after each prompt.

    Parameters
    ----------
    target : Target
    prompts : sequence of sequence of int
        Tokens, at least one of each.
    uniforms : array, shape (prompts, steps)
        In [0, 1); sent to the device once. A response has at most ``steps`` tokens.
    temperature : float
        0 takes the likeliest token.

    Returns
    -------
    list of list of int
        Responses, each up to its first end token.
    """
    import torch

    decoder = _Decoder(target, prompts, uniforms.shape[1])
    u = torch.as_tensor(uniforms).to(target.device)
    said: list[list[int]] = [[] for _ in prompts]
    going = list(range(len(prompts)))
    steps = uniforms.shape[1]
    for first in range(0, steps, STEPS_AT_ONCE):
        chosen = []
        for step in range(first, min(first + STEPS_AT_ONCE, steps)):
            chosen.append(choose(decoder.logits, u[:, step], temperature))
            if step + 1 < steps:
                decoder.read(chosen[-1])
        heard = torch.stack(chosen, 1).tolist()
        kept = [i for i, row in enumerate(going) if not _ends(said[row], heard[i], target)]
        if not kept:
            break
        if len(kept) < len(going):
            going = [going[i] for i in kept]
            selected = torch.tensor(kept, device=target.device)
            decoder.keep(selected)
            u = u[selected]
    return said


def _ends(said: list[int], heard: Sequence[int], target: Target) -> bool:
    """Add tokens up to the first end token; tell whether there is one."""
    for token in heard:
        if token >= target.vocabulary:
            raise InputError("the target's logits are not finite; load it in float32 or bfloat16")
        said.append(token)
        if token in target.stop:
            return True
    return False


def choose(logits: torch.Tensor, u: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return one token a row, by inverse transform.

    Parameters
    ----------
    logits : tensor, shape (rows, V)
    u : tensor of float64, shape (rows,)
        In [0, 1); unused at temperature 0.
    temperature : float

    Returns
    -------
    tensor of int64, shape (rows,)
        V in a row whose law is undefined: NaN, +∞, or −∞ throughout.
    """
    import torch

    if temperature == 0:
        best = logits.max(-1)
        return torch.where(best.values.isfinite(), best.indices, logits.shape[-1])
    wide = logits.to(torch.float64, copy=True)
    sums = wide.sub_(wide.amax(-1, keepdim=True)).div_(temperature).exp_().cumsum_(-1)
    threshold = (u * sums[:, -1])[:, None]
    return torch.searchsorted(sums, threshold, right=True)[:, 0]


class _Decoder:
    """Rows that grow by a token a step: the cache, and the logits of what comes next.

    Prompts are padded on the left, so that all rows grow at one place. The cache has room for all tokens
    from the start: one that grows copies itself at every step, and its masks wait for the device.
    """

    def __init__(self, target: Target, prompts: Sequence[Sequence[int]], steps: int) -> None:
        import torch
        from transformers import StaticCache

        self.model = target.model
        self.width = max(map(len, prompts))
        self.cache = StaticCache(config=self.model.config, max_cache_len=self.width + steps)
        tokens = torch.tensor([[0] * (self.width - len(x)) + list(x) for x in prompts])
        self.place = torch.tensor([len(x) for x in prompts], device=target.device)[:, None]
        columns = torch.arange(self.width + steps, device=target.device)
        self.mask = columns >= self.width - self.place
        positions = (columns[: self.width] - (self.width - self.place)).clamp_(min=0)
        self.logits = self._forward(tokens.to(target.device), positions)

    def read(self, tokens: torch.Tensor) -> None:
        """Take in a token for each row."""
        # What is beyond the vocabulary is reported when the host looks next; on a device the lookup would
        # end the process.
        known = tokens[:, None].clamp(max=self.logits.shape[-1] - 1)
        self.width += 1
        self.logits = self._forward(known, self.place)
        self.place = self.place + 1

    def keep(self, rows: Any) -> None:
        """Drop the other rows."""
        self.cache.reorder_cache(rows)
        self.mask, self.place, self.logits = self.mask[rows], self.place[rows], self.logits[rows]

    def _forward(self, tokens: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        out = self.model(
            input_ids=tokens,
            attention_mask=self.mask[:, : self.width],
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: torch.Tensor = out.logits[:, -1]
        return logits
