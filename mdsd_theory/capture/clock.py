"""Seconds by stage, on a device that runs behind the program."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

STAGES = ("generation", "scoring", "measures", "output")


class Clock:
    """Adds up seconds by stage and waits for the device only when it is read.

    On CUDA each stage is enclosed by two events of the stream, so that work that is still queued
    counts for the stage that queued it and not for the one that first waits.

    Parameters
    ----------
    cuda : bool
    """

    def __init__(self, cuda: bool = False) -> None:
        self._cuda = cuda
        self._spans: dict[str, list[tuple[Any, Any]]] = defaultdict(list)

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Count the time inside for a stage."""
        start = self._now()
        try:
            yield
        finally:
            self._spans[stage].append((start, self._now()))

    def seconds(self) -> dict[str, float]:
        """Return the seconds of every stage so far."""
        if self._cuda:
            import torch

            torch.cuda.synchronize()
        return {name: sum(self._between(*span) for span in self._spans[name]) for name in STAGES}

    def _now(self) -> Any:
        if not self._cuda:
            return time.perf_counter()
        import torch

        event: Any = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def _between(self, start: Any, end: Any) -> float:
        return float(start.elapsed_time(end) / 1e3 if self._cuda else end - start)
