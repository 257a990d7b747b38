"""A model with its tokenizer from a Hugging Face id, a folder or a GGUF file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdsd_theory.errors import DataFileError
from mdsd_theory.models.base import Info
from mdsd_theory.models.packages import require

if TYPE_CHECKING:
    import torch

EXPECTED = "expected a Hugging Face id, a folder with config.json, weights and tokenizer, or a .gguf file"


@dataclass(frozen=True)
class Checkpoint:
    """A causal language model as it was loaded.

    Attributes
    ----------
    model : transformers.PreTrainedModel
        In evaluation mode, without gradients, on its device.
    tokenizer : transformers.PreTrainedTokenizerBase
    info : dict
        Name, revision or digest, licence where it is known, dtype, parameters, architecture, versions.
    context : int
        Most tokens of a sequence.
    """

    model: Any
    tokenizer: Any
    info: Info
    context: int


def load_checkpoint(spec: str, dtype: torch.dtype, device: torch.device) -> Checkpoint:
    """Load a model and its tokenizer.

    Parameters
    ----------
    spec : str
        A Hugging Face id, a folder, or a path that ends in ``.gguf``.
    dtype : torch.dtype
    device : torch.device

    Returns
    -------
    Checkpoint

    Raises
    ------
    DataFileError
        For a missing file, something that is not a causal language model, or missing weights.
    MissingDependencyError
        Without transformers; without gguf and accelerate for a GGUF file.
    """
    require("loading a model", "torch", "transformers")
    from mdsd_theory.models.gguf_file import load_gguf

    require_found(spec)
    model, tokenizer, info = load_gguf(spec, dtype) if is_gguf(spec) else load_hugging_face(spec, dtype)
    model = model.to(device).eval().requires_grad_(False)
    return Checkpoint(model, tokenizer, info | describe(model), context_of(model, tokenizer))


def is_gguf(spec: str) -> bool:
    """Say whether a spec names a GGUF file."""
    return spec.lower().endswith(".gguf")


def require_found(spec: str) -> None:
    """Raise for a path that leads nowhere, before a hub is asked for a model of that name."""
    looks_local = spec.startswith((".", "/", "~", "\\")) or spec.count("/") > 1 or is_gguf(spec)
    if not spec or (looks_local and not Path(spec).exists()):
        raise DataFileError(f"no file or folder {spec!r}; {EXPECTED}")


def load_hugging_face(spec: str, dtype: torch.dtype) -> tuple[Any, Any, Info]:
    """Return model, tokenizer and what is known of them, from a Hugging Face id or a folder."""
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    local = Path(spec).exists()
    try:
        tokenizer = AutoTokenizer.from_pretrained(spec, local_files_only=local)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            spec, dtype=dtype, local_files_only=local, output_loading_info=True
        )
    except torch.OutOfMemoryError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataFileError(
            f"{spec!r} is not a model that can be loaded: {reason} ({EXPECTED})"
        ) from error
    model, report = loaded
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise DataFileError(
            f"{spec!r} lacks {len(missing)} weights of a {type(model).__name__}, the first {missing[0]}; "
            "expected a complete causal language model"
        )
    return model, tokenizer, name_of(spec) | {"revision": getattr(model.config, "_commit_hash", None)}


def name_of(spec: str) -> Info:
    """Return name and licence: of a folder its own name, never the path, and what its model card says."""
    folder = Path(spec)
    if not folder.exists():
        return {"name": spec}
    licence = licence_of(folder / "README.md")
    return {"name": folder.resolve().name} | ({"licence": licence} if licence else {})


def licence_of(card: Path) -> str | None:
    """Return the licence that a model card states; nothing for no card, or one that cannot be read."""
    import yaml
    from huggingface_hub import metadata_load

    try:
        facts = metadata_load(card)
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return str(facts["license"]) if facts and facts.get("license") else None


def describe(model: Any) -> Info:
    """Return what any model can say of itself: dtype, parameters, architecture, versions."""
    from importlib.metadata import version

    return {
        "dtype": str(model.dtype).removeprefix("torch."),
        "parameters": sum(x.numel() for x in model.parameters()),
        "architecture": type(model).__name__,
        "transformers": version("transformers"),
    }


def context_of(model: Any, tokenizer: Any) -> int:
    """Return the most tokens of a sequence; the tokenizer's word where the model sets no limit."""
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return int(tokenizer.model_max_length if limit is None else limit)
