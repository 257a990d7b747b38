"""Which variant of a kernel reads a pair of tensors, and how rows are spread over blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from mdsd_theory.cuda.launching import Launcher, Source

BITS = {"float64": 64, "float32": 32, "float16": 16, "bfloat16": 16}
"""Width of each dtype that the kernels read."""

RESIDENT = 2
"""Blocks that run on a multiprocessor at a time."""

SMALLEST_CHUNK = 2048
"""Fewest tokens of a row that are worth a block of their own."""


@dataclass(frozen=True)
class Rows:
    """Target and draft as a kernel reads them: probabilities, or logits and a temperature.

    Attributes
    ----------
    p, q : tensor, shape (rows, V)
        Of one dtype; tokens of a row are neighbours, rows may be apart.
    temperature : float, or None
        T > 0 of logits; None for probabilities.
    scales : tensor of float32, shape (rows, 3), or None
        log₂e/T and the logarithms of both normalisers, which the first kernel writes for the others;
        None for probabilities.
    """

    p: Any
    q: Any
    temperature: float | None = None
    scales: Any = None

    @classmethod
    def of_logits(cls, target: Any, draft: Any, temperature: float) -> Rows:
        """Return logits with room for their scales."""
        import torch

        scales = torch.empty((target.shape[0], 3), dtype=torch.float32, device=target.device)
        return cls(target, draft, temperature, scales)

    @property
    def factor(self) -> np.float32:
        """What turns a logit into the logarithm to base two of a weight: log₂e/T."""
        return np.float32(0 if self.temperature is None else math.log2(math.e) / self.temperature)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return int(self.p.shape[0])

    @property
    def vocabulary(self) -> int:
        """V."""
        return int(self.p.shape[1])

    @property
    def dtype(self) -> str:
        """Name of the dtype."""
        return str(self.p.dtype).removeprefix("torch.")

    def source(self, file: str, **more: int) -> Source:
        """Return the variant of a source file that reads these rows, with macros of its own."""
        return Source(
            file,
            (
                ("INPUT_BITS", BITS[self.dtype]),
                ("BFLOAT16", int(self.dtype == "bfloat16")),
                ("LOGITS", int(self.temperature is not None)),
                ("ALIGNED", int(_aligned(self.p) and _aligned(self.q))),
                *more.items(),
            ),
        )

    @property
    def arguments(self) -> list[Any]:
        """What every kernel is passed first: both tensors and the steps from row to row."""
        return [self.p, self.q, np.int64(self.p.stride(0)), np.int64(self.q.stride(0))]


def _aligned(x: Any) -> bool:
    """Tell whether every row begins at a multiple of 16 bytes and of four elements, and holds as many."""
    group = max(4, 16 // x.element_size())
    rows_apart = x.shape[0] == 1 or x.stride(0) % group == 0
    return bool(x.data_ptr() % (group * x.element_size()) == 0 and rows_apart and x.shape[1] % group == 0)


def streamed(arrays: int, threads: int) -> int:
    """Return the bytes of shared memory of tokens on their way: see ``stream.cuh``."""
    return 64 * arrays * threads


def splits_of(launcher: Launcher, rows: Rows) -> int:
    """Return over how many blocks each row is spread: all multiprocessors are to have work to the end."""
    return _splits(RESIDENT * launcher.multiprocessors, rows.count, rows.vocabulary)


@lru_cache
def _splits(places: int, rows: int, vocabulary: int) -> int:
    """Return the number of parts with the least time: turns of all places, each turn a part long.

    A part also costs what it takes to clear and add up its buckets, as much as 1,024 tokens or so.
    """
    most = max(1, min(places, vocabulary // SMALLEST_CHUNK))

    def time(parts: int) -> float:
        return math.ceil(rows * parts / places) * (vocabulary / parts + 1024 * (1 if parts == 1 else 2))

    return min(range(1, most + 1), key=time)
