"""From a search to a report: bound, shrunk counterexample, acceptance."""

from __future__ import annotations

import time
from itertools import count

from mdsd_theory.auditing.acceptance import measure_acceptance, natural
from mdsd_theory.auditing.counterexample import Counterexample, counterexample
from mdsd_theory.auditing.e_process import log_threshold
from mdsd_theory.auditing.instance import Instance
from mdsd_theory.auditing.options import Options
from mdsd_theory.auditing.report import LOSSLESS, NO_FAULT, NOT_LOSSLESS, AuditReport, Tried
from mdsd_theory.auditing.rules import Rule
from mdsd_theory.auditing.search import FORCED, Search
from mdsd_theory.auditing.selection import fit
from mdsd_theory.auditing.shrink import shrink
from mdsd_theory.auditing.total_variation import bound_of, emit_fresh, guess
from mdsd_theory.auditing.trial import Trial
from mdsd_theory.schemes.base import Scheme

FRESH = 20_000
"""Fresh tokens behind a bound on the total variation."""


def conclude(
    rule: Rule, found: Search, options: Options, scheme: Scheme, n: int, begun: float
) -> AuditReport:
    share = options.budget / 10
    refuted = found.refuted
    worst = max(found.trials, key=lambda trial: (guess(trial), trial.refuted))
    bound = _bound(rule, worst, options, 1, share)
    shown = None
    if refuted is not None:
        shown = _shrunk(rule, refuted, options, share)
        bound = max(bound, shown.total_variation)
    rates = measure_acceptance(
        rule, _natural(rule, scheme, n, options.exact), options.seed, time.perf_counter() + share
    )
    enumerated = found.stopped == "enumerated"
    return AuditReport(
        refuted=refuted is not None,
        verdict=NOT_LOSSLESS if refuted is not None else LOSSLESS if enumerated else NO_FAULT,
        total_variation=bound,
        counterexample=shown,
        acceptance=rates,
        instances=tuple(_tried(trial) for trial in found.trials),
        scheme=scheme.name,
        n=n,
        false_alarm=options.false_alarm,
        confidence=options.confidence,
        samples=found.spent,
        seconds=time.perf_counter() - begun,
        stopped=found.stopped,
        notes=tuple(dict.fromkeys(note for trial in found.trials for note in trial.notes)),
    )


def _bound(rule: Rule, trial: Trial, options: Options, key: int, seconds: float) -> float:
    """Return the lower confidence bound on a trial's total variation, from fresh tokens."""
    if trial.law is not None:
        return trial.law.total_variation
    seed, deadline = [options.seed, 10**7 + key], time.perf_counter() + seconds
    fresh = emit_fresh(rule, trial.instance, min(FRESH, options.samples), seed, deadline)
    # Half of the error for each of the two bounds of a report.
    return bound_of(trial, fresh, (1 + options.confidence) / 2)


def _shrunk(rule: Rule, trial: Trial, options: Options, seconds: float) -> Counterexample:
    """Return the smallest counterexample that was found, with fresh frequencies."""
    turns, end = count(1), time.perf_counter() + seconds
    limit = 4 * max(trial.evidence.samples, 250)

    def judge(candidate: Instance) -> Trial | None:
        k = next(turns)
        fitted = fit(rule, candidate, options.exact)
        if fitted is None:
            return None
        level = log_threshold(options.false_alarm / 2, k)
        again = Trial(rule, fitted, level, [options.seed, 10**8 + k])
        if again.enumerate(options.exact, end):
            return again if again.refuted else None
        if trial.how == "uniform of 0":
            again.force(2 * FORCED, end)
        else:
            again.sample(limit // 4, end)
            if again.log_e > again.level / 6:
                again.sample(limit, end)
        return again if again.refuted else None

    small = shrink(trial, judge, end)
    if small.law is not None:
        return counterexample(small, None, small.law.total_variation)
    seed, deadline = [options.seed, 10**7 + 2], time.perf_counter() + seconds
    fresh = emit_fresh(rule, small.instance, min(FRESH, options.samples), seed, deadline)
    return counterexample(small, fresh, bound_of(small, fresh, (1 + options.confidence) / 2))


def _natural(rule: Rule, scheme: Scheme, n: int, exact: bool) -> list[Instance]:
    fitted = [fit(rule, instance, exact) for instance in natural(scheme, n)]
    return [instance for instance in fitted if instance is not None]


def _tried(trial: Trial) -> Tried:
    return Tried(
        name=trial.instance.name,
        samples=trial.evidence.samples,
        log_e=trial.log_e,
        level=trial.level,
        enumerated=trial.law is not None,
    )
