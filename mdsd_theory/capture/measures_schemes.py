"""Draft schemes as a question names them: a scheme, and what is cut off q before it draws.

``with_replacement@top100`` draws from the 100 likeliest tokens of q, renormalised, and
``with_replacement@p0.9`` from its nucleus, the fewest tokens that hold 0.9 of it. The target stays whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mdsd_theory.errors import InputError
from mdsd_theory.logits import from_logits
from mdsd_theory.schemes import SCHEMES, resolve_scheme, resolve_schemes
from mdsd_theory.schemes.base import Scheme

if TYPE_CHECKING:
    import torch

FORMS = "write 'with_replacement@top100' for the 100 likeliest tokens, '@p0.9' for the nucleus of 0.9"


@dataclass(frozen=True)
class Warp:
    """What drafts may be drawn from: the likeliest tokens, or the nucleus of a mass.

    Attributes
    ----------
    top_k : int, or None
        Exactly that many tokens, the lowest index first among ties.
    top_p : float, or None
        The fewest tokens, largest first, whose mass at the temperature reaches it.
    """

    top_k: int | None = None
    top_p: float | None = None

    @classmethod
    def named(cls, text: str) -> Warp:
        """Return the warp of ``top100`` or ``p0.9``.

        Examples
        --------
        >>> Warp.named("top100")
        Warp(top_k=100, top_p=None)
        """
        found = re.fullmatch(r"top([1-9]\d*)|p(0?\.\d+|1(?:\.0*)?)", text)
        if found is None or (found[2] and not float(found[2])):
            raise InputError(f"{text!r} says nothing of how q is cut; {FORMS}")
        return cls(int(found[1])) if found[1] else cls(top_p=float(found[2]))

    def keep(self, logits: torch.Tensor, temperature: float) -> torch.Tensor:
        """Return the logits, shape (rows, V), with −∞ for the tokens cut off."""
        import torch

        if self.top_k is not None:
            return logits.masked_fill(~_largest(logits, self.top_k), -math.inf)
        if self.top_p is None:
            return logits
        widened = logits.to(torch.float64)
        kept = from_logits(widened, temperature=temperature, top_p=self.top_p) > 0
        return logits.masked_fill(~kept, -math.inf)


def _largest(x: torch.Tensor, k: int) -> torch.Tensor:
    """Return the mask of the k largest entries of each row, the lowest index first among ties."""
    import torch

    if k >= x.shape[-1]:
        return torch.ones_like(x, dtype=torch.bool)
    least = torch.topk(x, k, dim=-1).values[:, -1:]
    above, level = x > least, x == least
    room = k - above.sum(-1, keepdim=True)
    return above | (level & (level.cumsum(-1) <= room))


@dataclass(frozen=True)
class AskedScheme:
    """A scheme under the name that rows carry.

    Attributes
    ----------
    name : str
    scheme : Scheme
    warp : Warp
    """

    name: str
    scheme: Scheme
    warp: Warp

    @classmethod
    def named(cls, name: str) -> AskedScheme:
        """Return the scheme and the warp of a name.

        Raises
        ------
        InputError
            For an unknown scheme or warp, or a scheme whose draft is not one distribution.

        Examples
        --------
        >>> AskedScheme.named("greedy@p0.9").warp
        Warp(top_k=None, top_p=0.9)
        """
        first, at, cut = name.partition("@")
        scheme = resolve_scheme(first)
        if scheme.draft != "single":
            able = ", ".join(x.name for x in SCHEMES.values() if x.draft == "single")
            raise InputError(
                f"scheme {first!r} takes more than one draft model; a capture has one: {able}"
            )
        return cls(name, scheme, Warp.named(cut) if at else Warp())

    def serves(self, n: int) -> bool:
        """Tell whether the scheme is defined for n drafts."""
        return self.scheme.drafts is None or n in self.scheme.drafts


def asked_schemes(names: Iterable[str]) -> list[AskedScheme]:
    """Return the schemes of the names, ``"all"`` standing for the four that compare.

    Raises
    ------
    InputError
        For a name that is unknown or twice there, or none at all.

    Examples
    --------
    >>> [x.name for x in asked_schemes(["all", "with_replacement@top100"])]
    ['with_replacement', 'without_replacement', 'greedy', 'top_k', 'with_replacement@top100']
    """
    spelt = [x for name in names for x in (_all_schemes() if name == "all" else [name])]
    if not spelt or len(set(spelt)) < len(spelt):
        raise InputError(
            f"schemes are {', '.join(spelt) or 'none'}; expected at least one, and none of them twice"
        )
    return [AskedScheme.named(name) for name in spelt]


def _all_schemes() -> list[str]:
    return [scheme.name for scheme in resolve_schemes("all")]
