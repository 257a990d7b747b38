"""Importing the package is light: no torch, cvxpy, pandas or plots until they are needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import mdsd_theory

HEAVY = (
    "torch",
    "cvxpy",
    "scipy",
    "networkx",
    "highspy",
    "pandas",
    "matplotlib",
    "rich",
    "transformers",
    "pyarrow",
    "ray",
    "datasets",
)


def loaded_by(statement):
    code = f"{statement}; import sys; print(*[m for m in {HEAVY} if m in sys.modules])"
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()


def test_import_loads_nothing_heavy():
    assert loaded_by("import mdsd_theory") == []


def test_numpy_input_does_not_load_torch():
    call = "import mdsd_theory as m; m.optimal_acceptance([.5, .5], [.25, .75], n=1)"
    assert "torch" not in loaded_by(call)


def imports_of(folder):
    """The package's modules that the files of a folder import, wherever in the file."""
    found = set()
    for file in (Path(mdsd_theory.__file__).parent / folder).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
            elif isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
    return {name for name in found if name.startswith("mdsd_theory")}


def test_arrows_run_one_way():
    assert not any(".dual" in name for name in imports_of("reference"))
    assert not any(".reference" in name for name in imports_of("dual"))
    assert not any(".dual" in name or ".reference" in name for name in imports_of("rigorous"))
    for name in imports_of("schemes"):
        below = ("schemes", "distributions", "intake", "arrays", "errors")
        assert name.removeprefix("mdsd_theory.").split(".")[0] in below, name


def test_only_the_command_line_knows_the_proofs():
    package = Path(mdsd_theory.__file__).parent
    files = (file for file in package.rglob("*.py") if file.parent.name not in ("proving", "proofs"))
    assert [x.name for x in files if "mdsd_theory.proving" in x.read_text("utf-8")] == ["cli_prove.py"]
