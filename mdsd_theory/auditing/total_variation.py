r"""A lower confidence bound on the total variation between the emitted law and p.

For any set A, TV ≥ P(Y ∈ A) − p(A). A is chosen from the tokens seen so far, those emitted too often; the
chance of it is then bounded below with fresh tokens, by Clopper and Pearson, so that the choice costs
nothing.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from mdsd_theory.arrays import Array
from mdsd_theory.auditing.instance import Instance
from mdsd_theory.auditing.rules import Rule
from mdsd_theory.auditing.trial import BATCH, Trial


@dataclass(frozen=True, eq=False)
class Fresh:
    """Tokens emitted after everything was decided, with their drafts.

    Attributes
    ----------
    drafts : array of int, shape (N, n)
    tokens : array of int, shape (N,)
    """

    drafts: Array
    tokens: Array

    @property
    def size(self) -> int:
        """N."""
        return len(self.tokens)


def emit_fresh(rule: Rule, instance: Instance, count: int, seed: object, deadline: float) -> Fresh:
    """Emit up to ``count`` tokens on an instance, at least one batch."""
    streams = np.random.SeedSequence(seed).spawn(2)  # type: ignore[arg-type]
    drafting, emitting = (np.random.default_rng(s) for s in streams)
    drafts, tokens, done = [], [], 0
    while done < count and (not done or time.perf_counter() < deadline):
        drawn = instance.drafted(min(BATCH, count - done), drafting)
        emitted = rule.emit(instance, drawn, emitting, deadline)
        drafts.append(drawn[: len(emitted)])
        tokens.append(emitted)
        done += len(emitted)
    return Fresh(np.concatenate(drafts), np.concatenate(tokens))


def over_emitted(counts: Array, p: Array) -> Array:
    """Return the mask (V,) of tokens seen more often than p and one standard deviation explain."""
    expected = counts.sum() * p
    mask = counts > expected + np.sqrt(expected * (1 - p))
    if not mask.any():
        mask[int(np.argmax(counts - expected))] = True
    return mask


def lower_bound(hits: int, count: int, expected: float, confidence: float) -> float:
    """Return the Clopper–Pearson lower limit for P(A), less p(A); not below zero.

    Examples
    --------
    >>> round(lower_bound(900, 1000, 0.5, 0.999), 3)
    0.367
    """
    from scipy.stats import beta

    if hits == 0:
        return 0.0
    limit = float(beta.ppf(1 - confidence, hits, count - hits + 1))
    return max(0.0, limit - expected)


def guess(trial: Trial) -> float:
    """Return a cautious plug-in value of the total variation, to rank the instances."""
    if trial.law is not None:
        return trial.law.total_variation
    counts = trial.evidence.counts
    total = int(counts.sum())
    if total == 0:
        return 0.0
    mask = over_emitted(counts, trial.instance.p)
    slack = math.sqrt((7 + 0.7 * int(mask.sum())) / (2 * total))
    return float(counts[mask].sum() / total - trial.instance.p[mask].sum() - slack)


def bound_of(trial: Trial, fresh: Fresh, confidence: float) -> float:
    """Return the lower bound for a trial from fresh tokens; exact where it was enumerated."""
    if trial.law is not None:
        return trial.law.total_variation
    mask = over_emitted(trial.evidence.counts, trial.instance.p)
    hits = int(mask[fresh.tokens].sum())
    return lower_bound(hits, fresh.size, float(trial.instance.p[mask].sum()), confidence)
