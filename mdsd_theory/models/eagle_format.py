"""Files of EAGLE-style heads: published EAGLE-1 checkpoints, and our own in int8 or bfloat16."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from mdsd_theory.errors import DataFileError, InputError

Storage = Literal["bfloat16", "int8"]

OURS = "mdsd_theory"
"""Section of ``config.json`` that says how the weights are stored and how they were made."""

SAFE, PICKLED, CONFIG = "model.safetensors", "pytorch_model.bin", "config.json"

SCALE = ".scale"

_ATTENTION = tuple(f"layers.0.self_attn.{x}_proj.weight" for x in "qkvo")
_MLP = tuple(f"layers.0.mlp.{x}_proj.weight" for x in ("gate", "up", "down"))

REQUIRED = ("fc.weight", *_ATTENTION, *_MLP, "layers.0.post_attention_layernorm.weight")

BIASES = tuple(f"layers.0.self_attn.{x}_proj.bias" for x in "qkv")

OPTIONAL = ("embed_tokens.weight", "fc.bias", *BIASES)


def tensor_names(folder: Path) -> set[str]:
    """Return the names of the tensors in a folder, without reading them where the format allows.

    Raises
    ------
    DataFileError
        When there is no file of weights, or it cannot be read.
    """
    if not (folder / SAFE).is_file():
        return set(_unpickled(folder))
    try:
        with safe_open(folder / SAFE, framework="pt") as file:
            return set(file.keys())
    except SafetensorError as error:
        raise DataFileError(f"{folder / SAFE} cannot be read as safetensors: {error}") from None


def read_config(folder: Path) -> dict[str, Any]:
    """Return the content of ``config.json``.

    Raises
    ------
    DataFileError
        When it is missing or is not a JSON object.
    """
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise DataFileError(f"{path} is missing; expected the folder of an EAGLE head") from None
    except ValueError as error:
        raise DataFileError(f"{path} is not JSON: {error}") from None
    if not isinstance(config, dict):
        raise DataFileError(f"{path} holds {type(config).__name__}; expected a JSON object")
    return config


def read_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a head on the CPU, int8 matrices multiplied out in float32.

    Raises
    ------
    DataFileError
        When tensors are missing, or there are some that an EAGLE-1 head does not have.
    """
    tensor_names(folder)  # says what is wrong with the file
    raw = load_file(folder / SAFE) if (folder / SAFE).is_file() else _unpickled(folder)
    kept = [name for name in raw if not name.endswith((SCALE, "rotary_emb.inv_freq"))]
    _check_names(set(kept), folder)
    width = raw["fc.weight"].shape[0]
    return {
        name: expand(raw[name], raw[name + SCALE], width) if name + SCALE in raw else raw[name]
        for name in kept
    }


def write_weights(
    folder: Path, weights: Mapping[str, torch.Tensor], config: Mapping[str, Any], storage: Storage
) -> Path:
    """Write weights and configuration in our format; return the path of the weights.

    Matrices are stored as int8 with scales, or bfloat16; vectors always as float32.
    """
    if storage not in ("bfloat16", "int8"):
        raise InputError(f"storage is {storage!r}; expected 'bfloat16' or 'int8'")
    stored: dict[str, torch.Tensor] = {}
    for name, tensor in weights.items():
        values = tensor.detach().float().cpu()
        if values.ndim < 2:
            stored[name] = values.contiguous()
        elif storage == "bfloat16":
            stored[name] = values.bfloat16().contiguous()
        else:
            stored[name], stored[name + SCALE] = shrink(values, int(config["hidden_size"]))
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(dict(config), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (folder / CONFIG).write_text(text, encoding="utf-8")
    save_file(stored, folder / SAFE)
    return folder / SAFE


def shrink(matrix: torch.Tensor, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Round a matrix to int8, with one scale for each row and block of ``width`` columns.

    .. math:: s_{ib} = \max_{j \in b} |w_{ij}| / 127, \qquad
              |w_{ij} - s_{ib} c_{ij}| \le s_{ib} / 2

    Blocks matter for ``fc``, whose halves read embeddings and hidden states of very different size.

    Parameters
    ----------
    matrix : tensor of float32, shape (rows, columns)
    width : int
        Columns of a block; the last block may be narrower.

    Returns
    -------
    codes : tensor of int8, shape (rows, columns)
    scale : tensor of float32, shape (rows, blocks)
    """
    blocks = torch.split(matrix, width, dim=1)
    scale = torch.stack([block.abs().amax(1) for block in blocks], 1).clamp(min=1e-30) / 127
    spread = scale.repeat_interleave(width, dim=1)[:, : matrix.shape[1]]
    return (matrix / spread).round().to(torch.int8).contiguous(), scale.contiguous()


def expand(codes: torch.Tensor, scale: torch.Tensor, width: int) -> torch.Tensor:
    """Return the float32 matrix that :func:`shrink` rounded."""
    return codes.float() * scale.repeat_interleave(width, dim=1)[:, : codes.shape[1]]


def _unpickled(folder: Path) -> dict[str, torch.Tensor]:
    path = folder / PICKLED
    if not path.is_file():
        raise DataFileError(f"{folder} holds no weights; expected {SAFE} or {PICKLED}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataFileError(f"{path} cannot be read as tensors only: {reason}") from None
    if not isinstance(content, dict) or not all(torch.is_tensor(x) for x in content.values()):
        raise DataFileError(f"{path} holds something else than named tensors")
    return content


def _check_names(names: set[str], folder: Path) -> None:
    missing = sorted(set(REQUIRED) - names)
    strange = sorted(names - set(REQUIRED) - set(OPTIONAL))
    if len(names & set(BIASES)) not in (0, len(BIASES)):
        missing += sorted(set(BIASES) - names)
    if missing:
        raise DataFileError(f"{folder}: tensors missing for an EAGLE-1 head: {', '.join(missing[:4])}")
    if strange:
        raise DataFileError(
            f"{folder}: tensors that an EAGLE-1 head does not have: {', '.join(strange[:4])};"
            " heads of one layer without input norm are read (EAGLE-1 and -2, not EAGLE-3)"
        )
