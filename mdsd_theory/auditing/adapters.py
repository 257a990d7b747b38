"""Adapters: functions of logits, and batched torch functions, as something that can be audited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mdsd_theory.arrays import Array, host, quiet
from mdsd_theory.auditing.instance import Instance, normalised, over_drafters
from mdsd_theory.auditing.rules import PerPath, Rule, rule_of
from mdsd_theory.errors import InputError, InputTypeError, MissingDependencyError
from mdsd_theory.logits import from_logits

BLOCK = 2**20
"""Most probabilities given to a batched function at once."""


class Warping:
    """How logits become probabilities: temperature, top-k, top-p."""

    def __init__(self, temperature: float, top_k: int | None, top_p: float | None) -> None:
        self.options: dict[str, Any] = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        from_logits(np.zeros(2), **self.options)
        if temperature == 0:
            raise InputError("temperature is 0; audit the sampler at a temperature > 0")

    def logits(self, p: Array) -> Array:
        """Return T·log p, −∞ where p = 0."""
        with quiet():
            return self.options["temperature"] * np.log(p)

    def law(self, logits: Array) -> Array:
        """Return the law that logits stand for, float64."""
        return normalised(from_logits(np.asarray(logits, dtype=np.float64), **self.options))


class OfLogits(Rule):
    """A rule whose callable is given logits; p and q are what the warping makes of them."""

    def __init__(self, inner: Rule, warping: Warping) -> None:
        self.inner, self.warping = inner, warping

    @property
    def per_path(self) -> PerPath | None:
        """The callable whose branches can be listed, if it is one."""
        return self.inner.per_path

    def fitted(self, instance: Instance) -> Instance:
        """Return the instance with logits as arguments, and the warped laws."""
        given = self.warping.logits(instance.p), _on(instance, self.warping.logits)
        return replace(
            instance, p=self.warping.law(given[0]), q=_on(instance, self._warped), arguments=given
        )

    def _warped(self, p: Array) -> Array:
        return self.warping.law(self.warping.logits(p))

    def emit(
        self, instance: Instance, drafts: Array, generator: np.random.Generator, deadline: float
    ) -> Array:
        """Emit as the inner rule does."""
        return self.inner.emit(instance, drafts, generator, deadline)


def takes_logits(
    function: Callable[..., Any],
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Rule:
    """Return a function (target_logits, draft_logits, drafts, generator) → token, ready for the audit.

    It is given logits ℓ = T·log p, −∞ where p = 0, and has to emit the law that
    :func:`mdsd_theory.from_logits` makes of them at this temperature, top-k and top-p; the drafts come
    from the draft's logits, warped alike. A bonus token that forgets the warping is found with
    ``audit(..., leaf=True)``.

    Parameters
    ----------
    function : callable
        It applies temperature, top-k and top-p itself.
    temperature : float
        T > 0.
    top_k : int, optional
    top_p : float, optional

    Examples
    --------
    >>> import numpy as np, mdsd_theory as mdsd
    >>> def naive(target_logits, draft_logits, drafts, generator):
    ...     p = mdsd.from_logits(target_logits, temperature=0.5)
    ...     return generator.choice(p.size, p=p)
    >>> right, wrong = (takes_logits(naive, temperature=t) for t in (0.5, 0.7))
    >>> settings = {"scheme": "with_replacement", "n": 2, "samples": 20_000}
    >>> [mdsd.audit(rule, **settings).refuted for rule in (right, wrong)]
    [False, True]
    """
    return OfLogits(rule_of(function), Warping(temperature, top_k, top_p))


class BatchedTorch(Rule):
    """A function (p[B, V], q[B, V], drafts[B, n], torch.Generator) → tokens[B]."""

    def __init__(
        self, function: Callable[..., Any], dtype: str, device: str, warping: Warping | None
    ) -> None:
        try:
            import torch
        except ImportError:
            raise MissingDependencyError("batched_torch needs torch: pip install torch") from None
        if dtype not in ("float64", "float32", "float16", "bfloat16"):
            raise InputError(f"dtype is {dtype!r}; expected float64, float32, float16 or bfloat16")
        self.function, self.device, self.warping = function, device, warping
        self._torch, self._dtype = torch, getattr(torch, dtype)

    def _tensor(self, p: Array) -> Any:
        x = p if self.warping is None else self.warping.logits(p)
        return self._torch.as_tensor(x, dtype=self._dtype, device=self.device)

    def _law(self, p: Array) -> Array:
        """Return the law that the rounded numbers stand for."""
        x = host(self._tensor(p)).astype(np.float64)
        return normalised(x) if self.warping is None else self.warping.law(x)

    def fitted(self, instance: Instance) -> Instance:
        """Return the instance with its tensors, and the laws of the rounded numbers."""
        given = self._tensor(instance.p), _on(instance, self._tensor)
        return replace(instance, p=self._law(instance.p), q=_on(instance, self._law), arguments=given)

    def emit(
        self, instance: Instance, drafts: Array, generator: np.random.Generator, deadline: float
    ) -> Array:
        """Emit in blocks of a million probabilities."""
        source = self._torch.Generator(self.device).manual_seed(int(generator.integers(2**62)))
        size = max(1, BLOCK // instance.vocabulary)
        parts = [drafts[i : i + size] for i in range(0, len(drafts), size)]
        return np.concatenate([self._block(instance, part, source) for part in parts])

    def _block(self, instance: Instance, drafts: Array, source: Any) -> Array:
        assert instance.arguments is not None
        p, q = instance.arguments
        count = len(drafts)
        rows = [_repeated(x, count) for x in (p, q)]
        tokens = self.function(*rows, self._torch.as_tensor(drafts, device=self.device), source)
        found = np.asarray(host(tokens))
        if found.shape != (count,) or found.dtype.kind not in "iu":
            raise InputTypeError(
                f"the verifier returned {type(tokens).__name__} of shape {found.shape} and dtype "
                f"{found.dtype}; expected {count} token indices, shape ({count},)"
            )
        if found.min() < 0 or found.max() >= instance.vocabulary:
            wrong = found[(found < 0) | (found >= instance.vocabulary)][0]
            raise InputError(
                f"the verifier returned the token {wrong}; expected 0 to {instance.vocabulary - 1}"
            )
        return found.astype(np.int64)


def batched_torch(
    function: Callable[..., Any],
    *,
    dtype: str = "float32",
    device: str = "cpu",
    logits: bool = False,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Rule:
    """Return a function (p, q, drafts, torch.Generator) → tokens of whole batches, ready for the audit.

    The expected law is that of the numbers after rounding to ``dtype``, normalised.

    Parameters
    ----------
    function : callable
        Takes tensors p and q of shape (B, V), drafts of shape (B, n) and a generator; returns int64
        tokens of shape (B,). For scheme ``independent`` q is a list of n tensors.
    dtype : {"float64", "float32", "float16", "bfloat16"}
    device : str
    logits : bool
        Give logits in place of probabilities: then the next three options hold, as in
        :func:`takes_logits`.
    temperature : float
    top_k, top_p : optional
    """
    warping = Warping(temperature, top_k, top_p) if logits else None
    return BatchedTorch(function, dtype, device, warping)


def _on(instance: Instance, change: Callable[[Array], Array]) -> Any:
    return over_drafters(instance.scheme, instance.q, change)


def _repeated(x: Any, count: int) -> Any:
    if isinstance(x, list):
        return [_repeated(row, count) for row in x]
    return x if isinstance(x, dict) else x.repeat(count, 1)
