"""A draft from what names it."""

from __future__ import annotations

import json
from pathlib import Path

from mdsd_theory.models.base import Draft, Target
from mdsd_theory.models.checkpoint import is_gguf, require_found
from mdsd_theory.models.packages import require
from mdsd_theory.models.pretrained import load_model_draft
from mdsd_theory.models.skipped import PREFIX, skip_layers


def load_draft(spec: str, target: Target) -> Draft:
    """Load a draft for a target, in its dtype, on its device.

    Parameters
    ----------
    spec : str
        ``skip:14-18`` for the target without those layers; a Hugging Face id, a folder or a GGUF file for
        another model with the target's tokenizer, or for an EAGLE-style head.
    target : Target

    Returns
    -------
    Draft

    Raises
    ------
    InputError
        For layers that cannot be skipped, or a tokenizer that is not the target's.
    DataFileError, MissingDependencyError
        See :func:`~mdsd_theory.models.checkpoint.load_checkpoint`.
    """
    require("loading a model", "torch", "transformers")
    if spec.startswith(PREFIX):
        return skip_layers(spec, target)
    require_found(spec)
    if is_gguf(spec):
        return load_model_draft(spec, target)
    if Path(spec).exists():
        return _of_folder(spec, target)
    return _of_hub(spec, target)


def _of_folder(spec: str, target: Target) -> Draft:
    from mdsd_theory.models.eagle import is_eagle, load_eagle

    folder = Path(spec)
    return load_eagle(folder, target) if is_eagle(folder) else load_model_draft(spec, target)


def _of_hub(spec: str, target: Target) -> Draft:
    """Return a hub's draft; a head has one layer, so that only then all files are fetched to look."""
    from huggingface_hub import hf_hub_download, snapshot_download

    from mdsd_theory.models.eagle import is_eagle, load_eagle

    try:
        config = Path(hf_hub_download(spec, "config.json"))
        if json.loads(config.read_text(encoding="utf-8")).get("num_hidden_layers") != 1:
            return load_model_draft(spec, target)
        folder = Path(snapshot_download(spec))
    except (OSError, ValueError):
        return load_model_draft(spec, target)
    if not is_eagle(folder):
        return load_model_draft(spec, target)
    draft = load_eagle(folder, target)
    draft.info.update(name=spec, revision=folder.name)
    return draft
