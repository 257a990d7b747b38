"""The distributions that ship with the package: a real target and draft at real positions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Any

import numpy as np

from mdsd_theory.errors import DataFileError
from mdsd_theory.logits import from_logits

NAME = "smollm2_135m_skip_14_18"


@dataclass(frozen=True, eq=False)
class DemoData:
    """Next-token distributions of an LLM and its draft.

    Attributes
    ----------
    p, q : array, shape (positions, V)
        Target and draft, float64.
    temperature : float
        Applied to both.
    manifest : dict
        Models, prompts, how to make the file again, and a record for each position: its context, the
        token that came, and the text of the most likely tokens.
    """

    p: np.ndarray[Any, Any]
    q: np.ndarray[Any, Any]
    temperature: float
    manifest: dict[str, Any]


def load_demo_data(temperature: float | None = None) -> DemoData:
    """Return the shipped distributions of SmolLM2-135M-Instruct and its layer-skipping draft.

    Parameters
    ----------
    temperature : float, optional
        0.7 when left out. The file holds logits, so that any temperature can be asked for.

    Returns
    -------
    DemoData
        24 positions over the full vocabulary of 49,152 tokens.

    Examples
    --------
    >>> from mdsd_theory.demo_data import load_demo_data
    >>> load_demo_data().p.shape
    (24, 49152)
    """
    manifest = json.loads(_resource(f"{NAME}.json").read_text(encoding="utf-8"))
    chosen = float(manifest["default_temperature"] if temperature is None else temperature)
    from safetensors.numpy import load_file

    with as_file(_resource(f"{NAME}.safetensors")) as path:
        logits = load_file(path)
    p, q = (
        from_logits(logits[key].astype(np.float64), temperature=chosen)
        for key in ("target_logits", "draft_logits")
    )
    return DemoData(p, q, chosen, manifest)


def _resource(name: str) -> Any:
    resource = files("mdsd_theory.data").joinpath(name)
    if not resource.is_file():
        raise DataFileError(f"{name} is missing from the installed package; install it again")
    return resource
