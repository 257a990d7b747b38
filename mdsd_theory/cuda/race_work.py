"""The kernels of the race without replacement: what they share, and how each is started."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from mdsd_theory.cuda.inputs import BITS, Rows, splits_of
from mdsd_theory.cuda.launching import Grid, Launcher, Source
from mdsd_theory.cuda.race_rule import LIGHTEST, Rule, rule

CELLS = 256
"""Buckets of a pass."""

SIZES = 2048
"""Buckets of the histogram of q."""

THREADS = 512

WORDS = 12
"""Eight-byte words of a row's record: see ``race_rows.cuh``."""

HEAVY_WORDS = 3


@dataclass(frozen=True)
class Work:
    """What the kernels write of each row, and the kernels in the order in which they run.

    Attributes
    ----------
    record : tensor, shape (rows, WORDS)
        See ``race_rows.cuh``.
    heavy : tensor, shape (rows, most, HEAVY_WORDS)
        Heavy tokens, in no order.
    sums : tensor, shape (rows, R + 1, CELLS)
        Of p and of the powers of q in each bucket, in fixed point.
    prefix, below : tensor, shape (rows, CELLS + 1, R + 1) and (rows, R + 1)
        The same over the prefixes at the edges, and below the first of them.
    edges : tensor of int32, shape (rows, CELLS + 1)
        Ranks between the buckets of a further pass.
    """

    launcher: Launcher
    rows: Rows
    n: int
    splits: int
    record: Any
    heavy: Any
    sums: Any
    prefix: Any
    below: Any
    edges: Any

    @classmethod
    def of(cls, launcher: Launcher, rows: Rows, n: int) -> Work:
        import torch

        device, sums = rows.p.device, rule(n).powers.shape[1] + 1

        def words(*shape: int) -> Any:
            return torch.empty((rows.count, *shape), dtype=torch.int64, device=device)

        def zeros(*shape: int) -> Any:
            return torch.zeros((rows.count, *shape), dtype=torch.int64, device=device)

        return cls(
            launcher,
            rows,
            n,
            splits_of(launcher, rows),
            zeros(WORDS),
            words(rule(n).heavy, HEAVY_WORDS),
            zeros(sums, CELLS),
            words(CELLS + 1, sums),
            zeros(sums),
            torch.empty((rows.count, CELLS + 1), dtype=torch.int32, device=device),
        )

    @property
    def rule(self) -> Rule:
        return rule(self.n)

    @property
    def powers(self) -> int:
        return int(self.rule.powers.shape[1])

    def measure_rest(self) -> None:
        import torch

        rows, chosen, partial = self.rows, self.rule, None
        if self.splits > 1:
            partial = torch.zeros((rows.count, SIZES), dtype=torch.int32, device=rows.p.device)
        sizes = map(np.int32, (rows.vocabulary, self.n, self.splits))
        numbers = map(np.float64, (chosen.step, chosen.earliest, chosen.last, LIGHTEST))
        arguments = [rows.q, np.int64(rows.q.stride(0)), rows.scales, self.record, partial]
        self._over_tokens("race_rest.cu", "race_rest", 0, [*arguments, *sizes, *numbers])

    def sum_buckets(self) -> None:
        sizes = map(np.int32, (self.rows.vocabulary, self.splits, self.powers, self.rule.heavy))
        arguments = [*self.rows.arguments, self.rows.scales, self.record, self.heavy, self.sums]
        self._over_tokens("race_sums.cu", "race_sums", self._shared, [*arguments, *sizes])

    def refine(self) -> None:
        sizes = map(np.int32, (self.rows.vocabulary, self.splits, self.powers))
        arguments = [*self.rows.arguments, self.rows.scales, self.record, self.edges, self.sums]
        self._over_tokens("race_sums.cu", "race_refine", self._shared, [*arguments, *sizes])

    def evaluate(self, tolerance: float, width: float, *, opening: bool) -> None:
        """Find the best edge; the kernel is compiled for each n."""
        chosen, bits = self.rule, max(32, BITS[self.rows.dtype])
        logits = int(self.rows.temperature is not None)
        reads = (("INPUT_BITS", bits), ("BFLOAT16", 0), ("LOGITS", logits), ("ALIGNED", 1))
        variant = Source("race_edges.cu", (*reads, ("DRAFTS", self.n), ("POWERS", self.powers)))
        arguments = [self.record, self.heavy, self.sums, self.prefix, self.below, self.edges]
        arguments += [np.int32(chosen.heavy), np.int32(opening)]
        arguments += map(np.float64, (tolerance, width, chosen.step, LIGHTEST))
        arguments += [_constants(self.n, self.rows.p.device), np.int32(chosen.left.size)]
        self.launcher.launch(variant, "race_edges", Grid(self.rows.count, CELLS), arguments)

    def write_subset(self, mask: Any) -> None:
        sizes = map(np.int32, (self.rows.vocabulary, self.splits))
        arguments = [*self.rows.arguments, self.rows.scales, self.record, mask, *sizes]
        self._over_tokens("race_sums.cu", "race_subset", 0, arguments)

    @property
    def _shared(self) -> int:
        return 8 * CELLS * (self.powers + 1)

    def _over_tokens(self, file: str, kernel: str, shared: int, arguments: list[Any]) -> None:
        grid = Grid(self.rows.count * self.splits, THREADS, shared)
        self.launcher.launch(self.rows.source(file), kernel, grid, arguments)


@lru_cache
def _constants(n: int, device: Any) -> Any:
    """Return the coefficients of both series, on the device."""
    import torch

    chosen = rule(n)
    return torch.tensor(np.concatenate([chosen.powers.ravel(), chosen.left]), device=device)
