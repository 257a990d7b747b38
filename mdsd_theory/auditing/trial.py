"""One instance under audit, and the evidence gathered on it."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from mdsd_theory.arrays import Array
from mdsd_theory.auditing.boundary import BoundaryGenerator
from mdsd_theory.auditing.e_process import EProcess
from mdsd_theory.auditing.enumeration import EnumeratedLaw, enumerate_law
from mdsd_theory.auditing.instance import Instance
from mdsd_theory.auditing.rules import Rule
from mdsd_theory.errors import SizeError

BATCH = 4096
"""Most tokens between two looks at the evidence."""

Emitted = tuple[tuple[int, ...], int]
"""Drafts and the token emitted for them."""


class Trial:
    """Evidence against one instance, by sampling, by forced uniforms or by enumeration.

    Attributes
    ----------
    instance : Instance
    level : float
        log E from which the instance counts as refuted.
    evidence : EProcess
    impossible, boundary : (drafts, token), or None
        A token of probability zero that was emitted: in a normal draw, or under a uniform of exactly 0.
    law : EnumeratedLaw or None
    notes : list of str
        What was seen but is no refutation.
    """

    def __init__(self, rule: Rule, instance: Instance, level: float, seed: Any) -> None:
        self.rule, self.instance, self.level = rule, instance, level
        self.evidence = EProcess(instance.p, instance.q)
        self.impossible: Emitted | None = None
        self.boundary: Emitted | None = None
        self.law: EnumeratedLaw | None = None
        self.log_e = 0.0
        self.notes: list[str] = []
        self._crossed = False
        streams = np.random.SeedSequence(seed).spawn(3)
        self._drafting, self._emitting = (np.random.default_rng(s) for s in streams[:2])
        self._forcing = BoundaryGenerator(streams[2])

    @property
    def refuted(self) -> bool:
        """Whether the verifier is not lossless on this instance."""
        enumerated = self.law is not None and self.law.refutes
        return self._crossed or self.boundary is not None or enumerated

    @property
    def how(self) -> str:
        """What refutes: "enumerated", "impossible token", "uniform of 0" or "frequencies"."""
        if self.law is not None:
            closed = self.law.total_variation == 0 and self.law.impossible is None
            return "uniform of 0" if closed else "enumerated"
        if self.impossible is not None:
            return "impossible token"
        return "uniform of 0" if self.boundary is not None else "frequencies"

    def sample(self, count: int, deadline: float) -> int:
        """Emit up to ``count`` tokens, looking at the evidence now and then; return how many."""
        done = 0
        while done < count and not self.refuted and time.perf_counter() < deadline:
            size = min(BATCH, count - done)
            drafts = self.instance.drafted(size, self._drafting)
            tokens = self.rule.emit(self.instance, drafts, self._emitting, deadline)
            done += len(tokens)
            self._look(drafts, tokens)
        return done

    def _look(self, drafts: Array, tokens: Array) -> None:
        self.evidence.add(tokens)
        wrong = np.flatnonzero(self.instance.p[tokens] == 0)
        if wrong.size and self.impossible is None:
            self.impossible = tuple(drafts[wrong[0]].tolist()), int(tokens[wrong[0]])
        self.log_e = self.evidence.log_e
        self._crossed = self._crossed or self.log_e >= self.level

    def force(self, calls: int, deadline: float) -> None:
        """Call with one uniform number forced to exactly 0, or to the largest below 1.

        A token of probability zero under a forced 0 refutes; no frequency is looked at. What happens
        under the largest number below 1 is the rounding of running sums: it is noted. So is a zero among
        V numbers or more: in a race between the tokens it is a tie, −log 0 = ∞, and no comparison.
        """
        if not (self.instance.p == 0).any():
            return
        drafts = self.instance.drafted(calls, self._drafting)
        for i in range(calls):
            if self.boundary is not None or time.perf_counter() > deadline:
                return
            turn, after = divmod(i, self.instance.n + 2)
            rounds, top = turn // 4, turn % 4 == 3
            self._forcing.arm(after, rounds if top else turn - rounds, top)
            self._forced(drafts[i : i + 1], deadline, top)

    def _forced(self, drafts: Array, deadline: float, top: bool) -> None:
        bound = "the largest number below 1" if top else "exactly 0"
        try:
            with np.errstate(all="ignore"), self._forcing.reaching_torch():
                tokens = self.rule.emit(self.instance, drafts, self._forcing, deadline)
        except Exception as error:
            if not self._forcing.forced:
                raise
            self._note(f"a uniform of {bound} makes it raise {type(error).__name__}: {error}")
            return
        if self._forcing.forced and self.instance.p[tokens[0]] == 0:
            if top or self._forcing.forced >= self.instance.vocabulary:
                self._note(f"a uniform of {bound} makes it emit a token of probability zero")
            else:
                self.boundary = tuple(drafts[0].tolist()), int(tokens[0])

    def _note(self, text: str) -> None:
        if not self.notes:
            self.notes.append(text)

    def enumerate(self, exact: bool, deadline: float) -> bool:
        """Enumerate every branch if they are few enough; tell whether that was done."""
        if self.rule.per_path is None:
            return False
        try:
            self.law = enumerate_law(self.rule.per_path, self.instance, exact, deadline)
        except SizeError:
            return False
        self.impossible, self.boundary = self.law.impossible, self.law.boundary
        if self.law.refutes:
            self.log_e = math.inf
        return True
