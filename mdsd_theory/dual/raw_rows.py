"""Rows of the caller's own memory for compiled loops: no copy, or a few rows at a time."""

from __future__ import annotations

import numpy as np

from mdsd_theory.arrays import Array, is_torch

CHUNK = 2**15
"""Elements that are copied at once where the caller's rows cannot be read as they lie."""


def on_host(x: Array) -> tuple[Array, bool]:
    """Return a CPU array as NumPy without a copy, and whether it holds the bits of bfloat16."""
    if not is_torch(x):
        return x, False
    import torch

    x = x.detach().resolve_neg()
    if x.dtype == torch.bfloat16:
        return x.view(torch.int16).numpy().view(np.uint16), True
    return x.numpy(), False


class RawRows:
    """The rows of an array of shape (..., V), as C-contiguous blocks of float32 or float64.

    Parameters
    ----------
    x : array, shape (..., V)
        NumPy, or torch on the CPU, of any floating dtype and any strides. It is never written to.

    Notes
    -----
    Half precision is widened to float32, which holds it exactly. Give each thread an object of its own:
    the copy of the rows that are being read is overwritten by the next ones.
    """

    def __init__(self, x: Array) -> None:
        array, self._bits = on_host(x)
        self._x = array
        self.vocabulary = int(array.shape[-1])
        self.rows = array.size // self.vocabulary
        wide = array.dtype in (np.float32, np.float64) and array.dtype.isnative
        self.in_place = wide and array.flags.c_contiguous and array.flags.aligned
        self._dtype = array.dtype.newbyteorder("=") if array.dtype.itemsize == 8 else np.float32
        self._copy: Array | None = None

    @property
    def step(self) -> int:
        """How many rows :meth:`block` gives at most."""
        return self.rows if self.in_place else max(1, CHUNK // self.vocabulary)

    def block(self, start: int, stop: int) -> Array:
        """Return rows start … stop − 1 as a read-only array of shape (stop − start, V)."""
        if self.in_place:
            block = self._x.reshape(-1, self.vocabulary)[start:stop]
        else:
            block = self._copied(start, stop)
        # One type for arrays that may be written to and those that may not: loops compile once.
        block = block.view()
        block.flags.writeable = False
        return block

    def _copied(self, start: int, stop: int) -> Array:
        if self._copy is None:
            self._copy = np.empty((self.step, self.vocabulary), self._dtype)
        block = self._copy[: stop - start]
        leading = self._x.shape[:-1]
        for k in range(stop - start):
            row = self._x[np.unravel_index(start + k, leading)] if leading else self._x
            if self._bits:
                np.left_shift(row, 16, out=block[k].view(np.uint32), dtype=np.uint32, casting="unsafe")
            else:
                block[k] = row
        return block
