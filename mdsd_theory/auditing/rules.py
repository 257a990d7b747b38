"""How a verifier is called: one token at a time, from a plan, or as a batch."""

from __future__ import annotations

import inspect
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from mdsd_theory.arrays import Array
from mdsd_theory.auditing.instance import Instance
from mdsd_theory.auditing.sources import SampledSource
from mdsd_theory.errors import InputError, InputTypeError
from mdsd_theory.verifiers import Plan, Verifier, resolve_verifier


class Rule(ABC):
    """What is audited, behind one method."""

    @property
    def per_path(self) -> PerPath | None:
        """The callable whose branches can be listed, if it is one."""
        return None

    @abstractmethod
    def emit(
        self, instance: Instance, drafts: Array, generator: np.random.Generator, deadline: float
    ) -> Array:
        """Return tokens for drafts of shape (size, n); fewer where the deadline cuts in."""

    def fitted(self, instance: Instance) -> Instance:
        """Return the instance with the numbers that the rule will see, and the law they imply."""
        return instance


class OfVerifier(Rule):
    """A verifier of the package, sampled by its plan."""

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier
        self._kept: tuple[Instance, Plan] | None = None

    def emit(
        self, instance: Instance, drafts: Array, generator: np.random.Generator, deadline: float
    ) -> Array:
        """Emit the whole batch at once."""
        if instance.leaf:
            raise InputError(f"{self.verifier!r} needs drafts: leave leaf=True out")
        if self._kept is None or self._kept[0] is not instance:
            plan = self.verifier.plan(instance.p, instance.q, instance.n, scheme=instance.scheme)
            self._kept = instance, plan
        return self._kept[1].sample(drafts, generator).token


class PerToken(Rule):
    """A callable (p, q, drafts, generator) → token."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def emit(
        self, instance: Instance, drafts: Array, generator: np.random.Generator, deadline: float
    ) -> Array:
        """Call once for each tuple of drafts, with copies that the callable may overwrite."""
        p, q = instance.arguments or (instance.p, instance.q)
        tokens, one = np.empty(len(drafts), dtype=np.int64), self._call
        for i, row in enumerate(drafts):
            if i and time.perf_counter() > deadline:
                return tokens[:i]
            try:
                token = one(p.copy(), _copied(q), row.copy(), generator)
            except Exception as error:
                error.add_note(_note(instance, row))
                raise
            tokens[i] = as_token(token, instance, row)
        return tokens

    def _call(self, p: Any, q: Any, drafts: Array, generator: Any) -> Any:
        return self.function(p, q, drafts, generator)


class PerPath(PerToken):
    """A callable that takes its randomness from ``uniforms=``, so that its branches can be listed."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        names = list(inspect.signature(function).parameters)
        self._with_generator = len(names) > 3 and names[3] != "uniforms"

    @property
    def per_path(self) -> PerPath | None:
        """The rule itself."""
        return self

    def _call(self, p: Any, q: Any, drafts: Array, generator: Any) -> Any:
        return self.call(p, q, drafts, SampledSource(generator))

    def call(self, p: Any, q: Any, drafts: Array, source: Any) -> Any:
        """Call with a source of uniform numbers, in the place of a generator too."""
        between = (source,) if self._with_generator else ()
        return self.function(p, q, drafts, *between, uniforms=source)


def rule_of(verifier: Any) -> Rule:
    """Return the rule behind a callable, an adapter, a verifier's name or a Verifier object.

    Raises
    ------
    InputTypeError, InputError
        For what cannot be called, or an unknown name.
    """
    if isinstance(verifier, Rule):
        return verifier
    if isinstance(verifier, str | Verifier):
        return OfVerifier(resolve_verifier(verifier))
    if not callable(verifier) or (isinstance(verifier, type) and issubclass(verifier, Verifier)):
        raise InputTypeError(
            f"verifier is {verifier!r} of type {type(verifier).__name__}; expected a callable "
            "(p, q, drafts, generator) -> token, a Verifier object or the name of one"
        )
    return PerPath(verifier) if takes(verifier, "uniforms") else PerToken(verifier)


def takes(function: Callable[..., Any], name: str) -> bool:
    """Tell whether a callable names this parameter."""
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def as_token(token: Any, instance: Instance, drafts: Array) -> int:
    """Return an emitted token as an int, or say what is wrong with it."""
    if hasattr(token, "item") and not isinstance(token, np.generic) and math.prod(token.shape) == 1:
        token = token.item()
    if isinstance(token, bool | np.bool_) or not isinstance(token, int | np.integer):
        raise InputTypeError(
            f"the verifier returned {token!r} of type {type(token).__name__}; expected a token index, an "
            f"integer ({_note(instance, drafts)})"
        )
    if not 0 <= token < instance.vocabulary:
        raise InputError(
            f"the verifier returned the token {token}; expected 0 to {instance.vocabulary - 1} "
            f"({_note(instance, drafts)})"
        )
    return int(token)


def _copied(q: Any) -> Any:
    if isinstance(q, list):
        return [x.copy() for x in q]
    return q.copy()


def _note(instance: Instance, drafts: Array) -> str:
    """Say which call it was."""
    text = f"audit instance {instance.name!r}, drafts {drafts.tolist()}"
    if instance.vocabulary > 12:
        return text
    q = instance.q.tolist() if hasattr(instance.q, "tolist") else instance.q
    return f"{text}, p = {instance.p.tolist()}, q = {q}"
