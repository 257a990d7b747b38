"""Rows of a batch on several threads: the rows are independent, so the results do not depend on it."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

Part = TypeVar("Part")

WORTH = 2**18
"""Fewest tokens that a thread is started for: half a millisecond of work."""


def thread_limit() -> int:
    """Return how many threads the environment variable ``NUMBA_NUM_THREADS`` asks for; one without it.

    A reader that takes 2 ns a token soon waits for memory, and the cores may have other work: more than
    one thread is for the caller to ask for.
    """
    asked = os.environ.get("NUMBA_NUM_THREADS", "")
    return max(1, int(asked)) if asked.isdigit() else 1


def over_rows(
    work: Callable[[int, int], Part], rows: int, vocabulary: int, worth: int | None = None
) -> list[Part]:
    """Return ``work(start, stop)`` of parts of the rows, each part on a thread of its own.

    Parameters
    ----------
    work : callable
        Writes or returns what belongs to rows start … stop − 1, and lets go of the interpreter's lock.
    rows, vocabulary : int
    worth : int
        Fewest tokens that a thread is started for; :data:`WORTH` unless given.
    """
    parts = max(1, min(rows, thread_limit(), rows * vocabulary // (worth or WORTH)))
    if parts == 1:
        return [work(0, rows)]
    cuts = [rows * k // parts for k in range(parts + 1)]
    # Made anew, as threads do not survive a fork of the process.
    with ThreadPoolExecutor(parts - 1) as pool:
        rest = [pool.submit(work, a, b) for a, b in pairwise(cuts[1:])]
        return [work(0, cuts[1]), *(part.result() for part in rest)]
