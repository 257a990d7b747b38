"""Rows that break an order are found, and no others."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mdsd_theory.capture.measures import measure  # noqa: E402
from mdsd_theory.capture.orderings import TOLERANCE, excused, merged, violations  # noqa: E402
from mdsd_theory.capture.positions import KEYS, Positions, Questions  # noqa: E402


@pytest.fixture
def columns(rng):
    target = 2 * rng.normal(size=(8, 12))
    draft = target + rng.normal(size=(8, 12))
    keys = (np.arange(8) // 4, np.zeros(8, dtype=int), np.arange(8), np.arange(8) + 100)
    positions = Positions(*keys, torch.tensor(target), torch.tensor(draft))
    schemes = ("all", "with_replacement@top5", "without_replacement@top5")
    return dict(measure(positions, Questions((0.7, 1.0), (2, 3), schemes)))


def planted(columns, name, row, value):
    changed = columns[name].copy()
    changed[row] = value
    return columns | {name: changed}


def row_of(columns, **keys):
    found = np.flatnonzero(np.logical_and.reduce([columns[k] == v for k, v in keys.items()]))
    assert len(found) == 1
    return found[0]


KEY = {"position": 5, "temperature": 1.0, "n": 3}


def test_nothing_is_broken(columns):
    assert violations(columns) == []


@pytest.mark.parametrize("name", ["rrs", "k_seq", "optimal", "naive"])
def test_a_rule_above_the_optimum(columns, name):
    row = row_of(columns, scheme="with_replacement", **KEY)
    found = violations(planted(columns, name, row, columns["alpha"][row] + 3 * TOLERANCE))
    broken = {x["broken"] for x in found}
    assert f"{name} <= alpha" in broken
    assert name == "optimal" or f"{name} <= optimal" in broken
    for x in found:
        assert {key: x[key] for key in KEY} == KEY
        assert (x["prompt"], x["token"], x["scheme"]) == (1, 105, "with_replacement")
        assert x["less"] - x["more"] > x["by"] > 0


def test_a_rule_below_naive_and_an_optimum_outside_its_bounds(columns):
    row = row_of(columns, scheme="greedy", **KEY)
    below = planted(columns, "greedy", row, columns["naive"][row] - 2 * TOLERANCE)
    assert [x["broken"] for x in violations(below)] == ["naive <= greedy"]
    for name, order, by in (("lower", "lower <= alpha", 1e-5), ("upper", "alpha <= upper", -1e-5)):
        changed = planted(columns, name, row, columns["alpha"][row] + by)
        assert [x["broken"] for x in violations(changed)] == [order]


@pytest.mark.parametrize("cut", ["", "@top5"])
def test_replacement_above_no_replacement(columns, cut):
    row = row_of(columns, scheme="with_replacement" + cut, **KEY)
    other = row_of(columns, scheme="without_replacement" + cut, **KEY)
    value = columns["alpha"][other] + 2 * TOLERANCE
    changed = planted(planted(columns, "alpha", row, value), "upper", row, value)
    (found,) = violations(changed)
    assert found["broken"] == "alpha with_replacement <= alpha without_replacement"
    assert found["scheme"] == "with_replacement" + cut
    assert found["by"] == pytest.approx(TOLERANCE, rel=1e-6)
    rule = columns["rrs_without_replacement"][other] + 1e-4
    found = violations(planted(columns, "rrs", row, rule))
    assert "rrs with_replacement <= rrs_without_replacement without_replacement" in [
        x["broken"] for x in found
    ]


def test_rows_in_any_order(columns, rng):
    row = row_of(columns, scheme="with_replacement", **KEY)
    changed = planted(columns, "alpha", row, 1.0)
    shuffle = rng.permutation(len(changed["n"]))
    mixed = violations({name: x[shuffle] for name, x in changed.items()})
    assert {(x["broken"], x["position"]) for x in mixed} == {
        ("alpha <= upper", 5),
        ("alpha with_replacement <= alpha without_replacement", 5),
    }


def test_stated_errors_are_allowed(columns):
    row = row_of(columns, scheme="without_replacement", **KEY)
    short = planted(columns, "optimal", row, columns["rrs_without_replacement"][row] - 1e-3)
    assert [x["broken"] for x in violations(short)] == ["rrs_without_replacement <= optimal"]
    assert violations(planted(short, "optimal_error", row, 1e-3)) == []
    above = planted(columns, "rrs_without_replacement", row, columns["alpha"][row] + 5e-4)
    above = planted(above, "rrs_without_replacement_error", row, 1e-4)
    assert "rrs_without_replacement <= alpha" in [x["broken"] for x in violations(above)]
    # From four drafts on the error is a standard error.
    four = above | {"n": np.where(columns["n"] == 3, 4, columns["n"])}
    assert violations(four) == []


def test_what_stated_errors_excuse_is_counted(columns):
    assert excused(columns) == {}
    row = row_of(columns, scheme="without_replacement", **KEY)
    other = row_of(columns, scheme="without_replacement", **(KEY | {"position": 2}))
    excess, changed = {row: 5e-4, other: 2e-3}, columns
    for at, x in excess.items():
        changed = planted(changed, "optimal", at, columns["alpha"][at] + x)
        changed = planted(changed, "optimal_error", at, 4e-3)
    assert violations(changed) == []
    found = excused(changed)
    assert found == {"optimal <= alpha": {"rows": 2, "largest": pytest.approx(2e-3, rel=1e-9)}}
    broken = planted(changed, "optimal_error", other, 1e-3)
    assert [x["position"] for x in violations(broken)] == [2]
    assert excused(broken)["optimal <= alpha"]["rows"] == 1
    assert merged([found, {}, found])["optimal <= alpha"]["rows"] == 4
    rrs = row_of(columns, scheme="with_replacement", **KEY)
    above = planted(columns, "rrs", rrs, columns["rrs_without_replacement"][row] + 1e-4)
    above = planted(above, "rrs_without_replacement_error", row, 2e-4)
    name = "rrs with_replacement <= rrs_without_replacement without_replacement"
    assert excused(above)[name] == {"rows": 1, "largest": pytest.approx(1e-4, rel=1e-6)}


def test_shards_of_other_positions_and_few_columns(columns):
    twice = {name: np.concatenate([x, x + 100 if name == "prompt" else x]) for name, x in columns.items()}
    assert violations(twice) == []
    row = row_of(columns, scheme="with_replacement", **KEY)
    twice["alpha"][row] = twice["upper"][row] = 1.0
    assert [(x["prompt"], x["position"]) for x in violations(twice)] == [(1, 5)]
    few = {name: twice[name] for name in (*KEYS, "alpha")}
    assert [(x["broken"], x["prompt"]) for x in violations(few)] == [
        ("alpha with_replacement <= alpha without_replacement", 1)
    ]
