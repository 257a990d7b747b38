"""Configurations of target and draft: what is run, on what, under which licences."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from mdsd_theory.errors import DataFileError, InputError
from mdsd_theory.models.packages import require
from mdsd_theory.models.placement import DTYPES

PLACES = ("target", "draft", "chat_template")
"""Keys that may be paths."""


@dataclass(frozen=True)
class Pair:
    """A target, a draft, and how they are compared.

    Attributes
    ----------
    name : str
        For tables: ``"LLaMA-7B / 68M"``.
    target, draft : str
        As :func:`~mdsd_theory.models.target.load_target` and
        :func:`~mdsd_theory.models.resolve.load_draft` take them.
    dtype : str
    temperature : tuple of float
    n : tuple of int
        Numbers of drafts.
    max_tokens : int
        Most new tokens of a response.
    tasks : tuple of str
        Names of prompts.
    template : str
        What stands around a prompt, in words.
    licence : str
        Of weights, target's and draft's, in words.
    chat_template : str
        Jinja file in place of the target's own template; empty for that.
    """

    name: str
    target: str
    draft: str
    dtype: str
    temperature: tuple[float, ...]
    n: tuple[int, ...]
    max_tokens: int
    tasks: tuple[str, ...]
    template: str
    licence: str
    chat_template: str = ""


def read_pair(path: str | Path) -> Pair:
    """Return the pair that a YAML file describes.

    Parameters
    ----------
    path : str or Path
        Folders that begin with a dot are taken from where the file is.

    Returns
    -------
    Pair

    Raises
    ------
    DataFileError
        For a file that is missing or is not YAML.
    InputError
        For unknown or missing keys, or values out of range.
    MissingDependencyError
        Without PyYAML.
    """
    file = Path(path)
    content = _read(file)
    names = [field.name for field in fields(Pair)]
    for what, keys in (
        ("unknown", [str(key) for key in content if key not in names]),
        ("no", [x.name for x in fields(Pair) if x.default is MISSING and x.name not in content]),
    ):
        if keys:
            raise InputError(
                f"{file.name}: {what} {', '.join(keys)}; expected the keys {', '.join(names)}"
            )
    pair = Pair(
        **{key: _text(file, key, content[key]) for key in ("name", "dtype", "template", "licence")},
        **{key: _beside(file, _text(file, key, content[key])) for key in PLACES if key in content},
        temperature=_numbers(file, "temperature", content["temperature"], (int, float)),
        n=_numbers(file, "n", content["n"], int),
        max_tokens=_numbers(file, "max_tokens", [content["max_tokens"]], int)[0],
        tasks=_texts(file, "tasks", content["tasks"]),
    )
    if pair.dtype not in DTYPES:
        raise InputError(f"{file.name}: dtype is {pair.dtype!r}; expected one of {', '.join(DTYPES)}")
    return pair


def _read(file: Path) -> Mapping[str, Any]:
    require("a configuration of a pair", "yaml")
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataFileError(f"{file} cannot be read: {error.strerror}; expected a .yaml file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataFileError(f"{file} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise InputError(f"{file.name} holds {type(content).__name__}; expected keys and values")
    return content


def _text(file: Path, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{file.name}: {key} is {value!r}; expected a text")
    return " ".join(value.split())


def _texts(file: Path, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise InputError(f"{file.name}: {key} is {value!r}; expected a list of names")
    return tuple(_text(file, key, x) for x in value)


def _numbers(file: Path, key: str, value: Any, kind: Any) -> tuple[Any, ...]:
    good = isinstance(value, list) and all(isinstance(x, kind) and x > 0 for x in value)
    if not good or not value or any(isinstance(x, bool) for x in value):
        raise InputError(f"{file.name}: {key} is {value!r}; expected numbers above 0")
    return tuple(value)


def _beside(file: Path, spec: str) -> str:
    return os.path.normpath(file.parent / spec) if spec.startswith(".") else spec
