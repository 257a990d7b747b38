"""Whole distributions of a few positions, the same few whatever the order in which they come by."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mdsd_theory.capture.positions import Positions
from mdsd_theory.capture.storage import write
from mdsd_theory.errors import DataFileError

if TYPE_CHECKING:
    import torch

KEPT = "kept.safetensors"
FILE = re.compile(r"kept(-\d{6,})?\.safetensors")
NAMES = ("prompt", "turn", "position", "token")
LOGITS = ("target_logits", "draft_logits")
EVERY = np.uint64(2**64 - 1)


def ranks(prompt: Any, turn: Any, position: Any, seed: int) -> NDArray[np.uint64]:
    r"""Return a number for each position, as good as random: the K smallest are a uniform sample.

    The finaliser of SplitMix64 (Steele, Lea and Flood, 2014) over seed, prompt, turn and position.
    """
    x = _mixed(np.full(np.shape(prompt), seed % 2**64, dtype=np.uint64))
    for part in (prompt, turn, position):
        x = _mixed(x ^ np.asarray(part).astype(np.uint64))
    return x


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


class Sample:
    """The K positions of smallest rank among those offered, with the logits of both models.

    Parameters
    ----------
    size : int
        K; zero keeps nothing.
    seed : int
    limit : uint64
        Positions of a larger rank are passed over: K smaller ones are known.
    """

    def __init__(self, size: int, seed: int, limit: np.uint64 = EVERY) -> None:
        self._size, self._seed, self._limit = size, seed, limit
        self._kept: dict[str, Any] = {}

    def offer(self, positions: Positions) -> None:
        """Take what is to be kept of a batch to the host."""
        if not self._size or not len(positions.prompt):
            return
        rank = ranks(positions.prompt, positions.turn, positions.position, self._seed)
        found = np.flatnonzero(rank <= self._limit)
        found = found[np.argsort(rank[found], kind="stable")[: self._size]]
        if not len(found):
            return
        keys = {name: getattr(positions, name)[found].astype(np.int64) for name in NAMES}
        rows = (positions.target, positions.draft)
        logits = {name: _compact(x, found) for name, x in zip(LOGITS, rows, strict=True)}
        self._kept = _smallest([self._kept, {**keys, **logits}], self._size, self._seed)
        if len(self._kept["prompt"]) == self._size:
            self._limit = min(self._limit, _ranks_of(self._kept, self._seed).max())

    def save(self, out: Path, block: int) -> None:
        """Write the part of a block, if it keeps anything."""
        if self._kept:
            _save(out / f"kept-{block:06d}.safetensors", self._kept)


def _compact(rows: torch.Tensor, chosen: NDArray[np.intp]) -> torch.Tensor:
    """Return rows on the host in half precision: as they are, or less their maximum."""
    import torch

    x = rows[torch.as_tensor(chosen, device=rows.device)]
    if x.dtype not in (torch.bfloat16, torch.float16):
        x = (x - x.amax(-1, keepdim=True)).to(torch.float16)
    return x.cpu()


def _smallest(parts: list[dict[str, Any]], size: int, seed: int) -> dict[str, Any]:
    """Return the positions of smallest rank among several dictionaries, by rank, each once."""
    import torch

    parts = [part for part in parts if part]
    keys = {name: np.concatenate([part[name] for part in parts]) for name in NAMES}
    order = np.unique(_ranks_of(keys, seed), return_index=True)[1][:size]
    chosen: dict[str, Any] = {name: x[order] for name, x in keys.items()}
    for name in LOGITS:
        chosen[name] = torch.cat([part[name] for part in parts])[torch.as_tensor(order)]
    return chosen


def _ranks_of(kept: dict[str, Any], seed: int) -> NDArray[np.uint64]:
    return ranks(kept["prompt"], kept["turn"], kept["position"], seed)


def files(out: Path) -> list[Path]:
    """Return the files that hold kept positions: of blocks, and of blocks put together."""
    return sorted(path for path in out.glob("kept*.safetensors") if FILE.fullmatch(path.name))


def limit(out: Path, size: int, seed: int) -> np.uint64:
    """Return the K-th smallest rank that the finished blocks hold, so that others keep less."""
    found = [_ranks_of(_load(path, NAMES), seed) for path in files(out)]
    rank = np.unique(np.concatenate(found)) if found else np.empty(0, np.uint64)
    return rank[size - 1] if 0 < size <= len(rank) else EVERY


def merge(out: Path, size: int, seed: int) -> int:
    """Put the blocks' files together in ``kept.safetensors``, by their keys; return how many positions.

    Killed in between, it is done again: the blocks' files go last, and a position counts once.
    """
    found = files(out)
    if not found:
        return 0
    kept = _smallest([_load(path, (*NAMES, *LOGITS)) for path in found], size, seed)
    order = np.lexsort([kept[name] for name in ("position", "turn", "prompt")])
    if found != [out / KEPT]:
        _save(out / KEPT, {name: x[order.copy()] for name, x in kept.items()})
    for path in found:
        if path.name != KEPT:
            path.unlink(missing_ok=True)
    return len(order)


def _save(path: Path, kept: dict[str, Any]) -> None:
    import torch
    from safetensors.torch import save

    tensors = {name: torch.as_tensor(x).contiguous() for name, x in kept.items()}
    write(path, save(tensors))


def _load(path: Path, names: tuple[str, ...]) -> dict[str, Any]:
    """Return tensors of a file, keys as arrays."""
    from safetensors import safe_open

    try:
        with safe_open(path, framework="pt") as file:
            found = {name: file.get_tensor(name) for name in names}
    except Exception as error:
        raise DataFileError(
            f"{path} cannot be read: {error}; remove it and its block's shard, and run mdsd capture again"
        ) from None
    return {name: x.numpy() if name in NAMES else x for name, x in found.items()}
