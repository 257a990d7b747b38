"""A verifier's plan: what is computed once for p and q, and then emits tokens for many drafts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from mdsd_theory.arrays import EPS, Array, gather, uniforms
from mdsd_theory.distributions import Pair
from mdsd_theory.errors import InputError


class Emission(NamedTuple):
    """What a verifier emits.

    Attributes
    ----------
    token : int or array of int64
        Y, of law p.
    index : int or array of int64
        Place of the first draft that equals Y, −1 if none does: the token is accepted unless −1.
    """

    token: Any
    index: Any


TWICE = (
    "drafts hold a token of draft probability zero, or one token twice without replacement; draw them "
    "from the scheme"
)


@dataclass(frozen=True)
class Plan(ABC):
    """A verifier made ready for one target and draft, or for a batch of them.

    Attributes
    ----------
    pair : Pair
        The checked distributions, as rows.
    n : int
        Number of drafts.
    """

    pair: Pair
    n: int

    impossible: ClassVar[str] = "drafts hold a token of draft probability zero; draw them from q"
    """The message about drafts that :meth:`_never_drawn` finds."""

    @abstractmethod
    def _emit(self, drafts: Array, generator: Any) -> Array:
        """Return tokens (rows, count) for checked drafts (rows, count, n)."""

    def _never_drawn(self, drafts: Array) -> Array | None:
        """Return a mask, somewhere true if the scheme never draws these drafts; None: not checked."""
        return None

    def sample(self, drafts: Any, generator: Any) -> Emission:
        """Emit one token for each tuple of drafts.

        Parameters
        ----------
        drafts : array-like of int, shape (..., n) or (..., size, n)
            Tokens in the order in which they were drawn, from the verifier's draft scheme.
        generator : numpy.random.Generator or torch.Generator
            Of p's library and device; it alone decides what is emitted.

        Returns
        -------
        Emission
            Token and index: ints for one tuple of one pair, else int64 arrays of shape (...) or
            (..., size).

        Raises
        ------
        InputError, InputTypeError
            For drafts of another shape, type or device, or tokens outside the vocabulary.

        Notes
        -----
        Cost O(n log V) a tuple.
        """
        backend = self.pair.backend
        tokens = backend.integers(drafts, "drafts")
        rows = self._rows(tokens)
        if rows.shape[0] * rows.shape[1]:
            self._check(rows)
            token = self._emit(rows, generator)
        else:
            token = rows[..., 0]
        index = first_match(backend.xp, rows, token)
        shape = tuple(tokens.shape[:-1])
        if shape == ():
            return Emission(*backend.xp.stack([token[0, 0], index[0, 0]]).tolist())
        return Emission(backend.xp.reshape(token, shape), backend.xp.reshape(index, shape))

    def uniforms(self, generator: Any, *shape: int) -> Array:
        """Return uniform numbers on [0, 1) on the pair's device."""
        return uniforms(self.pair.backend, generator, shape)

    def at_least(self, values: list[float]) -> Any:
        """Return one number a row as a float or an array of the batch's shape, rounded down."""
        return self.pair.backend.result(self.pair.backend.array(values), self.pair.batch, rounding=-1)

    def at_most(self, values: list[float]) -> Any:
        """Return the same rounded up; in a batch, by what a number below one loses to its dtype too."""
        backend, batch = self.pair.backend, self.pair.batch
        lost = EPS[backend.dtype_name] if batch else 0.0
        return backend.result(backend.array(values) + lost, batch, rounding=1)

    def _rows(self, drafts: Array) -> Array:
        """Return the drafts checked and as (rows, count, n)."""
        batch, shape = self.pair.batch, tuple(drafts.shape)
        extra = len(shape) - len(batch)
        if extra not in (1, 2) or shape[: len(batch)] != batch or shape[-1] != self.n:
            one, many = ([*batch, *middle, self.n] for middle in ((), ("size",)))
            raise InputError(
                f"drafts have shape {shape}; expected {_shown(one)} or {_shown(many)}: one tuple of n = "
                f"{self.n} tokens, or several, for each pair of distributions"
            )
        count = shape[-2] if extra == 2 else 1
        return self.pair.backend.xp.reshape(drafts, (self.pair.p.shape[0], count, self.n))

    def _check(self, drafts: Array) -> None:
        """Refuse tokens outside the vocabulary and drafts of no chance: the host waits once for both."""
        xp, vocabulary = self.pair.backend.xp, self.pair.vocabulary
        inside = (drafts >= 0) & (drafts < vocabulary)
        known = xp.all(inside)
        never = self._never_drawn(xp.where(inside, drafts, 0))
        if bool(known if never is None else known & ~xp.any(never)):
            return
        raise InputError(
            self.impossible if known else f"drafts hold a token outside 0 … {vocabulary - 1}"
        )


def _shown(shape: list[Any]) -> str:
    return f"({', '.join(map(str, shape))})"


def first_match(xp: Any, drafts: Array, token: Array) -> Array:
    """Return the first place at which ``drafts[..., k]`` is the token, −1 if there is none."""
    index = xp.zeros_like(token) - 1
    for k in reversed(range(drafts.shape[-1])):
        index = xp.where(drafts[..., k] == token, k, index)
    return index


def at_drafts(xp: Any, x: Array, drafts: Array) -> Array:
    """Return x (rows, V) at the drafts (rows, count, n)."""
    flat = xp.reshape(drafts, (drafts.shape[0], -1))
    return xp.reshape(gather(xp, x, flat), tuple(drafts.shape))


def first_accepted(xp: Any, drafts: Array, accepted: Array, otherwise: Array) -> Array:
    """Return the first draft (rows, count, n) accepted, ``otherwise`` (rows, count) if none is."""
    first = xp.argmax(xp.astype(accepted, xp.int8), axis=-1, keepdims=True)
    return xp.where(
        xp.any(accepted, axis=-1), xp.take_along_axis(drafts, first, axis=-1)[..., 0], otherwise
    )


def repeated(xp: Any, drafts: Array) -> Array:
    """Tell which tuples hold a token twice; shape (rows, count, 1)."""
    ordered = xp.sort(drafts, axis=-1)
    return xp.any(ordered[..., 1:] == ordered[..., :-1], axis=-1, keepdims=True)
