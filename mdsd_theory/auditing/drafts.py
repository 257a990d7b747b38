"""The audit of a draft sampler: is the q that the verifier is told the q that was sampled?"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from mdsd_theory.arrays import Array, host
from mdsd_theory.auditing.draft_report import Cell, DraftAuditReport
from mdsd_theory.auditing.draft_test import DraftTest
from mdsd_theory.auditing.options import check_share
from mdsd_theory.auditing.rules import takes
from mdsd_theory.errors import InputError, InputTypeError
from mdsd_theory.schemes import resolve_scheme
from mdsd_theory.schemes.base import Scheme
from mdsd_theory.schemes.checks import check_n, whole

LARGEST = 8192
"""Most tuples in a batch."""

BLOCK = 2**23
"""Most tuples times V in a batch: a sampler may hold an array of that size."""

FRESH = 20_000
"""Fresh tuples behind the bound on the total variation."""


def audit_drafts(
    sampler: Any,
    q: Any,
    scheme: str | Scheme = "without_replacement",
    n: int = 3,
    *,
    samples: int = 200_000,
    budget: float = 20.0,
    seed: int = 0,
    false_alarm: float = 1e-6,
    confidence: float = 0.999,
) -> DraftAuditReport:
    """Test whether drafts are drawn as a scheme says from this q.

    Parameters
    ----------
    sampler : callable, str or Scheme
        ``(q, n, generator) -> n tokens`` with a ``numpy.random.Generator``; with a parameter ``size`` it
        is asked for an array (size, n). A scheme, or its name, is audited through its own sampler.
    q : array-like, shape (V,), or what the scheme takes
        The law that the verifier is told.
    scheme : str or Scheme
        How the drafts should be drawn.
    n : int
        Number of drafts.
    samples : int
        Tuples of drafts.
    budget : float
        Seconds after which the audit winds up.
    seed : int
        Of the generator.
    false_alarm : float
        Largest chance that a correct sampler is refuted.
    confidence : float
        Of the lower bound on the total variation.

    Returns
    -------
    DraftAuditReport

    Raises
    ------
    InputError, InputTypeError, SupportError
        For q that is no distribution, options out of range, or a sampler that returns something else than
        tokens.

    Notes
    -----
    Each draft is tested against its law given the earlier ones, in cells by the rank of q
    (:mod:`mdsd_theory.auditing.drafted_steps`): a fault inside a cell of like tokens is not seen. Drafts
    that the scheme fixes are compared as a set. Joint laws, SpecHub's and your own schemes are tested
    over whole tuples, or sets beyond V = 1,000.

    Examples
    --------
    >>> import mdsd_theory as mdsd
    >>> def with_repeats(q, n, generator, size):
    ...     return generator.choice(len(q), (size, n), p=q)
    >>> mdsd.audit_drafts(with_repeats, [0.5, 0.3, 0.2], "with_replacement", 2).verdict
    'no fault found'
    >>> mdsd.audit_drafts(with_repeats, [0.5, 0.3, 0.2], "without_replacement", 2).fault
    'token 0 was drafted twice'
    """
    begun, chosen, n = time.perf_counter(), resolve_scheme(scheme), check_n(n)
    whole(samples, "samples", 1, "the number of tuples to draw")
    whole(seed, "seed", 0, "a seed")
    for name, x in (("false_alarm", false_alarm), ("confidence", confidence)):
        check_share(x, name)
    test = DraftTest(chosen, q, n, false_alarm)
    draw = _drawer(sampler, test, np.random.default_rng(seed))
    stopped = _search(test, draw, samples, begun + 0.75 * budget)
    fresh = _fresh(draw, test, samples, time.perf_counter() + 0.2 * budget)
    bound = test.bound(fresh, confidence)
    return DraftAuditReport(
        refuted=test.refuted,
        verdict="drafts are not as told" if test.refuted else "no fault found",
        fault=test.fault,
        drafts=test.drafts,
        total_variation=bound,
        cells=tuple(Cell(*row) for row in test.table()),
        scheme=chosen.name,
        n=test.n,
        false_alarm=false_alarm,
        confidence=confidence,
        log_e=test.log_e,
        samples=test.samples,
        seconds=time.perf_counter() - begun,
        stopped=stopped,
    )


Drawer = Callable[[int, float], Array]


def _search(test: DraftTest, draw: Drawer, samples: int, deadline: float) -> str:
    """Draw in growing batches until something is refuted."""
    size, largest = 128, max(16, min(LARGEST, BLOCK // test.vocabulary))
    while test.samples < samples:
        test.add(draw(min(size, largest, samples - test.samples), deadline))
        if test.refuted:
            return "refuted"
        if time.perf_counter() > deadline:
            return "budget"
        size *= 2
    return "samples"


def _fresh(draw: Drawer, test: DraftTest, samples: int, deadline: float) -> Array:
    """Return fresh tuples, one batch at least."""
    wanted, largest = min(FRESH, samples), max(16, min(LARGEST, BLOCK // test.vocabulary))
    parts: list[Array] = []
    done = 0
    while done < wanted and (not parts or time.perf_counter() < deadline):
        parts.append(draw(min(largest, wanted - done), deadline))
        done += len(parts[-1])
    return np.concatenate(parts)


def _drawer(sampler: Any, test: DraftTest, generator: np.random.Generator) -> Drawer:
    """Return a function of a size that calls the sampler and checks what it returns."""
    if isinstance(sampler, str | Scheme):
        sampler = resolve_scheme(sampler).sample
    if not callable(sampler):
        raise InputTypeError(
            f"sampler is of type {type(sampler).__name__}; expected a callable "
            "(q, n, generator) -> tokens, or a scheme"
        )
    batched, n = takes(sampler, "size"), test.n

    def draw(size: int, deadline: float) -> Array:
        if batched:
            return _checked(sampler(test.given(), n, generator, size=size), (size, n), test.vocabulary)
        rows: list[Array] = []
        while len(rows) < size and (not rows or time.perf_counter() < deadline):
            rows.append(_checked(sampler(test.given(), n, generator), (n,), test.vocabulary))
        return np.stack(rows)

    return draw


def _checked(drafts: Any, shape: tuple[int, ...], vocabulary: int) -> Array:
    found = np.asarray(host(drafts))
    if found.shape != shape or found.dtype.kind not in "iu":
        raise InputTypeError(
            f"the sampler returned {type(drafts).__name__} of shape {found.shape} and dtype "
            f"{found.dtype}; expected token indices of shape {shape}"
        )
    if found.size and not (found.min() >= 0 and found.max() < vocabulary):
        wrong = found[(found < 0) | (found >= vocabulary)][0]
        raise InputError(f"the sampler returned the token {wrong}; expected 0 to {vocabulary - 1}")
    return found.astype(np.int64)
