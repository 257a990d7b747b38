"""The model that has the last word."""

from __future__ import annotations

from typing import Any

from mdsd_theory.models.base import Target
from mdsd_theory.models.checkpoint import load_checkpoint
from mdsd_theory.models.packages import require
from mdsd_theory.models.placement import find_device, find_dtype


def load_target(spec: str, *, dtype: str = "auto", device: str = "auto") -> Target:
    """Load a target.

    Parameters
    ----------
    spec : str
        A Hugging Face id, a folder, or a path that ends in ``.gguf``.
    dtype : str
        ``"auto"`` is bfloat16 on CUDA and float32 elsewhere.
    device : str
        ``"auto"`` is CUDA where there is one.

    Returns
    -------
    Target
        In evaluation mode, without gradients, with the attention that transformers chooses.

    Raises
    ------
    DataFileError, InputError, MissingDependencyError
        See :func:`~mdsd_theory.models.checkpoint.load_checkpoint`; for unknown dtypes and devices.

    Notes
    -----
    bfloat16 changes the law: for SmolLM2-135M-Instruct Σ min(p in float32, p in bfloat16) is about 0.982.
    """
    require("loading a model", "torch", "transformers")
    place = find_device(device)
    loaded = load_checkpoint(spec, find_dtype(dtype, place), place)
    stop = stop_tokens(loaded.model, loaded.tokenizer)
    return Target(loaded.model, loaded.tokenizer, loaded.info, loaded.context, stop)


def stop_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end a response: all that generation settings and tokenizer name.

    Chat models list the end of a turn beside the end of a text in their generation settings.
    """
    found: set[int] = set()
    for named in (model.generation_config.eos_token_id, tokenizer.eos_token_id):
        found.update(named if isinstance(named, list) else () if named is None else (named,))
    return frozenset(found)
