"""Pages are found, checked one by one or side by side, and shown."""

import io
import pickle
import queue

import numpy as np
import pytest
from rich.console import Console

from mdsd_theory.errors import InputError
from mdsd_theory.proving import Level, Verdict, pages
from mdsd_theory.proving.run import _start, _work, run
from mdsd_theory.proving.view import as_data, claims, contents, remarks, summary

from .conftest import BROKEN, FALSE, TRUE, UNDECIDED


def text_of(*renderables):
    console = Console(file=io.StringIO(), width=140)
    console.print(*renderables)
    return console.file.getvalue()


def test_pages_are_in_order_and_have_titles(library):
    found = library(truth=TRUE, lie=FALSE)
    assert [(page.number, page.title) for page in found] == [(1, "About truth"), (2, "About lie")]
    assert "About lie" in text_of(contents(found))


def test_unknown_page(library):
    library(truth=TRUE)
    with pytest.raises(InputError, match="no theorem 2; expected 1 to 1"):
        pages.page(2)


def test_outcomes_of_all_kinds(library):
    found = library(truth=TRUE, lie=FALSE, silence=UNDECIDED, accident=BROKEN)
    outcomes = list(run(found, Level.QUICK, seed=0, jobs=1))
    assert [outcome.evidence.verdict for outcome in outcomes] == [
        Verdict.HOLDS,
        Verdict.REFUTED,
        Verdict.UNDECIDED,
        Verdict.UNDECIDED,
    ]
    assert [as_data(outcome)["verdict"] for outcome in outcomes] == [
        "holds",
        "refuted",
        "undecided",
        "broken",
    ]
    table = text_of(summary(outcomes, "here"))
    assert "Δ = 0" in table
    assert "1 refuted" in table
    assert "check broke" in table
    assert remarks(outcomes[0]) == []
    assert remarks(outcomes[1]) == [
        "theorem 2: REFUTED: p is above q",
        "  smallest counterexample found: p = (0, 1), q = (1, 0), n = 1",
        "  margin -1",
        "theorem 2: no counterexample to “q₀ is above p₀”: p = (1/2, 1/2), q = (1, 0), n = 1",
    ]
    assert remarks(outcomes[2]) == ["theorem 3: undecided: anything (none). Why."]
    assert remarks(outcomes[3]) == ["theorem 4: the check broke: ValueError: no such token"]


def test_one_row_a_claim(library):
    (outcome,) = run(library(lie=FALSE), Level.QUICK, seed=0, jobs=1)
    shown = text_of(claims(outcome))
    assert "false: q₀ is above p₀" in shown
    assert "not refuted" in shown


def test_side_by_side_equals_one_by_one():
    chosen = [pages.page(1), pages.page(2)]
    reports = []
    together = list(run(chosen, Level.QUICK, 3, jobs=2, watcher=lambda *report: reports.append(report)))
    alone = list(run(chosen, Level.QUICK, 3, jobs=1))
    assert [outcome.error for outcome in together] == ["", ""]

    def found(outcomes):
        by_number = sorted(outcomes, key=lambda outcome: outcome.page.number)
        return [(f.claim, f.instances, f.margin) for o in by_number for f in o.evidence.findings]

    assert found(together) == found(alone)
    assert {report[0] for report in reports} == {1, 2}


def test_a_seed_gives_the_same_instances_whatever_else_runs():
    one = pages.page(1)
    (first,) = run([one], Level.QUICK, 5, jobs=1)
    again = one.check(Level.QUICK, np.random.default_rng([5, 1]))
    assert [f.witness for f in first.evidence.findings] == [f.witness for f in again.findings]


def test_levels_try_more(library):
    (page,) = library(truth=TRUE)
    rng = np.random.default_rng(0)
    counts = [page.check(level, rng).instances for level in Level]
    assert counts == sorted(set(counts))


OWN_KIND = """
    from __future__ import annotations

    from dataclasses import dataclass

    from mdsd_theory.proving import Evidence, Kind, Sample, holds

    @dataclass(frozen=True)
    class Tree:
        depth: int

        def __str__(self):
            return f"a tree of depth {self.depth}"

    def check(level, rng):
        "trees are shallow"
        trees = Sample(Kind.RANDOM, "trees", [Tree(1), Tree(5)])
        return Evidence.of(holds("trees are shallow", trees, lambda x: x.depth < 3))
"""


def test_witnesses_of_a_page_s_own_kind_travel_as_text(library):
    (page,) = library(trees=OWN_KIND)
    _start(queue.Queue())
    number, evidence, _, error = _work(page.number, Level.QUICK, 0)
    assert (number, error) == (1, "")
    assert evidence.findings[0].witness == "a tree of depth 5"
    assert pickle.loads(pickle.dumps(evidence)) == evidence


def test_an_altered_page_may_define_dataclasses(library):
    (page,) = library(trees=OWN_KIND)
    module = pages.load(page.path, page.path.read_text(encoding="utf-8").replace("< 3", "< 9"))
    assert module.check(Level.QUICK, None).verdict is Verdict.HOLDS
