"""What callers pass in, as arrays of one library on one device: lists, NumPy, torch."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from mdsd_theory.arrays import EPS, Array, Backend, dtype_name, is_torch
from mdsd_theory.errors import InputError, InputTypeError


def adopt(x: Any, name: str, like: Array | None = None) -> Array:
    """Return ``x`` as a NumPy array or torch tensor of a floating dtype, or say why it cannot be.

    Lists, tuples, integers and Fractions count as float64; beside a tensor ``like`` a list joins it
    on its device. Tensors that require a gradient are detached.

    Raises
    ------
    InputTypeError
        For None, strings, booleans, complex numbers, masked, sparse or ragged input.
    """
    if is_torch(x):
        return _adopt_torch(x, name)
    if x is None or isinstance(x, str | bytes | dict | set):
        raise InputTypeError(
            f"{name} is of type {type(x).__name__}; expected numbers of shape (..., V): "
            "a list, a NumPy array or a torch tensor"
        )
    if isinstance(x, np.ma.MaskedArray):
        raise InputTypeError(f"{name} is a masked array; fill it first: {name}.filled(0.0)")
    array = _from_sequence(x, name)
    if like is not None and is_torch(like) and not isinstance(x, np.ndarray):
        import torch

        return torch.as_tensor(array, dtype=torch.float64).to(like.device)
    return array


def _adopt_torch(x: Array, name: str) -> Array:
    if x.is_sparse or x.layout.__str__() != "torch.strided":
        raise InputTypeError(f"{name} is a sparse tensor; pass {name}.to_dense()")
    kind = dtype_name(x)
    if kind in EPS:
        return x.detach()
    if kind.startswith(("int", "uint")):
        import torch

        return x.to(torch.float64)
    raise InputTypeError(_dtype_message(name, kind))


def _from_sequence(x: Any, name: str) -> Array:
    if isinstance(x, list | tuple) and any(is_torch(row) for row in x):
        raise InputTypeError(
            f"{name} is a {type(x).__name__} of torch tensors; stack them first: torch.stack({name})"
        )
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise InputTypeError(f"{name} is ragged: its rows differ in length ({error})") from None
    except TypeError as error:
        raise InputTypeError(
            f"{name} of type {type(x).__name__} cannot be read as a NumPy array ({error}); "
            "pass NumPy, torch or a list"
        ) from None
    if array.dtype.name in EPS:
        return array
    if array.dtype.kind in "iu" or array.size == 0:
        return array.astype(np.float64)
    if array.dtype == object:
        return _from_objects(array, name)
    raise InputTypeError(_dtype_message(name, str(array.dtype)))


def _from_objects(array: Array, name: str) -> Array:
    for item in array.reshape(-1):
        if isinstance(item, bool) or not isinstance(item, numbers.Real):
            raise InputTypeError(
                f"{name} holds {item!r} of type {type(item).__name__}; expected real numbers"
            )
    return array.astype(np.float64)


def _dtype_message(name: str, kind: str) -> str:
    advice = {"bool": "a mask is no distribution: convert it to floats and divide by its sum"}
    if kind.startswith("complex"):
        advice[kind] = "take the real part if that is what is meant"
    hint = advice.get(kind, "convert it to one of them")
    return f"{name} has dtype {kind}; expected {', '.join(EPS)} or integers; {hint}"


def common_backend(arrays: dict[str, Array]) -> Backend:
    """Return the backend shared by named arrays, or say which of them differ.

    Raises
    ------
    InputTypeError
        When NumPy and torch are mixed, or tensors live on different devices.
    """
    torch_names = [name for name, x in arrays.items() if is_torch(x)]
    if torch_names and len(torch_names) < len(arrays):
        other = next(name for name in arrays if name not in torch_names)
        raise InputTypeError(
            f"{torch_names[0]} is a torch tensor and {other} a NumPy array; pass both as one "
            f"kind, for example torch.as_tensor({other})"
        )
    if not torch_names:
        return Backend("numpy", np.result_type(*[x.dtype for x in arrays.values()]), "cpu")
    devices = {name: x.device for name, x in arrays.items()}
    if len(set(devices.values())) > 1:
        where = ", ".join(f"{name} on {device}" for name, device in devices.items())
        raise InputTypeError(f"tensors on different devices: {where}; move them to one with .to()")
    return Backend("torch", _promoted(list(arrays.values())), next(iter(devices.values())))


def _promoted(tensors: list[Array]) -> Any:
    import torch

    dtype = tensors[0].dtype
    for x in tensors[1:]:
        dtype = torch.promote_types(dtype, x.dtype)
    return dtype


def require_vocabulary(x: Array, name: str) -> None:
    """Raise unless ``x`` has at least one axis and a vocabulary of at least one token."""
    if x.ndim == 0:
        raise InputError(f"{name} is a single number; expected shape (..., V)")
    if x.shape[-1] == 0:
        raise InputError(f"{name} has shape {tuple(x.shape)}: the vocabulary is empty")
