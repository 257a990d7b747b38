"""Start a kernel on the device that holds its tensors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

KERNELS = Path(__file__).parent / "kernels"
"""Folder of the CUDA C++ sources."""


@dataclass(frozen=True)
class Source:
    """One variant of a source file.

    Attributes
    ----------
    file : str
        Name in :data:`KERNELS`.
    defines : tuple of (str, int)
        Macros that choose the variant.
    """

    file: str
    defines: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Grid:
    """How many threads run.

    Attributes
    ----------
    blocks, threads : int
        Threads are those of one block.
    shared : int
        Bytes of shared memory asked for at the start.
    """

    blocks: int
    threads: int
    shared: int = 0


MOST_SHARED = 100 * 1024
"""Bytes of shared memory that a kernel may ask for; without being told, a device grants 48 KiB."""


class Launcher(Protocol):
    """Starts kernels on one device; the tests have one that runs them on the CPU."""

    @property
    def multiprocessors(self) -> int:
        """How many multiprocessors the device has."""
        ...

    def launch(self, source: Source, kernel: str, grid: Grid, arguments: Sequence[Any]) -> None:
        """Start a kernel on the current stream; see :func:`scalars` for the arguments."""
        ...


def scalars(arguments: Sequence[Any]) -> list[np.generic]:
    """Return what a kernel is passed: the addresses of tensors, zero for None, NumPy scalars as they are.

    Raises
    ------
    TypeError
        For a plain Python number, whose width a kernel cannot know.
    """
    found: list[np.generic] = []
    for x in arguments:
        if isinstance(x, np.generic):
            found.append(x)
        elif x is None or hasattr(x, "data_ptr"):
            found.append(np.uint64(0 if x is None else x.data_ptr()))
        else:
            raise TypeError(f"a kernel got {x!r}; expected a tensor, None or a NumPy scalar")
    return found


@dataclass(frozen=True)
class CupyLauncher:
    """Compiles with NVRTC at the first use, and keeps the machine code in CuPy's cache.

    Attributes
    ----------
    device : int
        Index of the CUDA device.
    """

    device: int

    @property
    def multiprocessors(self) -> int:
        """How many multiprocessors the device has."""
        return _multiprocessors(self.device)

    def launch(self, source: Source, kernel: str, grid: Grid, arguments: Sequence[Any]) -> None:
        """Start a kernel on torch's current stream."""
        import cupy
        import torch

        if not grid.blocks:  # CuPy would start one
            return
        stream = torch.cuda.current_stream(self.device).cuda_stream
        with cupy.cuda.Device(self.device), cupy.cuda.ExternalStream(stream, self.device):
            function = _compiled(source, kernel, self.device)
            function((grid.blocks,), (grid.threads,), tuple(scalars(arguments)), shared_mem=grid.shared)


@lru_cache
def _multiprocessors(device: int) -> int:
    import torch

    return int(torch.cuda.get_device_properties(device).multi_processor_count)


@cache
def _compiled(source: Source, kernel: str, device: int) -> Any:
    """Return a compiled kernel; modules belong to a device."""
    function = _module(source, device).get_function(kernel)
    function.max_dynamic_shared_size_bytes = MOST_SHARED
    return function


@cache
def _module(source: Source, device: int) -> Any:
    import cupy

    options = ("--std=c++17", f"-I{KERNELS}", f"-DHEADERS=0x{_headers()}", *flags(dict(source.defines)))
    return cupy.RawModule(code=(KERNELS / source.file).read_text(), options=options)


@lru_cache
def _headers() -> str:
    """Return a digest of all headers: CuPy's cache looks at options and at the source file only."""
    texts = (path.read_bytes() for path in sorted(KERNELS.glob("*.cuh")))
    return hashlib.sha256(b"\0".join(texts)).hexdigest()[:8]


def flags(defines: Mapping[str, int]) -> list[str]:
    """Return macros as a compiler takes them.

    Examples
    --------
    >>> flags({"INPUT_BITS": 32})
    ['-DINPUT_BITS=32']
    """
    return [f"-D{name}={value}" for name, value in defines.items()]
