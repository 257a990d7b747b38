"""The search for a refutation: every instance a little, then the suspicious ones more."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from mdsd_theory.auditing.instance import Instance
from mdsd_theory.auditing.rules import Rule
from mdsd_theory.auditing.trial import Trial

FIRST = 64
"""Tokens emitted on each instance before any gets more."""

FORCED = 96
"""Calls with a forced uniform number on each instance whose p has zeros."""

RARE = 25
"""How often a token must fail to come where it should, to be missed."""


@dataclass
class Search:
    """What was tried.

    Attributes
    ----------
    trials : list of Trial
        In the order in which they began.
    stopped : {"refuted", "enumerated", "samples", "budget"}
        Why the search ended.
    """

    trials: list[Trial]
    stopped: str

    @property
    def refuted(self) -> Trial | None:
        """The instance on which the verifier is not lossless, if one was found."""
        return next((trial for trial in self.trials if trial.refuted), None)

    @property
    def spent(self) -> int:
        """Tokens emitted, forced ones and enumerated branches left out."""
        return sum(trial.evidence.samples for trial in self.trials)


def search(
    rule: Rule,
    instances: list[Instance],
    *,
    samples: int,
    deadline: float,
    false_alarm: float,
    seed: int,
    exact: bool = False,
) -> Search:
    """Look for an instance on which the verifier is not lossless.

    Each of the K instances is refuted at log E ≥ log(K/δ), so that all of them together raise a false
    alarm with probability at most δ, whatever share of the samples each is given.
    """
    level = math.log(len(instances) / false_alarm)
    trials = [Trial(rule, x, level, [seed, k]) for k, x in enumerate(instances)]
    begun: list[Trial] = []
    for trial in trials:
        begun.append(trial)
        if not trial.enumerate(exact, deadline):
            trial.sample(min(FIRST, max(1, samples // len(trials))), deadline)
        if trial.refuted:
            return Search(begun, "refuted")
        if time.perf_counter() > deadline:
            return Search(begun, "budget")
    return Search(trials, _go_on([t for t in trials if t.law is None], samples, deadline))


def _go_on(trials: list[Trial], samples: int, deadline: float) -> str:
    """Force uniform numbers; then spend the rest, half by need, half on the instance of largest E."""
    for trial in trials:
        trial.force(FORCED if trial.instance.vocabulary <= 300 else FORCED // 4, deadline)
        if trial.refuted:
            return "refuted"
    left = samples - sum(trial.evidence.samples for trial in trials)
    needs = [_need(trial, samples) for trial in trials]
    while left > 0 and trials:
        # Short rounds first, so that what looks suspicious is soon looked at again.
        quantum = min(left, max((samples - left) // 8, 4 * len(trials)), max(samples // 20, 1))
        suspect = max(trials, key=lambda trial: trial.log_e)
        for trial, need in zip(trials, needs, strict=True):
            count = quantum * (need / sum(needs) + (trial is suspect)) / 2
            left -= trial.sample(min(max(round(count), 1), left), deadline)
            if trial.refuted:
                return "refuted"
            if time.perf_counter() > deadline:
                return "budget"
    return "samples" if trials else "enumerated"


def _need(trial: Trial, samples: int) -> float:
    """Return an instance's claim to tokens: more where all but one token of p are rare, in reason."""
    rest = 1 - float(trial.instance.p.max())
    if samples * rest < 2 * RARE:
        return 1.0
    return min(1 / rest, 8.0)
