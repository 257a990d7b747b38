"""The pages of results say what the files beside them say."""

import re
from pathlib import Path

import pytest

from mdsd_theory.capture.manifest import read_manifest
from mdsd_theory.study.rows import read
from mdsd_theory.study.table import table

cogapp = pytest.importorskip("cogapp")
RESULTS = Path(__file__).parents[2] / "experiments" / "results"
PAGES = [RESULTS / "README.md", RESULTS / "trees" / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda x: x.parent.name)
def test_tables_are_those_of_the_files(page, monkeypatch, capsys):
    monkeypatch.chdir(RESULTS.parents[1])
    assert cogapp.Cog().main(["cog", "--check", "--diff", str(page)]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda x: x.parent.name)
def test_every_file_that_is_linked_is_there(page):
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert len(links) > 4
    assert [x for x in links if not (page.parent / x).exists()] == []


def test_rows_that_are_kept_can_be_read_and_are_of_the_whole():
    folders = sorted((RESULTS / "captures").glob("*/*"))
    frame = read(folders)
    shown = table(frame, 0.7, 3)
    assert shown["pair"].nunique() == 3
    assert shown["sample"].iloc[0].startswith("A sample of 72 of 4,512 prompts.")
    for folder in folders:
        totals = read_manifest(folder)["sample"]["totals"]
        assert totals["violations"] == {}
        assert totals["positions"] == sum(x["positions"] for x in read_manifest(folder)["runs"])


def test_manifests_name_no_folder_of_a_machine():
    for path in RESULTS.glob("**/manifest.json"):
        assert not re.search(r'"[^"]*(/home|/root|/tmp|/work)', path.read_text(encoding="utf-8")), path
