"""Findings on rows whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from study.study_rows import rows, simulated

from mdsd_theory.study import claims
from mdsd_theory.study.clusters import Estimate
from mdsd_theory.study.differences import error_of, slack_of
from mdsd_theory.study.finding import Number, level_of, signed, verdict_of
from mdsd_theory.study.findings import findings, findings_page
from mdsd_theory.study.gains import LEVELS, expected_tokens, optimal_gains


def number(mean, error, prompts=30, **more):
    return Number("A", 0.7, 3, "x", Estimate(mean, error, 100, prompts), **more)


def mean_of(finding, what, **condition):
    found = [x for x in finding.numbers if x.what == what]
    found = [x for x in found if all(getattr(x, k) == v for k, v in condition.items())]
    assert len(found) == 1
    return found[0].estimate.mean


def test_signs_follow_the_interval():
    signs = [x.sign for x in signed([number(0.1, 0.01), number(-0.1, 0.01), number(0.1, 0.1)])]
    assert signs == ["yes", "no", "open"]
    assert signed([number(0.1, math.nan)])[0].sign == "open"
    assert signed([number(0.1, 0.01, slack=0.09)])[0].sign == "open"
    assert signed([number(-0.1, 0.01, slack=0.09)])[0].sign == "open"
    assert signed([number(0.0, 0.0)])[0].sign == "no"


def test_intervals_hold_together():
    many = [number(2.5, 1.0)] * 20
    assert signed(many[:1])[0].sign == "yes"
    assert {x.sign for x in signed(many)} == {"open"}
    assert level_of(many) == pytest.approx(1 - 0.05 / 20)
    assert level_of([number(1, 1, decides=False), number(1, 1)]) == pytest.approx(0.95)


def test_verdicts():
    yes, no, unsure = number(1, 0.01), number(-1, 0.01), number(0, 1.0)
    told = number(-1, 0.01, decides=False)
    for numbers, verdict in (
        ([yes, unsure, told], "confirmed"),
        ([no, unsure], "refuted"),
        ([yes, no], "mixed"),
        ([unsure, told], "not enough data"),
        ([], "not enough data"),
    ):
        assert verdict_of(signed(numbers)) == verdict


def test_the_paper_is_confirmed_where_it_is_true():
    frame = simulated(
        temperatures=(0.3, 0.7), drafts=(2, 3), greedy=0.1, **{"with_replacement@top100": 0.15}
    )
    found = {x.key: x.verdict for x in findings(frame)}
    assert found == {
        "without": "confirmed",
        "gap": "confirmed",
        "greedy": "confirmed",
        "cold": "confirmed",
        "hot": "not enough data",
        "rrs": "confirmed",
        "top_k": "confirmed",
        "optimal": "confirmed",
    }


def test_the_paper_is_refuted_where_it_is_false():
    frame = simulated(temperatures=(0.3, 1.5), without_replacement=-0.05, greedy=-0.1)
    frame["rrs"] = frame["alpha"].where(frame["scheme"] == "with_replacement")
    frame["k_seq"] = frame["optimal"] = math.nan
    frame["rrs_without_replacement"] = frame["alpha"].where(frame["scheme"] == "without_replacement")
    frame["greedy"] = frame["greedy"] - 1e-3
    found = {x.key: x for x in findings(frame)}
    refuted = {x for x in found if found[x].verdict == "refuted"}
    assert refuted == {"without", "gap", "greedy", "cold", "rrs"}
    assert found["hot"].verdict == "confirmed"
    assert len(found["without"].fails) == 2
    assert "At 360 of 360 positions" in found["without"].note
    assert found["top_k"].verdict == found["optimal"].verdict == "not enough data"
    assert mean_of(found["greedy"], "largest |α* − rate|", temperature=0.3) == pytest.approx(1e-3)


def test_numbers_are_paired_means():
    frame = simulated()
    wide = frame.pivot_table(
        index=["prompt", "position"], columns="scheme", values="alpha", observed=True
    )
    ahead = (wide["without_replacement"] - wide["with_replacement"]).mean()
    found = claims.without_beats_with(frame)
    assert mean_of(found, "α* without − α* with") == pytest.approx(ahead)
    error = found.numbers[0].estimate.standard_error
    assert error < 0.3 * frame.query("scheme == 'greedy'")["alpha"].std() / math.sqrt(30)


def test_one_draft_is_no_condition():
    found = findings(simulated(drafts=(1,)))
    assert all(x.verdict == "not enough data" and not x.numbers for x in found)


def test_greedy_can_fall_behind_at_some_temperature():
    cold, hot = simulated(temperatures=(1.0,)), simulated(temperatures=(1.5,), greedy=0.02)
    frame = rows(*cold.to_dict("records"), *hot.to_dict("records"))
    found = claims.greedy_when_hot(frame)
    assert found.verdict == "confirmed"
    behind = {(x.temperature, x.what) for x in found.numbers if x.sign == "yes"}
    assert behind == {(1.5, "α* without − α* greedy")}
    assert claims.greedy_when_hot(cold).verdict == "refuted"


@pytest.mark.parametrize(
    ("lead", "verdict"), [(0.0, "refuted"), (0.05, "not enough data"), (0.1, "confirmed")]
)
def test_greedy_has_to_beat_both_when_cold(lead, verdict):
    frame = simulated(prompts=12, temperatures=(0.3,), greedy=lead, without_replacement=0.05)
    assert claims.greedy_when_cold(frame).verdict == verdict


def test_only_large_cuts_count():
    frame = simulated(**{"with_replacement@top10": 0.2, "with_replacement@p0.9": 0.2})
    assert claims.truncation_beats_greedy(frame).numbers == ()


def test_errors_of_rates_leave_it_open():
    frame = simulated()
    assert {x.sign for x in claims.no_verifier_reaches(frame).numbers} == {"yes"}
    frame["rrs_without_replacement_error"] = 0.5
    signs = {x.what: x.sign for x in claims.no_verifier_reaches(frame).numbers}
    assert signs["gap of RRS without"] == "open"
    assert signs["gap of RRS"] == "yes"
    assert {x.sign for x in claims.rrs_is_close_without(frame).numbers if x.decides} == {"open"}
    optimal = {x.what: x.sign for x in optimal_gains(frame).numbers if x.decides}
    assert optimal["without replacement: optimal − RRS without, acceptance"] == "open"


def test_gains_in_tokens_by_the_delta_method(rng):
    frame = simulated()
    found = optimal_gains(frame)
    rates = frame[frame["scheme"] == "with_replacement"]
    gain = expected_tokens(rates["optimal"].mean(), LEVELS) - expected_tokens(
        rates["k_seq"].mean(), LEVELS
    )
    what = f"with replacement: optimal − K-SEQ, tokens of {LEVELS} levels"
    assert mean_of(found, what) == pytest.approx(gain)
    by_prompt = rates.groupby("prompt")[["optimal", "k_seq"]].mean().to_numpy()
    drawn = by_prompt[rng.integers(0, 30, (4000, 30))].mean(axis=1)
    bootstrap = np.std([expected_tokens(a, LEVELS) - expected_tokens(b, LEVELS) for a, b in drawn])
    error = next(x for x in found.numbers if x.what == what).estimate.standard_error
    # The bootstrap's own error is 1 / sqrt(8000), and it lacks the factor sqrt(30 / 29).
    assert error == pytest.approx(bootstrap, rel=0.08)


def test_the_page_lists_what_is_against():
    frame = simulated(temperatures=tuple(np.linspace(0.1, 2, 12).round(2)), without_replacement=-0.05)
    page = findings_page(findings(frame), 0.7, 3)
    assert page.startswith("# Findings")
    assert "| Drafts without replacement beat drafts with. | **refuted** | 0 for, 12 against, 0" in page
    assert "Against it speak" in page
    assert "nan" not in page
    sections = [x for x in page.split("\n## ")[1:] if x.startswith("Drafts without")]
    assert sections[0].count("\n| A |") <= 11


def test_the_error_of_a_rate_is_not_thinned_by_positions_without_it():
    records = [
        {
            "prompt": i,
            "scheme": "without_replacement",
            "alpha": 0.5,
            "lower": 0.5 - (0.2 if i < 2 else 0.0),
        }
        | {"optimal": 0.4 if i < 2 else math.nan, "optimal_error": 0.1 if i < 2 else math.nan}
        for i in range(20)
    ]
    frame = rows(*records)
    assert error_of(frame, "optimal") == pytest.approx(0.1)
    assert slack_of(frame, "optimal") == pytest.approx(0.3)
    assert error_of(frame.drop(columns="optimal_error"), "optimal") == 0


def test_rrs_is_judged_with_the_errors_at_the_same_positions():
    frame = simulated()
    without = frame["scheme"] == "without_replacement"
    # Large errors where the other scheme has no row are no errors of the difference.
    frame["rrs_without_replacement_error"] = np.where(without & (frame["position"] > 2), 9.0, math.nan)
    alone = frame[~((frame["scheme"] == "with_replacement") & (frame["position"] > 2))]
    assert claims.rrs_is_close_without(alone).verdict == "confirmed"
    assert claims.rrs_is_close_without(frame).verdict == "not enough data"
