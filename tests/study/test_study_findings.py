"""Findings on rows whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from study.study_rows import rows, simulated

from mdsd_theory.study import claims
from mdsd_theory.study.clusters import Estimate, rate_mean
from mdsd_theory.study.differences import error_of, slack_of
from mdsd_theory.study.finding import Finding, Number, condition_signs, level_of, signed, verdict_of
from mdsd_theory.study.findings import about, findings, findings_page
from mdsd_theory.study.gains import LEVELS, expected_tokens, nodes, optimal_gains
from mdsd_theory.study.table import table


def number(mean, error, prompts=30, temperature=0.7, **more):
    return Number("A", temperature, 3, "x", Estimate(mean, error, 100, prompts), **more)


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


@pytest.mark.parametrize(
    ("signs", "everywhere", "somewhere"),
    [
        (["yes", "yes"], "confirmed", "confirmed"),
        (["yes", "open", "open"], "confirmed where decided (1 of 3)", "confirmed"),
        (["no", "open"], "refuted", "refuted where decided (1 of 2)"),
        (["yes"] * 19 + ["no"], "refuted", "confirmed"),
        (["no", "no"], "refuted", "refuted"),
        (["open"], "not enough data", "not enough data"),
        ([], "not enough data", "not enough data"),
    ],
)
def test_verdicts(signs, everywhere, somewhere):
    assert verdict_of(signs) == everywhere
    assert verdict_of(signs, everywhere=False) == somewhere


def test_conditions_are_pair_temperature_and_n():
    yes, no, unsure = number(1, 0.01), number(-1, 0.01), number(0, 1.0)
    told, other = number(-1, 0.01, decides=False), number(1, 0.01, temperature=1.0)
    for numbers, everywhere, somewhere in (
        ([yes, yes, told, other], ("yes", "yes"), ("yes", "yes")),
        ([yes, unsure, other], ("open", "yes"), ("yes", "yes")),
        ([yes, no, unsure], ("no",), ("yes",)),
        ([no, unsure], ("no",), ("open",)),
        ([told], (), ()),
    ):
        assert condition_signs(signed(numbers)) == everywhere
        assert condition_signs(signed(numbers), everywhere=False) == somewhere
    assert Finding("x", "x", signed([yes, unsure, other])).verdict == "confirmed where decided (1 of 2)"


def test_the_paper_is_confirmed_where_it_is_true():
    frame = simulated(
        temperatures=(0.3, 0.7),
        drafts=(2, 3),
        greedy=0.1,
        **{"with_replacement@top100": 0.15, "greedy@top100": 0.12},
    )
    found = {x.key: x.verdict for x in findings(frame)}
    assert found == {
        "without": "confirmed",
        "gap": "confirmed",
        "greedy": "confirmed",
        "greedy_with": "confirmed",
        "greedy_without": "confirmed",
        "cold": "confirmed",
        "hot": "not enough data",
        "rrs": "confirmed",
        "top_k": "confirmed",
        "both_cut": "confirmed",
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
    assert refuted == {"without", "gap", "greedy", "greedy_with", "greedy_without", "cold", "rrs"}
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
    assert {x.sign for x in claims.rrs_gap_is_smaller_without(frame).numbers if x.decides} == {"open"}
    optimal = {x.what: x.sign for x in optimal_gains(frame).numbers if x.decides}
    assert optimal["without replacement: optimal − RRS without, acceptance"] == "open"


def sampled(**more):
    """Rows where ``optimal`` is known at a third of the positions without replacement."""
    frame = simulated(**more)
    without = frame["scheme"] == "without_replacement"
    frame["optimal"] = frame["optimal"].where(~without | (frame["position"] % 3 == 0))
    return frame


def test_gains_agree_with_the_table():
    frame = sampled(tasks=("chat", "maths"))
    cells = table(frame).set_index(["task", "scheme", "verifier"])["mean"]
    pooled = cells.loc[next(x for x in cells.index.levels[0] if x.startswith("all"))]
    rates = pooled.loc["without_replacement"]
    what = "without replacement: optimal − RRS without, acceptance"
    found = optimal_gains(frame)
    assert mean_of(found, what) == pytest.approx(rates["optimal"] - rates["rrs_without_replacement"])
    gain = next(x for x in found.numbers if x.what == what)
    assert gain.part
    assert gain.estimate.positions == 60
    assert "†" in found.note
    whole = next(x for x in found.numbers if x.what.startswith("with r"))
    assert not whole.part


def test_gains_of_a_sample_are_as_sure_as_all_gaps_allow(rng):
    what = "without replacement: optimal − RRS without, acceptance"
    means, errors = [], []
    frame = simulated(prompts=40)
    truth = mean_of(optimal_gains(frame), what)
    without = frame["scheme"] == "without_replacement"
    for _ in range(40):
        known = rng.uniform(size=len(frame)) < 0.2
        some = frame.assign(optimal=frame["optimal"].where(~without | known))
        gain = next(x for x in optimal_gains(some).numbers if x.what == what)
        means.append(gain.estimate.mean)
        errors.append(gain.estimate.standard_error)
    # Optimal is at the bound, so that a sample of it tells the gain as well as all of it.
    assert np.abs(np.array(means) - truth).max() < 1e-12
    full = next(x for x in optimal_gains(frame).numbers if x.what == what)
    assert np.mean(errors) == pytest.approx(full.estimate.standard_error)


def test_enclosures_count_in_gains_of_a_sample():
    frame = sampled()
    assert {x.sign for x in optimal_gains(frame).numbers if x.decides} == {"yes"}
    frame["lower"] = frame["alpha"] - 0.5
    signs = {x.what: x.sign for x in optimal_gains(frame).numbers if x.decides}
    assert signs["without replacement: optimal − RRS without, acceptance"] == "open"
    assert signs["with replacement: optimal − K-SEQ, acceptance"] == "yes"


def test_gains_in_tokens_by_both_ways():
    frame = sampled()
    found = optimal_gains(frame)
    rates = frame[frame["scheme"] == "with_replacement"]
    ours, rival = (expected_tokens(rates[x].mean(), LEVELS) for x in ("optimal", "k_seq"))
    tree = f"tokens of {LEVELS} levels (120 nodes)"
    assert mean_of(found, f"with replacement: optimal − K-SEQ, {tree}, a of the mean") == pytest.approx(
        ours - rival
    )
    each = expected_tokens(rates["optimal"], LEVELS) - expected_tokens(rates["k_seq"], LEVELS)
    assert mean_of(found, f"with replacement: optimal − K-SEQ, {tree}, a by position") == pytest.approx(
        each.mean()
    )
    rates = frame[frame["scheme"] == "without_replacement"]
    at_bound = expected_tokens(rates["alpha"], LEVELS)
    each = at_bound - expected_tokens(rates["rrs_without_replacement"], LEVELS)
    name = f"without replacement: optimal − RRS without, {tree}, a by position"
    assert mean_of(found, name) == pytest.approx(each.mean())
    assert {x.digits for x in found.numbers if not x.decides} == {2}
    assert (nodes(3, 4), nodes(2, 3), nodes(5, 1)) == (120, 14, 5)
    assert rate_mean(rates, "optimal").mean == pytest.approx(rates["alpha"].mean())


def test_greedy_is_judged_at_every_temperature():
    found = {x.key: x for x in findings(simulated(greedy=0.02, without_replacement=0.05))}
    assert found["greedy_with"].verdict == "confirmed"
    assert found["greedy_without"].verdict == "refuted"
    assert found["cold"].verdict == found["hot"].verdict == "not enough data"
    assert "is ours" in found["cold"].note
    assert "is ours" in found["hot"].note


def test_cold_conditions_need_both_rivals():
    frame = simulated(temperatures=(0.3,), greedy=0.1)
    assert claims.greedy_when_cold(frame[frame["scheme"] != "without_replacement"]).numbers == ()


def test_enclosures_leave_a_lead_open():
    frame = simulated()
    assert claims.without_beats_with(frame).verdict == "confirmed"
    frame["lower"] = frame["alpha"] - 0.06
    found = claims.without_beats_with(frame)
    assert found.verdict == "not enough data"
    assert found.numbers[0].slack == pytest.approx(0.06)
    assert "(0.06 on average)" in found.note
    behind = simulated(without_replacement=-0.05)
    behind["lower"] = behind["alpha"] - 0.08
    assert "At 0 of 180" in claims.without_beats_with(behind).note


def test_gaps_of_rrs_are_told_relative_to_the_bound():
    frame = simulated()
    found = claims.rrs_gap_is_smaller_without(frame)
    rates = frame[frame["scheme"] == "without_replacement"]
    gap = (rates["alpha"] - rates["rrs_without_replacement"]).mean() / rates["alpha"].mean()
    assert mean_of(found, "gap / α*, RRS without") == pytest.approx(gap)
    assert "close" not in found.claim


def test_the_gain_of_a_cut_is_told_relative_to_greedy():
    frame = simulated(greedy=0.1, **{"with_replacement@top100": 0.15})
    found = claims.truncation_beats_greedy(frame)
    greedy = frame.loc[frame["scheme"] == "greedy", "alpha"].mean()
    share = 100 * found.numbers[0].estimate.mean / greedy
    assert f"{share:.1f} % of α* greedy" in found.note
    assert "%" not in found.claim


def test_cuts_are_compared_with_greedy_from_the_same_cut():
    lifts = {"with_replacement@top100": 0.05, "greedy@top100": 0.02, "with_replacement@top200": 0.09}
    frame = simulated(greedy=0.1, **lifts)
    whole, cut = claims.truncation_beats_greedy(frame), claims.both_cut_beats_greedy(frame)
    assert [x.what for x in cut.numbers] == ["α* with, top 100 − α* greedy, top 100"]
    assert (whole.verdict, cut.verdict) == ("refuted", "confirmed")
    assert cut.numbers[0].estimate.mean == pytest.approx(0.03, abs=2e-3)
    greedy = frame.loc[frame["scheme"] == "greedy@top100", "alpha"].mean()
    share = 100 * cut.numbers[0].estimate.mean / greedy
    assert f"{share:.1f} % of α* greedy" in cut.note
    one = claims.both_cut_beats_greedy(simulated(temperatures=(0.7, 1.0), greedy=0.1, **lifts))
    assert one.signs == ("yes", "yes")


def test_tasks_are_strata_of_findings():
    frame = simulated(tasks=("chat", "maths"))
    lift = np.where((frame["task"] == "maths") & (frame["scheme"] == "without_replacement"), 0.3, 0.0)
    frame["alpha"] = frame["alpha"] + lift
    one = frame.assign(task="")
    errors = [claims.without_beats_with(x).numbers[0].estimate.standard_error for x in (frame, one)]
    assert errors[0] < 0.3 * errors[1]


def test_the_caption_tells_what_findings_are_of():
    frame = simulated(tasks=("chat", "maths"), drafts=(1, 3)).assign(drawn_at=0.7)
    told = about(frame, "A sample of 30 of 1,504 prompts.")
    assert told.startswith("Of A; tasks: chat, maths. 180 positions of 30 prompts. Answers drawn at")
    assert "temperature 0.7. A sample of 30 of 1,504 prompts. T: 0.7; n: 3." in told
    assert "95 %" in told
    assert "clustered by prompt and take the mix of tasks as fixed." in told
    assert "mix of tasks" not in about(simulated())
    assert "Answers" not in about(frame.drop(columns="drawn_at"))
    assert about(simulated(drafts=(1,))).startswith("No rows of two drafts or more")


def test_the_page_marks_rates_of_a_sample():
    page = findings_page(findings(sampled()), caption="Of A.")
    assert "\n\nOf A.\n\n| claim" in page
    line = next(x for x in page.splitlines() if "optimal − RRS without, acceptance" in x)
    assert "† | 60 | 30 | yes |" in line
    line = next(x for x in page.splitlines() if "RRS without, tokens" in x)
    assert "±" not in line
    assert line.endswith("| not judged |")


def test_the_page_lists_what_is_against():
    frame = simulated(temperatures=tuple(np.linspace(0.1, 2, 12).round(2)), without_replacement=-0.05)
    page = findings_page(findings(frame))
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
    assert claims.rrs_gap_is_smaller_without(alone).verdict == "confirmed"
    assert claims.rrs_gap_is_smaller_without(frame).verdict == "not enough data"
