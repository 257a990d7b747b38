"""What was asked, of which models, when, where and with which versions: ``manifest.json``."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mdsd_theory.capture.positions import Prompt
from mdsd_theory.capture.storage import write
from mdsd_theory.errors import DataFileError, InputError

NAME = "manifest.json"
FORMAT = 1
PACKAGES = ("mdsd-theory", "torch", "transformers", "numpy", "numba", "pyarrow", "ray")

Manifest = dict[str, Any]
"""Keys: format, settings (which a later run must repeat), models, runs, finished, totals."""


def read_manifest(out: str | Path) -> Manifest:
    """Return the manifest of a capture.

    Raises
    ------
    DataFileError
        When there is none, or it is no manifest.
    """
    path = Path(out) / NAME
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise DataFileError(f"{path} is no JSON: {error}; --restart begins anew") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise DataFileError(f"{path} is no manifest of format {FORMAT}; --restart begins anew")
    return found


def write_manifest(out: Path, manifest: Manifest) -> None:
    """Write the manifest, whole or not at all."""
    write(out / NAME, (json.dumps(manifest, ensure_ascii=False, indent=1) + "\n").encode())


def open_manifest(out: Path, settings: Mapping[str, Any]) -> Manifest:
    """Return the folder's manifest, or a new one.

    Raises
    ------
    InputError
        Naming the first setting that differs from the folder's.
    """
    settings = json.loads(json.dumps(settings))
    if not (out / NAME).exists():
        return {"format": FORMAT, "settings": settings, "models": {}, "runs": [], "finished": None}
    manifest = read_manifest(out)
    require_same(manifest["settings"], settings, out)
    return manifest


def require_same(old: Any, new: Any, out: Path) -> None:
    """Refuse to mix rows of different settings or models in one folder.

    Raises
    ------
    InputError
    """
    for name, was, now in _differences(old, json.loads(json.dumps(new))):
        raise InputError(
            f"{out} was begun with {name} = {was}, not {now}; "
            "repeat its settings, choose another folder, or begin anew with --restart"
        )


def _differences(old: Any, new: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        if old != new:
            yield name, json.dumps(old), json.dumps(new)
        return
    for key in (*old, *(key for key in new if key not in old)):
        yield from _differences(old.get(key), new.get(key), f"{name}.{key}" if name else key)


def begin_run(manifest: Manifest, **facts: Any) -> None:
    """Note that a run has started: when, on what, with which versions."""
    run = {"started": now(), "finished": None, **facts, "versions": versions(), "machine": machine()}
    manifest["runs"].append(run)
    manifest["finished"] = None


def finish_run(manifest: Manifest, totals: Mapping[str, Any]) -> None:
    """Note that all blocks are there."""
    manifest["finished"] = manifest["runs"][-1]["finished"] = now()
    manifest["totals"] = dict(totals)


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Return the versions of Python, of the packages that matter and of the source tree, where known."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    if described := _git_describe():
        found["git"] = described
    return found


def _git_describe() -> str:
    """Return what git calls the source tree, if the package runs from one."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--tags"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def machine() -> str:
    """Return system and processor."""
    return f"{platform.system()} {platform.machine()}"


def digest(prompts: Sequence[Prompt]) -> str:
    """Return the SHA-256 of numbers, turns and tasks."""
    text = json.dumps([asdict(prompt) for prompt in prompts], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
