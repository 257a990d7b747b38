"""``mdsd table`` and ``mdsd figure`` on folders."""

from __future__ import annotations

import json

import pytest
from study.study_rows import capture, simulated

from mdsd_theory.capture.manifest import NAME
from mdsd_theory.study import figures
from mdsd_theory.study.figures import FIGURES


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture
def folder(tmp_path):
    return capture(tmp_path / "out", simulated(prompts=6, tasks=("chat", "maths")), "T", "D")


def test_the_table_is_printed(run, folder):
    code, out, err = run("table", folder)
    assert (code, err) == (0, "")
    assert "T / D" in out
    assert "without replacement" in out
    assert "0.0000 ± 0.0000" in out


def test_formats(run, folder, tmp_path):
    assert run("table", folder, "--format", "latex")[1].startswith(r"\begin{table*}")
    code, out, _ = run("table", folder, "--format", "json", "--tasks", "maths")
    assert code == 0
    assert {x["task"] for x in json.loads(out)} == {"maths"}
    assert run("table", folder, "-o", tmp_path / "t.md")[:2] == (0, "")
    assert (tmp_path / "t.md").read_text(encoding="utf-8").count("###") == 4


def test_findings_are_markdown(run, folder):
    code, out, _ = run("table", folder, "--findings")
    assert code == 0
    assert out.startswith("# Findings")
    assert "| Drafts without replacement beat drafts with. | **confirmed** |" in out


def test_findings_are_of_the_rows_that_are_selected(run, tmp_path):
    frame = simulated(prompts=6, temperatures=(0.7, 1.0), drafts=(2, 3), tasks=("chat", "maths"))
    out = capture(tmp_path / "two", frame, "T", "D")
    assert "T: 0.7, 1; n: 2, 3." in run("table", out, "--findings")[1]
    page = run("table", out, "--findings", "--temperature", 1.0, "--n", 2, "--tasks", "maths")[1]
    assert "tasks: maths. 18 positions of 3 prompts." in page
    assert "T: 1; n: 2." in page
    assert "| 0.7 |" not in page
    assert "sample of" not in page


def test_findings_are_of_a_sample(run, folder):
    manifest = json.loads((folder / NAME).read_text(encoding="utf-8"))
    (folder / NAME).write_text(json.dumps(manifest | {"sample": {"of": 1024}}), encoding="utf-8")
    assert "A sample of 6 of 1,024 prompts." in run("table", folder, "--findings")[1]


def test_figures_are_written(run, folder, tmp_path):
    code, out, _ = run("figure", folder, "--kind", "tasks", "-o", tmp_path / "f")
    assert code == 0
    assert out.split() == [str(tmp_path / "f" / f"tasks.{x}") for x in ("svg", "png")]


def test_kinds_that_the_rows_do_not_allow_are_named(run, folder, tmp_path, monkeypatch):
    few = {name: FIGURES[name] for name in ("drafts", "tasks")}
    monkeypatch.setattr(figures, "FIGURES", few)
    code, out, err = run("figure", folder, "-o", tmp_path / "f")
    assert (code, len(out.split())) == (0, 2)
    assert err == "drafts: left out; --kind drafts tells why\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("table", "OUT", "--format", "pdf"), "--format is 'pdf'; expected terminal, markdown"),
        (("table", "OUT", "--temperature", 2), "no rows of temperature 2; there are 0.7"),
        (("table", "OUT", "--tasks", "law"), "no rows of task law; there are chat, maths"),
        (("table", "OUT", "--findings", "--n", 5), "no rows of n 5; there are 3"),
        (("table", "OUT", "--findings", "--format", "latex"), "'latex'; findings are Markdown only"),
        (("table", "EMPTY"), "holds no rows; expected a folder that mdsd capture wrote"),
        (("table", "OUT", "-o", "EMPTY"), "cannot write"),
        (("figure", "OUT", "-o", "EMPTY", "--kind", "pie"), "--kind is 'pie'; expected temperature"),
    ],
)
def test_refusals_are_one_line(run, folder, tmp_path, arguments, message):
    (tmp_path / "empty").mkdir()
    places = {"OUT": folder, "EMPTY": tmp_path / "empty"}
    code, _, err = run(*(places.get(x, x) for x in arguments))
    assert code == 2
    assert message in err
    assert err.count("\n") == 1


def test_chosen_tasks_are_no_sample(run, folder, tmp_path):
    code, out, _ = run("table", folder, "--tasks", "chat", "--format", "markdown")
    assert code == 0
    assert "A sample" not in out
    assert "chat" in out
    assert "maths" not in out
    drawn = tmp_path / "figures"
    assert run("figure", folder, "--tasks", "chat", "--kind", "tasks", "-o", drawn)[0] == 0
    assert "A sample" not in (drawn / "tasks.svg").read_text(encoding="utf-8")
