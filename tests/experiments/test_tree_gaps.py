"""The table of gaps: no rule beats the optimum, and the known ones are where they should be."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

FOLDER = Path(__file__).parents[2] / "experiments"


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(FOLDER))
    try:
        yield importlib.import_module("tree_gaps")
    finally:
        sys.path.remove(str(FOLDER))
        sys.modules.pop("tree_gaps", None)


def test_the_table(script, tmp_path):
    file = tmp_path / "gaps.md"
    options = ["--trees", "chain:2,2x1", "--models", "2", "--vocabulary", "2", "-o", str(file)]
    found = CliRunner().invoke(script.app, options, catch_exceptions=False)
    assert found.exit_code == 0
    text = file.read_text(encoding="utf-8")
    assert text.count("**optimum**") == 8
    for line in text.splitlines():
        if line.startswith("| chain:2") and ("| block |" in line or "| traversal |" in line):
            assert line.endswith("| 0.00 | 0.00 | 100 |")
        if line.startswith("| 2x1") and "| optimal |" in line:
            assert line.endswith("| 0.00 | 0.00 | 100 |")


def test_no_rule_emits_more_than_the_best(script):
    found = script.measure("2x2", 3, 2, 5)
    for one in found.values():
        assert len(one.gap) == 2
        assert all(0 <= gap < best for gap, best in zip(one.gap, one.best, strict=True))


def test_the_shipped_table_is_of_the_default_command(script):
    text = (FOLDER / "results" / "checks" / "tree_gaps.md").read_text(encoding="utf-8")
    assert text.startswith("`python experiments/tree_gaps.py --trees chain:3,2x2,2x3 --vocabulary 3")
