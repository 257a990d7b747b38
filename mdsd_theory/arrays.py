"""The array layer: the only file that knows NumPy from torch.

Everything above works on two-dimensional arrays of shape (rows, V) in the precision of
:attr:`Backend.work`, through the array-API namespace :attr:`Backend.xp`; results go back to the
caller's library, device, dtype and batch shape here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mdsd_theory.errors import InputTypeError

Array = Any
"""A NumPy array or a torch tensor."""

EPS = {
    "float64": 2.0**-52,
    "float32": 2.0**-23,
    "float16": 2.0**-10,
    "bfloat16": 2.0**-7,
}
"""Spacing of the numbers next to one, for each floating dtype that is accepted."""

UNIT = 2.0**-53
"""Unit roundoff of float64, the precision of all computation (of float32 on Apple's MPS)."""


def is_torch(x: object) -> bool:
    """Tell whether ``x`` is a torch tensor, without importing torch."""
    return type(x).__module__.split(".")[0] == "torch" and hasattr(x, "detach")


def dtype_name(x: Array) -> str:
    """Return the dtype as a plain name: ``float32``, ``bfloat16``, ``int64``."""
    if isinstance(x, np.ndarray):
        return str(x.dtype.name)
    return str(x.dtype).removeprefix("torch.")


def host(x: Any) -> Any:
    """Return tensors as NumPy arrays (half precision widened), anything else as it is."""
    if not is_torch(x):
        return x
    x = x.detach().cpu()
    return x.double().numpy() if x.is_floating_point() else x.numpy()


@dataclass(frozen=True)
class Backend:
    """Where an input came from, and so where its results go.

    Attributes
    ----------
    library : str
        ``"numpy"`` or ``"torch"``.
    dtype : dtype
        The caller's floating dtype: results of a batch have it.
    device : device
        The caller's device, ``"cpu"`` for NumPy.
    """

    library: str
    dtype: Any
    device: Any

    @cached_property
    def xp(self) -> Any:
        """The array-API namespace of the library."""
        if self.library == "torch":
            import array_api_compat.torch as xp
        else:
            import array_api_compat.numpy as xp  # type: ignore[no-redef]
        return xp

    @cached_property
    def work(self) -> Any:
        """The dtype of all computation: float64, or float32 on a device that lacks it (MPS)."""
        if self.library == "numpy":
            return np.float64
        import torch

        return torch.float32 if self.device.type == "mps" else torch.float64

    @cached_property
    def unit(self) -> float:
        """Unit roundoff of :attr:`work`."""
        on_mps = self.library == "torch" and self.device.type == "mps"
        return 2.0**-24 if on_mps else UNIT

    @cached_property
    def tiny(self) -> float:
        """Probabilities below this count as zero: their reciprocals would overflow."""
        return 1e-290 if self.unit == UNIT else 1e-30

    @cached_property
    def block_elements(self) -> int:
        """Elements of an array worked on at once: what a core's cache, or an accelerator, holds."""
        return 2**14 if str(self.device) == "cpu" else 2**24

    def array(self, x: Any) -> Array:
        """Return ``x`` (nested lists, NumPy) as an array of this backend in the work dtype."""
        if self.library == "numpy":
            return np.asarray(x, dtype=np.float64)
        import torch

        return torch.as_tensor(x, dtype=self.work, device=self.device)

    def integers(self, x: Any, name: str) -> Array:
        """Return token indices as int64 on the device; lists join it, other libraries are refused.

        Raises
        ------
        InputTypeError
            For floats, or an array of another library or device.
        """
        if self.library == "numpy":
            if is_torch(x):
                raise InputTypeError(
                    f"{name} is a torch tensor and p a NumPy array; pass both as one kind"
                )
            array = np.asarray(x)
            if array.dtype.kind not in "iu":
                raise InputTypeError(f"{name} has dtype {array.dtype}; expected token indices, int64")
            return array.astype(np.int64, copy=False)
        import torch

        if not is_torch(x):
            x = torch.as_tensor(x, device=self.device)
        if x.is_floating_point() or x.is_complex() or x.dtype == torch.bool:
            raise InputTypeError(f"{name} has dtype {dtype_name(x)}; expected token indices, int64")
        if x.device.type != self.device.type:
            raise InputTypeError(f"{name} is on {x.device} and p on {self.device}; move it there")
        return x.to(torch.int64)

    def arange(self, n: int) -> Array:
        """Return the integers 0 … n−1 on the device."""
        return self.xp.arange(n, device=self.device)

    def zeros(self, shape: tuple[int, ...]) -> Array:
        """Return zeros of the work dtype on the device."""
        return self.xp.zeros(shape, dtype=self.work, device=self.device)

    def expm1_in_place(self, x: Array) -> Array:
        """Overwrite x by e^x − 1: fresh memory costs more than the arithmetic."""
        if self.library == "numpy":
            return np.expm1(x, out=x)
        return x.expm1_()

    def result(self, x: Array, batch: tuple[int, ...], rounding: int = 0) -> Any:
        """Return row values of shape (rows,) as the caller expects them.

        Parameters
        ----------
        x : array, shape (rows,)
            One number a row, in the work dtype.
        batch : tuple of int
            Leading shape of the input; ``()`` gives a Python float.
        rounding : {-1, 0, 1}
            Down, to nearest, or up, when the caller's dtype is narrower: a lower bound stays lower.

        Returns
        -------
        float or array of shape ``batch`` in the caller's dtype and device.
        """
        if batch == ():
            return float(x[0])
        cast = self.xp.astype(x, self.dtype)
        if rounding:
            wrong = (self.widen(cast) - x) * rounding < 0
            cast = self.xp.where(wrong, self._neighbour(cast, rounding), cast)
        return self.xp.reshape(cast, batch)

    def _neighbour(self, x: Array, direction: int) -> Array:
        """Return the next probability up (1) or down (−1) in the caller's dtype."""
        if self.library == "numpy":
            return np.nextafter(x, x.dtype.type(max(direction, 0)))
        import torch

        if x.dtype in (torch.float32, torch.float64):
            return torch.nextafter(x, torch.full_like(x, max(direction, 0)))
        # Half precision has no nextafter; the bits of numbers from 0 to 1 ascend like integers.
        return (x.view(torch.int16) + direction).view(x.dtype)

    @cached_property
    def dtype_name(self) -> str:
        """The caller's dtype as a plain name."""
        if self.library == "numpy":
            return str(np.dtype(self.dtype))
        return str(self.dtype).removeprefix("torch.")

    def widen(self, x: Array) -> Array:
        """Return ``x`` in the work dtype."""
        if self.library == "numpy":
            return x.astype(np.float64, copy=False)
        return x.detach().to(self.work)

    def contiguous(self, x: Array) -> Array:
        """Return ``x`` with rows that lie together in memory; a copy only where they do not."""
        return np.ascontiguousarray(x) if self.library == "numpy" else x.contiguous()

    def mask(self, x: Array, batch: tuple[int, ...]) -> Array:
        """Return a boolean mask of shape (rows, V) in the batch shape of the caller."""
        return self.xp.reshape(x, (*batch, x.shape[-1]))


def integer_power(x: Array, n: int) -> Array:
    """Return x^n by squaring; the library's power takes ten times as long."""
    power, result = x, None
    while n:
        if n & 1:
            result = power if result is None else result * power
        n >>= 1
        power = power * power if n else power
    return result


def unit_interval(xp: Any, x: Array) -> Array:
    """Return x clipped to [0, 1]."""
    return xp.minimum(xp.maximum(x, xp.zeros_like(x)), xp.ones_like(x))


def quiet() -> Any:
    """Silence NumPy's floating-point warnings where zeros, ties and overflow follow a rule."""
    return np.errstate(all="ignore")


def gather(xp: Any, x: Array, index: Array) -> Array:
    """Return ``x[r, index[r, k]]`` for arrays of shape (rows, V)."""
    if x.shape[0] == 1:
        return x[0, ...][index[0, ...]][None, ...]
    return xp.take_along_axis(x, index, axis=-1)


def count_below(backend: Backend, ascending: Array, values: Array) -> Array:
    """Return how many of ``ascending[r, :]`` are at most ``values[r, k]``; shape (rows, K)."""
    if backend.library == "numpy":
        rows = [np.searchsorted(a, v, side="right") for a, v in zip(ascending, values, strict=True)]
        return np.stack(rows) if rows else np.zeros(values.shape, dtype=np.int64)
    import torch

    return torch.searchsorted(ascending.contiguous(), values.contiguous(), right=True)


def uniforms(backend: Backend, generator: Any, shape: tuple[int, ...]) -> Array:
    """Return uniform numbers on [0, 1) from a generator of the backend's library.

    Raises
    ------
    InputTypeError
        When the generator belongs to another library or device.
    """
    if backend.library == "numpy":
        if not isinstance(generator, np.random.Generator):
            raise InputTypeError(
                f"generator is of type {type(generator).__name__}; expected a numpy.random.Generator, "
                "for example numpy.random.default_rng(0)"
            )
        return generator.random(shape)
    import torch

    if not isinstance(generator, torch.Generator):
        raise InputTypeError(
            f"generator is of type {type(generator).__name__}; expected a torch.Generator, for example "
            f"torch.Generator({str(backend.device)!r}).manual_seed(0)"
        )
    if generator.device.type != backend.device.type:
        raise InputTypeError(
            f"generator is on {generator.device} and q on {backend.device}; make it on q's device"
        )
    return torch.rand(shape, dtype=backend.work, device=backend.device, generator=generator)


def mask_of_prefix(backend: Backend, order: Array, length: Array) -> Array:
    """Return the mask (rows, V) of the first ``length[r]`` tokens of ``order[r]``."""
    inside = backend.arange(order.shape[-1])[None, :] < length[:, None]
    if backend.library == "numpy":
        mask = np.zeros(order.shape, dtype=bool)
        mask[np.arange(order.shape[0])[:, None], order] = inside
        return mask
    import torch

    return torch.zeros(order.shape, dtype=torch.bool, device=order.device).scatter(-1, order, inside)


def top_indices(backend: Backend, x: Array, k: int) -> Array:
    """Return the indices (rows, k) of the k largest entries of each row, lowest index first on ties.

    Cost O(k·V) for small k, one stable sort beyond.
    """
    xp = backend.xp
    if k > 2 * math.log2(x.shape[-1] + 2):
        return xp.argsort(-x, axis=-1, stable=True)[:, :k]
    rest, found = xp.asarray(x, copy=True), []
    positions = backend.arange(x.shape[-1])[None, :]
    for _ in range(k):
        best = xp.argmax(rest, axis=-1)
        found.append(best)
        rest = xp.where(positions == best[:, None], -math.inf, rest)
    if not found:
        return xp.zeros((x.shape[0], 0), dtype=xp.int64, device=backend.device)
    return xp.stack(found, axis=-1)


def mask_of_indices(backend: Backend, index: Array, vocabulary: int) -> Array:
    """Return the mask (rows, V) that is true at ``index[r, :]``."""
    shape = (index.shape[0], vocabulary)
    if backend.library == "numpy":
        mask = np.zeros(shape, dtype=bool)
        mask[np.arange(shape[0])[:, None], index] = True
        return mask
    import torch

    return torch.zeros(shape, dtype=torch.bool, device=index.device).scatter(-1, index, True)
