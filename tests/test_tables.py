"""Tables at every width, JSON of large subsets, names that look like markup."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

import mdsd_theory as mdsd
from mdsd_theory.demo_data import DemoData, load_demo_data
from mdsd_theory.demo_view import show_demo

P, Q = [0.5, 0.3, 0.2], [0.2, 0.3, 0.5]


class Marked(mdsd.Scheme):
    """Always draft tokens 0 and 2, under a name that rich would read as markup."""

    name = "[/foo] $x$"
    summary = "tokens 0 and 2"

    def set_law(self, q, n):
        return {frozenset({0, 2}): 1.0}


@pytest.fixture(scope="module")
def comparison():
    p, q = np.random.default_rng(5).dirichlet(np.full(300, 0.3), size=(2, 3))
    result = mdsd.compare(p, q, scheme="all")
    rate = result.details["rrs_without_replacement"]
    estimate = replace(rate, standard_error=np.array([1e-5, 2e-5, 3e-5]))
    return mdsd.Comparison(result.optimal, result.details | {"rrs_without_replacement": estimate})


def shown(renderable, width):
    buffer = io.StringIO()
    Console(file=buffer, width=width, color_system=None).print(renderable)
    return buffer.getvalue()


def numbers(comparison):
    for row in comparison.rows:
        yield f"{row.acceptance.mean():.6f}"
        if row.gap is not None:
            yield f"{round(float(row.gap.mean()), 6) + 0.0:.6f}"
        if row.standard_error is not None:
            yield f"± {row.standard_error.mean():.1e}"


@pytest.mark.parametrize("width", [160, 110, 80, 60, 50, 40])
def test_numbers_are_whole_at_every_width(comparison, width):
    text = shown(comparison, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert all(number in text for number in numbers(comparison))
    assert ("route" in text) == (width > 100)


@pytest.mark.parametrize("width", [110, 80])
def test_names_are_whole_where_they_fit(comparison, width):
    text = shown(comparison, width)
    assert all(row.verifier in text for row in comparison.rows if row.verifier)
    assert "gap to α*" in text


def test_no_width_cuts_a_digit(comparison):
    text = shown(comparison, 16)
    digits = sum(c.isdigit() for c in shown(comparison, 40))
    assert sum(c.isdigit() for c in text) == digits
    assert "…" not in text


def test_text_has_every_column(comparison):
    text = str(comparison)
    assert "route" in text
    assert "rrs_without_replacement" in text


def test_a_batch_without_rows():
    empty = np.zeros((0, 30))
    result = mdsd.compare(empty, empty, scheme="all")
    assert "–" in str(result)


def test_names_are_no_markup():
    result = mdsd.compare(P, Q, n=2, scheme=[Marked(), "greedy"])
    for width in (110, 80, 60, 40):
        assert "[/foo] $x$" in shown(result, width)
    assert "[/foo] $x$" in str(result)


def test_the_demo_s_tokens_are_no_markup(capsys):
    record = {"task": "[red]", "context": "[/b] :smile:", "top_tokens": {"0": "[/i]"}}
    manifest = {
        "target": {"name": "[bold]target"},
        "draft": {"removed_layers": [1]},
        "positions": [record],
    }
    p, q = np.array([P]), np.array([Q])
    average, single = (
        mdsd.compare(*pair, n=2, scheme=[Marked(), "greedy"]) for pair in ((p, q), (p[0], q[0]))
    )
    show_demo(DemoData(p, q, 1.0, manifest), average, single, 0)
    out = capsys.readouterr().out
    for text in ("[red]", "[/b] :smile:", "'[/i]'", "[bold]target", "'#1'"):
        assert text in out


def test_json_writes_the_smaller_side_of_a_large_subset():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(100), size=2)
    peaked = 0.9 * np.eye(100)[7] + 0.1 * p
    sides = set()
    for pair in ((p, q), (q, p), (p, peaked), (peaked, p)):
        result = mdsd.compare(*pair, n=1, scheme="greedy", verifiers=[])
        content = result.to_dict()["optimal"]["greedy"]
        inside = result.optimal.subset
        assert content["subset_size"] == inside.sum()
        side = "subset" if 2 * inside.sum() <= 100 else "subset_complement"
        expected = inside if side == "subset" else ~inside
        assert content[side] == np.flatnonzero(expected).tolist()
        assert len({"subset", "subset_complement"} & set(content)) == 1
        sides.add(side)
    assert sides == {"subset", "subset_complement"}


def test_json_of_a_small_vocabulary_has_the_subset():
    p, q = np.eye(64)[7] * 0.9 + 0.1 / 64, np.full(64, 1 / 64)
    content = mdsd.compare(p, q, scheme="greedy").to_dict()["optimal"]["greedy"]
    assert len(content["subset"]) == content["subset_size"]


def test_a_gap_of_rounding_has_no_sign():
    """The optimal verifier's gap is a few 1e-14 of either sign; the table says zero."""
    data = load_demo_data(1.0)
    text = str(mdsd.compare(data.p, data.q, n=2, scheme="with_replacement"))
    assert "-0.000000" not in text
