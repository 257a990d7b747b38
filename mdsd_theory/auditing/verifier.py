"""The audit of a verifier: is the emitted token's law p?"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from mdsd_theory.auditing.conclusion import conclude
from mdsd_theory.auditing.options import checked_options
from mdsd_theory.auditing.report import AuditReport
from mdsd_theory.auditing.rules import rule_of
from mdsd_theory.auditing.search import search
from mdsd_theory.auditing.selection import select
from mdsd_theory.errors import InputError
from mdsd_theory.schemes import resolve_scheme
from mdsd_theory.schemes.base import Scheme
from mdsd_theory.schemes.checks import check_n


def audit(
    verifier: Any,
    *,
    scheme: str | Scheme,
    n: int = 3,
    samples: int = 400_000,
    budget: float = 40.0,
    seed: int = 0,
    false_alarm: float = 1e-6,
    confidence: float = 0.999,
    leaf: bool = False,
    exact: bool = False,
    instances: Iterable[tuple[Any, Any]] | None = None,
) -> AuditReport:
    """Test whether a verifier is lossless: whether the token that it emits has law p exactly.

    Parameters
    ----------
    verifier : callable, str or Verifier
        ``(p, q, drafts, generator) -> token`` with 1-D float64 arrays p and q, an int64 array of n
        drafts in the order drawn, and a ``numpy.random.Generator``. For torch functions and functions
        of logits see :mod:`mdsd_theory.auditing.adapters`. A callable with a parameter ``uniforms`` is
        given a source of randomness there, and in place of the generator (``random()`` or ``next``, to be
        compared; ``choice(V, p=weights)``; ``index(weights)``), and is enumerated: its law is found
        exactly, not sampled. A name in :data:`mdsd_theory.VERIFIERS` or a Verifier object is audited
        through its sampler.
    scheme : str or Scheme
        How the drafts are drawn. q is what the scheme takes: n arrays for ``independent``, a dict for
        ``joint``.
    n : int
        Number of drafts.
    samples : int
        Tokens emitted in the search: the effort, reproducible for a seed.
    budget : float
        Seconds after which the audit winds up, whatever is left of ``samples``.
    seed : int
        Of instances, drafts and generators.
    false_alarm : float
        Largest chance that a lossless verifier is refuted, over all instances and all looks.
    confidence : float
        Of the lower bounds on total variation.
    leaf : bool
        Also call with no drafts, as at the leaf of a tree: this bonus token must have law p too. Set it
        for a verifier that also draws bonus tokens; the others may fail without drafts.
    exact : bool
        Give p and q as arrays of Fraction, and ask for equality of the enumerated law; needs
        ``uniforms``.
    instances : iterable of (p, q), optional
        Your own, tried first.

    Returns
    -------
    AuditReport
        With the verdict, a bound on the total variation, the smallest counterexample found, acceptance
        beside α* and the known rules, and the instances tried.

    Raises
    ------
    InputError, InputTypeError
        For options out of range, or a verifier that returns something else than a token. What the
        verifier itself raises passes through, with a note that names the instance.

    Notes
    -----
    A sequential test by e-processes (:mod:`mdsd_theory.auditing.e_process`; Ville 1939; Ramdas, Grünwald,
    Vovk and Shafer 2023, arXiv 2210.01948): the false-alarm rate holds however many instances there are
    and whenever the search stops. "No fault found" is no proof: a total variation of ε takes about 20/ε
    tokens on the right instance, or 10/ε² where no token is impossible or nearly so.

    Examples
    --------
    >>> import mdsd_theory as mdsd
    >>> def first_draft(p, q, drafts, generator):
    ...     return drafts[0]
    >>> report = mdsd.audit(first_draft, scheme="with_replacement", n=2)
    >>> report.refuted, report.verdict
    (True, 'not lossless')
    """
    begun = time.perf_counter()
    chosen, n, rule = resolve_scheme(scheme), check_n(n), rule_of(verifier)
    options = checked_options(samples, budget, seed, false_alarm, confidence, exact)
    if exact and rule.per_path is None:
        raise InputError("exact=True needs a callable with a parameter 'uniforms', to be enumerated")
    tried = select(rule, chosen, n, options, leaf, instances)
    found = search(
        rule,
        tried,
        samples=options.samples,
        deadline=begun + 0.7 * budget,
        false_alarm=false_alarm / 2,
        seed=options.seed,
        exact=exact,
    )
    return conclude(rule, found, options, chosen, n, begun)
