"""Distributions from files: .npy, .npz, .safetensors, .pt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mdsd_theory.arrays import is_torch
from mdsd_theory.errors import DataFileError, MissingDependencyError

SUFFIXES = (".npy", ".npz", ".safetensors", ".pt", ".pth")


def load_array(name: str) -> Any:
    """Return the array of a file, written ``FILE`` or, where it holds several, ``FILE:KEY``.

    Parameters
    ----------
    name : str
        Path with suffix .npy, .npz, .safetensors, .pt or .pth. Pickled objects are refused.

    Returns
    -------
    NumPy array, or torch tensor for .pt and for a .safetensors entry in bfloat16

    Raises
    ------
    DataFileError
        When the file is missing, unreadable, of another type, or the key is absent or needed.
    """
    path, key = _split(name)
    if not path.exists():
        raise DataFileError(f"{path} does not exist")
    if path.suffix not in SUFFIXES:
        raise DataFileError(f"{path} ends in {path.suffix!r}; expected one of {', '.join(SUFFIXES)}")
    try:
        content = _read(path)
    except (DataFileError, MissingDependencyError):
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise DataFileError(f"{path} cannot be read as {path.suffix}: {reason[0]}") from None
    return _entry(content, path, key)


def load_alike(*names: str) -> list[Any]:
    """Return the arrays of several files, all as tensors if one of them is a tensor."""
    arrays = [load_array(name) for name in names]
    if not any(is_torch(x) for x in arrays):
        return arrays
    import torch

    return [torch.as_tensor(x) for x in arrays]


def _split(name: str) -> tuple[Path, str | None]:
    head, colon, tail = name.rpartition(":")
    if colon and Path(head).suffix in SUFFIXES:
        return Path(head), tail
    return Path(name), None


def _read(path: Path) -> Any:
    if path.suffix in (".npy", ".npz"):
        loaded = np.load(path, allow_pickle=False)
        return loaded if isinstance(loaded, np.ndarray) else dict(loaded)
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    torch = _torch(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _read_safetensors(path: Path) -> Any:
    from safetensors import safe_open
    from safetensors.numpy import load_file

    with safe_open(path, framework="numpy") as file:
        types = {file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118
    if "BF16" not in types:
        return load_file(path)
    _torch(path)
    from safetensors.torch import load_file as load_tensors

    return load_tensors(path)


def _torch(path: Path) -> Any:
    try:
        import torch
    except ImportError:
        raise MissingDependencyError(
            f"{path} needs torch to be read: pip install 'mdsd-theory[torch]'"
        ) from None
    return torch


def _entry(content: Any, path: Path, key: str | None) -> Any:
    if not isinstance(content, Mapping):
        if key is not None:
            raise DataFileError(f"{path} holds a single array; leave out the key {key!r}")
        return content
    keys = ", ".join(map(str, content)) or "nothing"
    if key is None and len(content) == 1:
        return next(iter(content.values()))
    if key is None:
        raise DataFileError(f"{path} holds {keys}; say which one: {path}:KEY")
    if key not in content:
        raise DataFileError(f"{path} has no entry {key!r}; it holds {keys}")
    return content[key]
