"""The reference layer shares no code with the fast one, and imports nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mdsd_theory.reference

FILES = sorted(Path(mdsd_theory.reference.__file__).parent.glob("*.py"))
HEAVY = {"cvxpy", "highspy", "networkx", "torch"}


def imported(tree):
    """Yield the names of the modules that a syntax tree imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            alone = node.module == "mdsd_theory"
            yield from (f"{node.module}.{a.name}" for a in node.names) if alone else [node.module]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_only_errors_are_shared(file):
    own = {name for name in imported(ast.parse(file.read_text("utf-8"))) if "mdsd" in name}
    shared = ("mdsd_theory.reference", "mdsd_theory.errors", "mdsd_theory.check_certificate")
    assert all(name.startswith(shared) for name in own)


def test_the_checker_knows_no_solver():
    check = next(file for file in FILES if file.stem == "check")
    own = {name for name in imported(ast.parse(check.read_text("utf-8"))) if "mdsd" in name}
    assert own == {"mdsd_theory.errors"}


def test_importing_the_layer_imports_no_solver():
    code = f"import sys, mdsd_theory.reference; print({HEAVY} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
