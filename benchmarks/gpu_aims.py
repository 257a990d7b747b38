"""The aims for the GPU, the files of times that they are read off, and what bytes alone would take."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

BANDWIDTH = 3.0e12
"""Bytes a second of the device of the aims."""

VOCABULARY, ROWS = 151_936, 256


class Time(NamedTuple):
    """One figure; NaN where it could not be taken.

    Attributes
    ----------
    rows : int
        B.
    what : str
    plain, replayed : float
        Microseconds of a call, and of the same kernels replayed from a CUDA graph.
    memory : float
        Peak beside the inputs, in tensors of float32 of shape (B, V).
    """

    rows: int
    what: str
    plain: float
    replayed: float
    memory: float


class Aim(NamedTuple):
    """At most so many times another call, both replayed."""

    what: str
    call: str
    unit: str
    rows: int
    most: float


READ, READ_LOGITS, SOFTMAX = "read float32", "read bfloat16", "torch.softmax"
BOUNDS, BUCKETS = "cuda_bounds", "cuda_buckets"
LOGITS = "cuda_bounds, bfloat16 logits"
RACE = "without replacement"
PLAN, EMIT = "iid plan", "iid plan + sample"

AIMS = (
    Aim("with replacement, enclosure", BOUNDS, READ, 256, 1.5),
    Aim("the same, exact value and subset", BUCKETS, READ, 256, 2.5),
    Aim("enclosure from bf16 logits with temperature", LOGITS, READ_LOGITS, 256, 2.0),
    Aim("exact value and subset", BUCKETS, SOFTMAX, 1, 2.0),
    Aim("exact value and subset", BUCKETS, SOFTMAX, 16, 2.0),
    Aim("enclosure", BOUNDS, SOFTMAX, 1, 2.0),
    Aim("enclosure", BOUNDS, SOFTMAX, 16, 2.0),
    Aim("without replacement, n = 3, error ≤ 1e-6", RACE, BUCKETS, 256, 10.0),
    Aim("optimal verifier, plan + sample", EMIT, BUCKETS, 256, 10.0),
)


class Traffic(NamedTuple):
    """Device memory that a call moves, by counting its loads and stores.

    Attributes
    ----------
    what, traffic : str
    pairs : float
        In units of p and q once, float32: 8 bytes a token.
    """

    what: str
    traffic: str
    pairs: float


TRAFFIC = (
    Traffic(READ, "p and q once", 1.0),
    Traffic(BOUNDS, "p and q once", 1.0),
    Traffic(BUCKETS, "p and q once; a byte a token written, read, written", 1.375),
    Traffic(LOGITS, "both twice (2 bytes)", 1.0),
    Traffic(RACE, "q once, p and q twice", 2.5),
    Traffic(EMIT, "p and q once, and again of rows with a rejected pick", 2.0),
)


def milliseconds(pairs: float) -> float:
    """Return what the traffic takes at :data:`BANDWIDTH`, B = 256, V = 151,936."""
    return 1e3 * pairs * 8 * ROWS * VOCABULARY / BANDWIDTH


def verdict(aim: Aim, times: Sequence[Time]) -> list[str]:
    """Return the aim's line: what, B, ms, unit, ratio, aim, met; replayed from a graph."""
    found = {(x.rows, x.what): x.replayed for x in times}
    own, unit = (found.get((aim.rows, name), math.nan) for name in (aim.call, aim.unit))
    ratio = own / unit
    met = "not measured" if math.isnan(ratio) else "yes" if ratio <= aim.most else "no"
    middle = [f"{own / 1000:.4f}", aim.unit, f"{ratio:.2f}"]
    return [aim.what, str(aim.rows), *middle, f"≤ {aim.most:g}", met]


def write_times(times: Iterable[Time], path: Path) -> None:
    """Write a line for each figure."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Time._fields)
        writer.writerows([x.rows, x.what, *(f"{y:.5g}" for y in x[2:])] for x in times)


def read_times(path: Path) -> list[Time]:
    """Return what :func:`write_times` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Time(int(x["rows"]), x["what"], *(float(x[k]) for k in ("plain", "replayed", "memory")))
            for x in csv.DictReader(file)
        ]
