"""What verifiers emit at many nodes at once, with few kernels and without waiting for the device.

A rule that tries drafts in turn is said by the chance that each is accepted, given that those before it
were not, and by the law of what is emitted when none is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from mdsd_theory.schemes.base import Scheme
from mdsd_theory.tree.decoding.drawing import draw
from mdsd_theory.verifiers.base import Verifier


class Trial(NamedTuple):
    """How drafts are verified.

    Attributes
    ----------
    accept : tensor, shape (rows, n)
        Chance of each draft, given that no draft tried before it is accepted.
    otherwise : tensor, shape (rows, V)
        Law of the token if none is, up to a factor.
    """

    accept: torch.Tensor
    otherwise: torch.Tensor


Rule = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], Trial]


def emit(
    verifier: Verifier,
    scheme: Scheme,
    p: torch.Tensor,
    q: torch.Tensor,
    drafts: torch.Tensor,
    generator: torch.Generator,
) -> torch.Tensor:
    """Return one token a row.

    Parameters
    ----------
    verifier : Verifier
    scheme : Scheme
    p, q : tensor of float64, shape (rows, V)
    drafts : tensor of int64, shape (rows, n)
    generator : torch.Generator

    Returns
    -------
    tensor of int64, shape (rows,)
        V where p is no law.
    """
    rule = trial_of(verifier, scheme)
    if rule is None:
        plan: Any = verifier.plan(p, q, drafts.shape[-1], scheme=scheme)
        found: torch.Tensor = plan.sample(drafts, generator).token
        return found
    trial = rule(p, q, drafts)
    u = torch.rand(drafts.shape, dtype=p.dtype, device=p.device, generator=generator)
    accepted = u < trial.accept
    first = accepted.int().argmax(-1, keepdim=True)
    other = draw(trial.otherwise, generator)
    taken = torch.where(accepted.any(-1), drafts.gather(-1, first)[:, 0], other)
    return torch.where(p.sum(-1).isfinite(), taken, p.shape[-1])


def trial_of(verifier: Verifier, scheme: Scheme) -> Rule | None:
    """Return the rule of a verifier for the drafts of a scheme; None for one that needs a plan."""
    if verifier.name == "naive" or (verifier.name, scheme.name) == ("optimal", "top_k"):
        return _naive
    if scheme.name == "greedy" and verifier.name in ("greedy", "optimal"):
        return _greedy
    return {"rrs": _rrs, "rrs_without_replacement": _rrs_without_replacement}.get(verifier.name)


def _naive(p: torch.Tensor, q: torch.Tensor, drafts: torch.Tensor) -> Trial:
    return Trial(p.new_zeros(drafts.shape), p)


def _greedy(p: torch.Tensor, q: torch.Tensor, drafts: torch.Tensor) -> Trial:
    rest = _normalised(q.scatter(-1, drafts[:, :-1], 0.0))
    last = drafts[:, -1:]
    accept = p.new_zeros(drafts.shape)
    accept[:, -1:] = p.gather(-1, last) / rest.gather(-1, last)
    return Trial(accept, (p - rest).clamp_(min=0.0))


def _rrs(p: torch.Tensor, q: torch.Tensor, drafts: torch.Tensor) -> Trial:
    return _recursive(p, q, drafts, replacement=True)


def _rrs_without_replacement(p: torch.Tensor, q: torch.Tensor, drafts: torch.Tensor) -> Trial:
    return _recursive(p, q, drafts, replacement=False)


def _recursive(p: torch.Tensor, q: torch.Tensor, drafts: torch.Tensor, *, replacement: bool) -> Trial:
    left, accept = p, []
    for k in range(drafts.shape[-1]):
        x = drafts[:, k : k + 1]
        accept.append(left.gather(-1, x) / q.gather(-1, x))
        excess = (left - q).clamp_(min=0.0)
        total = excess.sum(-1, keepdim=True)
        # Where nothing is left every draft is accepted but for rounding; what is emitted then has law p.
        left = torch.where(total > 0, excess / total, left)
        if not replacement:
            q = _normalised(q.scatter(-1, x, 0.0))
    return Trial(torch.cat(accept, -1), left)


def _normalised(x: torch.Tensor) -> torch.Tensor:
    return x / x.sum(-1, keepdim=True)
