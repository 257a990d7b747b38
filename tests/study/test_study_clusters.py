"""Means with clustered standard errors: by hand, against the sandwich, by simulation."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from mdsd_theory.study.clusters import Estimate, clustered_mean, combined_mean, rate_mean


def test_by_hand():
    # Mean 4/6; what the prompts exceed it by: 2 − 2, 0 − 2/3, 2 − 4/3; variance 3/2 · (8/9) / 36.
    found = clustered_mean([1, 0, 1, 0, 1, 1], ["a", "a", "a", "b", "c", "c"])
    assert (found.positions, found.prompts) == (6, 3)
    assert found.mean == pytest.approx(2 / 3)
    assert found.standard_error == pytest.approx(math.sqrt(1 / 27))


def test_one_position_a_prompt_is_the_usual_error(rng):
    x = rng.normal(size=50)
    found = clustered_mean(x, np.arange(50))
    assert found.standard_error == pytest.approx(x.std(ddof=1) / math.sqrt(50))


def test_agrees_with_the_sandwich_of_a_regression_on_a_constant(rng):
    of = np.repeat(np.arange(9), rng.integers(1, 8, 9))
    x = rng.normal(size=of.size) + of
    design = np.ones((of.size, 1))
    residual = x - x.mean()
    bread = np.linalg.inv(design.T @ design)
    scores = [design[of == g].T @ residual[of == g] for g in range(9)]
    count, groups = of.size, 9
    correction = groups / (groups - 1) * (count - 1) / (count - design.shape[1])
    variance = correction * (bread @ sum(np.outer(s, s) for s in scores) @ bread)[0, 0]
    assert clustered_mean(x, of).standard_error == pytest.approx(math.sqrt(variance))


def test_unknown_values_are_left_out():
    found = clustered_mean([1, math.nan, 0, math.nan], [1, 1, 2, 3])
    assert found == clustered_mean([1, 0], [1, 2])


def test_no_error_without_two_prompts():
    one = clustered_mean([0.25, 0.75], [4, 4])
    assert one.mean == 0.5
    assert math.isnan(one.standard_error)
    assert all(map(math.isnan, one.interval()))
    none = clustered_mean([math.nan], [1])
    assert (none.positions, none.prompts) == (0, 0)
    assert math.isnan(none.mean)


def test_intervals_are_those_of_student():
    # The 97.5 % quantile of Student's t with one degree of freedom is 12.706.
    low, high = Estimate(1.0, 0.1, 9, 2).interval(0.95)
    assert (low, high) == pytest.approx((1 - 1.2706, 1 + 1.2706), abs=1e-4)


def test_intervals_cover_where_naive_ones_do_not(rng):
    """Half of the variance is between prompts; 1,500 repetitions know a share to ± 0.006."""
    covered = naive = 0
    repetitions = 1500
    for _ in range(repetitions):
        sizes = rng.integers(4, 13, 40)
        of = np.repeat(np.arange(40), sizes)
        x = rng.normal(size=40)[of] + rng.normal(size=of.size)
        low, high = clustered_mean(x, of).interval()
        covered += low <= 0 <= high
        naive += abs(x.mean()) <= 1.96 * x.std(ddof=1) / math.sqrt(x.size)
    assert 0.93 <= covered / repetitions <= 0.97
    assert naive / repetitions < 0.7


def sampled(rng, share=0.1, prompts=60, each=8):
    """Rates 0.02 below an α* that varies much, known at a sample of the positions."""
    cluster = np.repeat(np.arange(prompts), each)
    alpha = 0.5 + 0.1 * rng.normal(size=prompts)[cluster] + 0.1 * rng.normal(size=cluster.size)
    rate = alpha - 0.02 - 0.01 * rng.normal(size=prompts)[cluster]
    known = rng.uniform(size=cluster.size) < share
    return pd.DataFrame({"cluster": cluster, "alpha": alpha, "rate": np.where(known, rate, np.nan)})


def test_the_mean_of_a_sampled_rate_by_hand():
    frame = pd.DataFrame({"cluster": [0, 0, 1, 1], "alpha": [0.5, 0.7, 0.6, 0.8]})
    frame["rate"] = [0.4, np.nan, 0.58, np.nan]
    found = rate_mean(frame, "rate")
    # α* has the mean 0.65, the gaps 0.1 and 0.02 the mean 0.06; sways of the two prompts: −0.1 − 2 · 0.04
    # and 0.1 + 2 · 0.04.
    assert found.mean == pytest.approx(0.59)
    assert found.standard_error == pytest.approx(math.sqrt(2 * (0.18**2 + 0.18**2)) / 4)
    assert (found.positions, found.prompts) == (2, 2)


def test_a_rate_that_is_known_everywhere_has_the_plain_mean(rng):
    frame = sampled(rng, share=2.0)
    assert rate_mean(frame, "rate") == clustered_mean(frame["rate"], frame["cluster"])
    assert rate_mean(frame.assign(alpha=frame["alpha"].where(frame.index > 3)), "alpha").positions == 476
    assert math.isnan(rate_mean(frame.assign(rate=np.nan), "rate").mean)


def test_the_interval_of_a_sampled_rate_covers_and_is_narrower(rng):
    found, hits, plain = [], 0, []
    for _ in range(400):
        frame = sampled(rng)
        one = rate_mean(frame, "rate")
        low, high = one.interval()
        hits += low <= 0.48 <= high
        found.append(one)
        plain.append(clustered_mean(frame["rate"], frame["cluster"]).mean)
    means = [x.mean for x in found]
    assert 360 <= hits <= 398
    assert np.std(means) < 0.8 * np.std(plain)
    assert np.mean([x.standard_error for x in found]) == pytest.approx(np.std(means), rel=0.15)


def test_one_sampled_prompt_has_no_error(rng):
    frame = sampled(rng)
    frame["rate"] = frame["alpha"].where(frame.index == 5)
    assert math.isnan(rate_mean(frame, "rate").standard_error)


def test_strata_by_hand():
    # Mean 0.5; z of the prompts: 0.5, 0.1 in stratum a with mean 0.3, −0.1, −0.5 in b with mean −0.3.
    found = clustered_mean([1.0, 0.6, 0.4, 0.0], [1, 2, 3, 4], ["a", "a", "b", "b"])
    assert found.standard_error == pytest.approx(math.sqrt(2 * 4 * 0.2**2 / 16))
    assert (found.prompts, found.strata) == (4, 2)
    low, _ = found.interval(0.95)
    assert found.mean - low == pytest.approx(4.302653 * found.standard_error)


def test_prompts_alone_in_their_stratum_are_not_without_error():
    x = [1.0, 0.6, 0.4, 0.1]
    assert clustered_mean(x, [1, 2, 3, 4], [1, 2, 3, 4]) == clustered_mean(x, [1, 2, 3, 4])
    mixed = clustered_mean(x, [1, 2, 3, 4], [1, 1, 1, 2])
    z = np.array(x) - np.mean(x)
    variance = 1.5 * ((z[:3] - z[:3].mean()) ** 2).sum() + 4 / 3 * z[3] ** 2
    assert mixed.standard_error == pytest.approx(math.sqrt(variance) / 4)
    assert mixed.strata == 2


def test_strata_cover_where_the_mix_is_fixed(rng):
    """Strata far apart: without them the interval is far too wide."""
    kind = np.repeat([0, 1, 2], [20, 8, 4])
    sizes, wide, hits, means, errors = [], [], 0, [], []
    for _ in range(800):
        sizes = rng.integers(3, 9, kind.size)
        of = np.repeat(np.arange(kind.size), sizes)
        level = np.array([0.0, 1.0, 3.0])
        truth = (level * [20, 8, 4]).sum() / 32
        x = (level[kind] + 0.3 * rng.normal(size=kind.size))[of] + 0.3 * rng.normal(size=of.size)
        found = clustered_mean(x, of, kind[of])
        low, high = found.interval()
        hits += low <= truth <= high
        means.append(found.mean)
        errors.append(found.standard_error)
        wide.append(clustered_mean(x, of).standard_error)
    assert 0.92 <= hits / 800 <= 0.98
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.1)
    assert np.mean(wide) > 1.4 * np.std(means)


def test_tasks_are_strata_of_rates(rng):
    frame = sampled(rng)
    frame["task"] = np.where(frame["cluster"] < 20, "chat", "maths")
    frame["alpha"] += np.where(frame["cluster"] < 20, 1.0, 0.0)
    frame["rate"] += np.where(frame["cluster"] < 20, 1.0, 0.0)
    for name in ("alpha", "rate"):
        found, plain = rate_mean(frame, name), rate_mean(frame.drop(columns="task"), name)
        assert found.mean == pytest.approx(plain.mean)
        assert found.standard_error < 0.5 * plain.standard_error
        assert found.strata == 2
    assert rate_mean(frame, "alpha") == clustered_mean(frame["alpha"], frame["cluster"], frame["task"])


def test_means_over_the_same_positions_combine_to_the_mean_of_the_sum(rng):
    frame = sampled(rng, share=2.0)
    found = combined_mean(frame, [(2.0, frame["alpha"]), (-1.0, frame["rate"])])
    wanted = clustered_mean(2 * frame["alpha"] - frame["rate"], frame["cluster"])
    assert found.mean == pytest.approx(wanted.mean)
    assert found.standard_error == pytest.approx(wanted.standard_error)
