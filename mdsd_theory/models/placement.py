"""Where a model's numbers live, and in how many bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mdsd_theory.errors import InputError

if TYPE_CHECKING:
    import torch

DTYPES = ("auto", "bfloat16", "float16", "float32", "float64")


def find_device(name: str) -> torch.device:
    """Return the device of a name; ``"auto"`` is the first CUDA device, or the CPU without one.

    Raises
    ------
    InputError
        For a name that torch does not know, or CUDA where there is none.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"device is {name!r}; expected auto, cpu, cuda or cuda:0, cuda:1, ...") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device is {name!r}, but torch sees no CUDA device here; use --device cpu")
    return device


def find_dtype(name: str, device: torch.device) -> torch.dtype:
    """Return the dtype of a name; ``"auto"`` is bfloat16 on CUDA and float32 elsewhere.

    Raises
    ------
    InputError
        For another name than those of :data:`DTYPES`.
    """
    import torch

    if name not in DTYPES:
        raise InputError(f"dtype is {name!r}; expected one of {', '.join(DTYPES)}")
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    dtype: torch.dtype = getattr(torch, name)
    return dtype
