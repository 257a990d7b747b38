"""Wrong verifiers, most of them found in published code: the audit must refute each.

The catalogue is :data:`MUTANTS`; the first line of each docstring says what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mdsd_theory.auditing import takes_logits
from tests.audit.correct import draw, k_seq, last_law, positive

TEMPERATURE = 0.7


def skips_duplicates(p, q, drafts, generator):
    """A draft that was rejected before is skipped without updating the residual."""
    seen = set()
    for x in drafts:
        if x in seen:
            continue
        if generator.random() < p[x] / q[x]:
            return x
        seen.add(x)
        p = positive(p - q)
    return draw(p, generator)


def siblings_not_updated(p, q, drafts, generator):
    """Siblings are tried against p and q that are not updated after a rejection."""
    for x in drafts:
        if generator.random() < p[x] / q[x]:
            return x
    return draw(positive(p - q), generator)


def residual_at_one_token(p, q, drafts, generator):
    """The residual subtracts q at the rejected token only."""
    for x in drafts:
        if generator.random() < p[x] / q[x]:
            return x
        p = p.copy()
        p[x] = max(p[x] - q[x], 0)
        p = positive(p)
    return draw(p, generator)


def top_token_outright(p, q, drafts, generator):
    """The top token is accepted outright when p > 1 − 1e−3."""
    if p.max() > 1 - 1e-3:
        return int(p.argmax())
    for x in drafts:
        if generator.random() < p[x] / q[x]:
            return x
        p = positive(p - q)
    return draw(p, generator)


def likely_draft_outright(p, q, drafts, generator):
    """A draft of p > 1 − 1e−3 is accepted outright, though q may be surer of it than p."""
    x = drafts[0]
    if p[x] > 1 - 1e-3 or generator.random() < p[x] / q[x]:
        return x
    return draw(positive(p - q), generator)


def guarded_residual(p, q, drafts, generator):
    """The residual is guarded by adding 1e−4, which emits tokens of probability zero."""
    for x in drafts:
        if generator.random() < p[x] / q[x]:
            return x
        p = np.maximum(p - q, 0) + 1e-4
        p /= p.sum()
    return draw(p, generator)


def residual_at_another_temperature(p, q, drafts, generator):
    """The residual is taken from the target at another temperature than it is sampled at."""
    x = drafts[0]
    if generator.random() < p[x] / q[x]:
        return x
    warm = p ** (1 / 0.8)
    return draw(positive(warm / warm.sum() - q), generator)


def accepts_at_zero(p, q, drafts, generator):
    """A uniform number of exactly 0 accepts a token of probability zero: u <= a for u < a."""
    for x in drafts:
        if generator.random() <= p[x] / q[x]:
            return x
        p = positive(p - q)
    return draw(p, generator)


def draft_not_renormalised(p, q, drafts, generator):
    """Drafts without replacement are verified with q not renormalised."""
    for x in drafts:
        if generator.random() < p[x] / q[x]:
            return x
        p = positive(p - q)
        q = np.where(np.arange(q.size) == x, 0, q)
    return draw(p, generator)


def gamma_too_small(p, q, drafts, generator):
    """K-SEQ with γ = 1, smaller than any residual allows."""
    return k_seq(p, q, drafts, generator, gamma=1.0)


def softmax(logits, temperature=1.0):
    weights = np.exp((logits - logits.max()) / temperature)
    return weights / weights.sum()


def bonus_not_warped(target_logits, draft_logits, drafts, generator):
    """The bonus token is drawn from the distribution before temperature."""
    if len(drafts) == 0:
        return draw(softmax(target_logits), generator)
    p, q = (softmax(x, TEMPERATURE) for x in (target_logits, draft_logits))
    for x in drafts:
        if generator.random() < p[x] / q[x]:
            return x
        p = positive(p - q)
    return draw(p, generator)


def greedy_subtracts_everywhere(p, q, drafts, generator):
    """Greedy verification whose residual forgets that the deterministic drafts were not drawn from q."""
    x = drafts[-1]
    if generator.random() < p[x] / last_law(q, len(drafts))[x]:
        return x
    return draw(positive(p - q), generator)


def greedy_never_the_top(p, q, drafts, generator):
    """Greedy verification whose residual never emits the deterministic drafts."""
    x, rest = drafts[-1], last_law(q, len(drafts))
    if generator.random() < p[x] / rest[x]:
        return x
    residual = np.maximum(p - rest, 0)
    residual[drafts[:-1]] = 0
    return draw(positive(residual if residual.sum() > 0 else p), generator)


def half_precision_race(q, n, generator, size):
    """Drafts by an exponential race whose uniform numbers are half precision."""
    u = generator.integers(0, 2**11, (size, q.size), dtype=np.uint16) * np.float32(2**-11)
    with np.errstate(divide="ignore"):
        arrival = -np.log(u) / q.astype(np.float32)
    first = np.argpartition(arrival, n, axis=1)[:, :n]
    return np.take_along_axis(first, np.take_along_axis(arrival, first, 1).argsort(1), 1)


@dataclass(frozen=True)
class Mutant:
    """A wrong verifier, the scheme it is for, and what the audit is told."""

    number: str
    verifier: Any
    scheme: str
    n: int = 3
    options: dict[str, Any] = field(default_factory=dict)
    function: Any = None

    @property
    def summary(self):
        """What is wrong, in one sentence."""
        return (self.function or self.verifier).__doc__


MUTANTS = {
    "skips duplicates": Mutant("1", skips_duplicates, "with_replacement"),
    "siblings not updated": Mutant("2", siblings_not_updated, "with_replacement"),
    "residual at one token": Mutant("3", residual_at_one_token, "with_replacement"),
    "top token outright": Mutant("4", top_token_outright, "with_replacement"),
    "likely draft outright": Mutant("4b", likely_draft_outright, "with_replacement", n=1),
    "guarded residual": Mutant("5", guarded_residual, "with_replacement"),
    "other temperature": Mutant("6", residual_at_another_temperature, "with_replacement", n=1),
    "accepts at zero": Mutant("7", accepts_at_zero, "with_replacement"),
    "draft not renormalised": Mutant("8", draft_not_renormalised, "without_replacement"),
    "gamma too small": Mutant("10", gamma_too_small, "with_replacement"),
    "bonus not warped": Mutant(
        "11",
        takes_logits(bonus_not_warped, temperature=TEMPERATURE),
        "with_replacement",
        options={"leaf": True},
        function=bonus_not_warped,
    ),
    "greedy subtracts everywhere": Mutant("12", greedy_subtracts_everywhere, "greedy"),
    "greedy never the top": Mutant("12b", greedy_never_the_top, "greedy"),
}
"""Name → mutant; number 9, a sampler of drafts, is :func:`half_precision_race`."""
