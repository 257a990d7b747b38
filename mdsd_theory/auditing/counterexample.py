"""What a refutation is shown by: p, q, drafts, the emitted law and the expected one."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from mdsd_theory.arrays import Array
from mdsd_theory.auditing.enumeration import EnumeratedLaw
from mdsd_theory.auditing.shrink import denominator
from mdsd_theory.auditing.total_variation import Fresh, over_emitted
from mdsd_theory.auditing.trial import Trial


@dataclass(frozen=True, eq=False)
class Counterexample:
    """The smallest instance found on which the verifier does not emit p.

    Attributes
    ----------
    kind : str
        What is awkward about the instance.
    how : str
        ``"frequencies"``, ``"impossible token"``, ``"uniform of 0"`` or ``"enumerated"``.
    p : list of float, shape (V,)
        The expected law of the emitted token.
    q : list of float, or what the draft scheme takes
    drafts : tuple of int
        The very drafts for which a token of probability zero came; else the tuple that adds most to
        what is emitted too often.
    token : int or None
        The token of probability zero.
    emitted : list of float, shape (V,)
        Its law as emitted: frequencies among ``samples`` fresh tokens, or exact.
    given_drafts : list of float, shape (V,)
        The same given ``drafts``; empty where these drafts did not come again.
    samples : int or None
        Number of fresh tokens; None where the law is exact.
    log_e : float
        Evidence on this instance alone: log of a likelihood ratio (∞ for an impossible token).
    total_variation : float
        Lower confidence bound on this instance, exact where the law is.
    """

    kind: str
    how: str
    p: list[float]
    q: Any
    drafts: tuple[int, ...]
    token: int | None
    emitted: list[float]
    given_drafts: list[float]
    samples: int | None
    log_e: float
    total_variation: float

    @property
    def expected(self) -> list[float]:
        """The law that the token should have: p."""
        return self.p

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, lists and strings."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        fields["q"] = [[list(x), w] for x, w in self.q.items()] if isinstance(self.q, dict) else self.q
        fields["log_e"] = self.log_e if np.isfinite(self.log_e) else None
        return fields | {"expected": self.p, "drafts": list(self.drafts)}


def counterexample(trial: Trial, fresh: Fresh | None, bound: float) -> Counterexample:
    """Return what a refuting trial shows, with frequencies from fresh tokens."""
    instance, emission = trial.instance, trial.impossible or trial.boundary
    drafts, token = emission or (None, None)
    if trial.law is not None:
        drafts = drafts or _heaviest_exact(trial.law)
        emitted, given = [float(x) for x in trial.law.law], _given_exact(trial.law, drafts)
    else:
        assert fresh is not None
        mask = over_emitted(trial.evidence.counts, instance.p)
        drafts = drafts if drafts is not None else _heaviest(fresh, mask, float(instance.p[mask].sum()))
        emitted = _frequencies(fresh.tokens, instance.vocabulary)
        chosen = fresh.tokens[(fresh.drafts == np.array(drafts, dtype=np.int64)).all(axis=1)]
        given = _frequencies(chosen, instance.vocabulary)
    return Counterexample(
        kind=instance.name,
        how=trial.how,
        p=instance.p.tolist(),
        q=_plain(instance.q),
        drafts=drafts,
        token=token,
        emitted=emitted,
        given_drafts=given,
        samples=None if fresh is None or trial.law is not None else fresh.size,
        log_e=trial.log_e,
        total_variation=bound,
    )


def _heaviest(fresh: Fresh, mask: Array, expected: float) -> tuple[int, ...]:
    """Return the tuple of drafts that adds most to P(Y ∈ A) − p(A)."""
    tuples, place = np.unique(fresh.drafts, axis=0, return_inverse=True)
    excess = np.bincount(place.ravel(), mask[fresh.tokens] - expected, minlength=len(tuples))
    return tuple(tuples[int(np.argmax(excess))].tolist())


def _heaviest_exact(law: EnumeratedLaw) -> tuple[int, ...]:
    over = [i for i, (a, b) in enumerate(zip(law.law, law.target, strict=True)) if a > b]
    expected = sum((law.target[i] for i in over), start=Fraction(0))
    return max(law.given, key=lambda x: sum(law.given[x][i] for i in over) - sum(law.given[x]) * expected)


def _given_exact(law: EnumeratedLaw, drafts: tuple[int, ...]) -> list[float]:
    total = sum(law.given[drafts], start=Fraction(0))
    return [float(x / total) for x in law.given[drafts]] if total else []


def _frequencies(tokens: Array, vocabulary: int) -> list[float]:
    if len(tokens) == 0:
        return []
    return [float(x) for x in np.bincount(tokens, minlength=vocabulary) / len(tokens)]


def _plain(q: Any) -> Any:
    if isinstance(q, list):
        return [x.tolist() for x in q]
    return q if isinstance(q, dict) else q.tolist()


def shown(x: list[float]) -> list[str]:
    """Return probabilities as fractions where all have one small denominator, else as decimals.

    Examples
    --------
    >>> shown([0.5, 0.25, 0.25]), shown([0.123456789, 0.876543211])
    (['1/2', '1/4', '1/4'], ['0.123457', '0.876543'])
    """
    d = denominator(np.array(x))
    if d <= 1000:
        return [str(Fraction(round(value * d), d)) for value in x]
    return [f"{value:.6g}" for value in x]
