"""Distributions from files: .npy, .npz, .safetensors, .pt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mdsd_theory.arrays import Array, host, is_torch
from mdsd_theory.distributions import looks_like_probabilities, place, rows_of
from mdsd_theory.errors import DataFileError, InputError, MissingDependencyError
from mdsd_theory.intake import adopt, require_vocabulary
from mdsd_theory.logits import from_logits

SUFFIXES = (".npy", ".npz", ".safetensors", ".pt", ".pth")

STRAY = 1e-3
"""Numbers within this of [0, 1] are taken for probabilities gone wrong, never for logits."""


@dataclass(frozen=True)
class Read:
    """Distributions from a file.

    Attributes
    ----------
    x : array, shape (..., V)
        Probabilities.
    kind : str
        What the file held: probabilities, or logits at a temperature.
    """

    x: Array
    kind: str


def read_distributions(
    *names: str, logits: bool | None = None, temperature: float = 1.0
) -> tuple[Read, ...]:
    """Return the distributions of several files, all of one library.

    Parameters
    ----------
    names : str
        See :func:`load_array`.
    logits : bool, optional
        Whether the files hold logits; each file is told by sight when left out.
    temperature : float
        Applied to logits.

    Returns
    -------
    tuple of Read

    Raises
    ------
    DataFileError, InputError, InputTypeError
        With the name of the file at fault.
    """
    arrays = load_alike(*names)
    read = tuple(_read_as(x, n, logits, temperature) for x, n in zip(arrays, names, strict=True))
    for one, name in zip(read[1:], names[1:], strict=True):
        # Drafters of scheme ``independent`` have one axis more than the target.
        shapes = tuple(read[0].x.shape), tuple(one.x.shape)
        if shapes[0] != shapes[1] and len(shapes[0]) == len(shapes[1]):
            raise InputError(
                f"{names[0]} has shape {shapes[0]} and {name} {shapes[1]}; expected equal shapes (..., V)"
            )
    return read


def _read_as(x: Array, name: str, logits: bool | None, temperature: float) -> Read:
    if logits is None:
        logits = _holds_logits(x, name)
    if logits:
        return Read(_softmax(x, name, temperature), f"logits (temperature {temperature:g})")
    rows_of(x, name)
    if temperature != 1.0:
        raise InputError(f"--temperature goes with logits, and {name} holds probabilities")
    return Read(x, "probabilities")


def _softmax(x: Array, name: str, temperature: float) -> Array:
    try:
        return from_logits(x, temperature=temperature)
    except InputError as error:
        message = str(error)
        if message.startswith("logits"):
            message = name + message.removeprefix("logits")
        raise InputError(message) from None


def _holds_logits(x: Array, name: str) -> bool:
    """Tell logits from probabilities; what could be a mistake in either is refused."""
    if looks_like_probabilities(x):
        return False
    values = np.asarray(host(x), dtype=np.float64).reshape(-1, x.shape[-1])
    bad = np.isnan(values) | (values == np.inf)
    if bad.any():
        row, token = (int(i) for i in np.argwhere(bad)[0])
        where = place(name, tuple(x.shape[:-1]), row, token)
        raise InputError(f"{where} is {values[row, token]}; expected probabilities or logits")
    if values.min() < -STRAY or values.max() > 1 + STRAY:
        return True
    sums = values.sum(-1)
    raise InputError(
        f"{name} looks like probabilities that {_fault(values)} (row sums from {sums.min():.10g} to "
        f"{sums.max():.10g}); renormalise them, or pass --logits"
    )


def _fault(values: Array) -> str:
    return "do not sum to one" if values.min() >= 0 else f"reach down to {values.min():.3g}"


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
    _check_path(path)
    try:
        content = _read(path)
    except (DataFileError, MissingDependencyError):
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise DataFileError(f"{path} cannot be read as {path.suffix}: {reason[0]}") from None
    return _entry(content, path, key)


def load_alike(*names: str) -> list[Array]:
    """Return the arrays of several files as floats, all as tensors if one of them is a tensor.

    Raises
    ------
    DataFileError, InputError, InputTypeError
        With the name of the file that cannot be read, is no array of real numbers or is empty.
    """
    arrays = [_adopted(load_array(name), name) for name in names]
    if not any(is_torch(x) for x in arrays):
        return arrays
    import torch

    return [torch.as_tensor(x) for x in arrays]


def _adopted(x: Any, name: str) -> Array:
    array = adopt(x, name)
    require_vocabulary(array, name)
    if is_torch(array):
        return array
    # torch knows neither foreign byte order nor negative strides.
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def _check_path(path: Path) -> None:
    try:
        there, folder = path.exists(), path.is_dir()
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error.strerror}") from None
    if not there:
        raise DataFileError(f"{path} does not exist")
    if folder:
        raise DataFileError(f"{path} is a directory; expected a file")
    if path.suffix.lower() not in SUFFIXES:
        raise DataFileError(f"{path} ends in {path.suffix!r}; expected one of {', '.join(SUFFIXES)}")


def _split(name: str) -> tuple[Path, str | None]:
    head, colon, tail = name.rpartition(":")
    if colon and Path(head).suffix.lower() in SUFFIXES:
        return Path(head), tail
    return Path(name), None


def _read(path: Path) -> Any:
    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz"):
        loaded = np.load(path, allow_pickle=False)
        return loaded if isinstance(loaded, np.ndarray) else dict(loaded)
    if suffix == ".safetensors":
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
