"""Draws of drafts for many nodes at once, with few kernels and without waiting for the device.

The same laws as the schemes' own ``sample``, for laws in float64 that are known to be laws. A draft that
q has no token left for is −1.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from mdsd_theory.errors import SupportError
from mdsd_theory.schemes import SCHEMES
from mdsd_theory.schemes.base import Scheme

Draw = Callable[[torch.Tensor, int, torch.Generator], torch.Tensor]


def draw(law: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return one token a row of (rows, V), by inverse transform; V where a row is no law."""
    sums = law.cumsum(-1)
    u = torch.rand(len(law), 1, dtype=law.dtype, device=law.device, generator=generator)
    return torch.searchsorted(sums, u * sums[:, -1:], right=True)[:, 0]


def draw_drafts(scheme: Scheme, q: torch.Tensor, n: int, generator: torch.Generator) -> torch.Tensor:
    """Return the drafts of each row.

    Parameters
    ----------
    scheme : Scheme
    q : tensor of float64, shape (rows, V)
    n : int
        Drafts a row.
    generator : torch.Generator

    Returns
    -------
    tensor of int64, shape (rows, n)
        In the order in which they are drawn; −1 where q has fewer tokens.
    """
    known = DRAWS.get(scheme.name) if scheme is SCHEMES.get(scheme.name) else None
    return _by_sample(scheme, q, n, generator) if known is None else known(q, n, generator)


def _with_replacement(q: torch.Tensor, n: int, generator: torch.Generator) -> torch.Tensor:
    sums = q.cumsum(-1)
    u = torch.rand(len(q), n, dtype=q.dtype, device=q.device, generator=generator)
    # A row that is no law gets its last token here; the verifier reports it.
    return torch.searchsorted(sums, u * sums[:, -1:], right=True).clamp_(max=q.shape[-1] - 1)


def _without_replacement(q: torch.Tensor, n: int, generator: torch.Generator) -> torch.Tensor:
    """Return the first n arrivals of a race of exponential clocks of rates q."""
    times = torch.empty_like(q).exponential_(generator=generator).div_(q)
    first = times.topk(min(n, q.shape[-1]), largest=False, sorted=True)
    return _padded(torch.where(first.values.isfinite(), first.indices, -1), n)


def _top_k(q: torch.Tensor, n: int, generator: torch.Generator | None = None) -> torch.Tensor:
    """Return the n largest, the lowest index first among ties."""
    rest, found = q.clone(), []
    for _ in range(min(n, q.shape[-1])):
        best = rest.max(-1, keepdim=True)
        found.append(torch.where(best.values > 0, best.indices, -1))
        rest.scatter_(-1, best.indices, -1.0)
    return _padded(torch.cat(found, -1), n)


def _greedy(q: torch.Tensor, n: int, generator: torch.Generator) -> torch.Tensor:
    """Return the n − 1 largest and one draw from the rest; where q has m < n tokens, m − 1 and one."""
    top = _top_k(q, n)
    if n > 1:
        rest = q.scatter(-1, top[:, :-1].clamp(min=0), 0.0)
        some = rest.sum(-1) > 0
        # A row with fewer than n tokens has had them all by now, in an order that says as much.
        top[:, -1] = torch.where(some, draw(rest, generator).clamp_(max=q.shape[-1] - 1), top[:, -1])
        return top
    return _with_replacement(q, 1, generator)


def _padded(drafts: torch.Tensor, n: int) -> torch.Tensor:
    missing = n - drafts.shape[-1]
    return torch.nn.functional.pad(drafts, (0, missing), value=-1) if missing else drafts


def _by_sample(scheme: Scheme, q: torch.Tensor, n: int, generator: torch.Generator) -> torch.Tensor:
    """Return drafts by the scheme's own ``sample``, fewer where q has too few tokens."""
    try:
        drafts: torch.Tensor = scheme.sample(q, n, generator)
        return drafts
    except SupportError:
        pass
    found = torch.full((len(q), n), -1, dtype=torch.int64, device=q.device)
    possible = (q > 0).sum(-1).clamp(max=n)
    for count in sorted(set(possible.tolist())):
        some = possible == count
        if count:  # a row that is no law has none: the verifier reports it
            found[some, :count] = scheme.sample(q[some], count, generator)
    return found


DRAWS: dict[str, Draw] = {
    "with_replacement": _with_replacement,
    "without_replacement": _without_replacement,
    "greedy": _greedy,
    "top_k": _top_k,
}
