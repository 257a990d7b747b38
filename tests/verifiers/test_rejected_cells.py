"""What the enclosure of recursive rejection sums: cells of tokens, and F between points."""

import numpy as np
import pytest

from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.distributions import pair
from mdsd_theory.verifiers.enclosed_paths import enclose_three
from mdsd_theory.verifiers.rejected_cells import Cells, cells_of_arrays
from mdsd_theory.verifiers.rejected_groups import Groups
from mdsd_theory.verifiers.rejected_paths import over_all_paths
from mdsd_theory.verifiers.rejected_slack import Slack
from mdsd_theory.verifiers.sampled_paths import over_sampled_paths


def adversarial(vocabulary, rng):
    """Rows of ties, zeros, tiny and heavy tokens, equal, disjoint and one-hot laws."""
    rank = np.arange(1.0, vocabulary + 1)
    q = [
        np.ones(vocabulary),
        rank**-1.1,
        0.9**rank + 1e-300,
        np.where(rank == 5, 1e12, 1.0),
        np.where(rank <= 2, 0.5, 1e-9),
        rng.integers(0, 3, size=vocabulary) + 0.0,
        np.exp(8 * rng.normal(size=vocabulary)),
        np.where(rank <= 3, 1.0, 0.0),
    ]
    p = [q, [x[::-1] for x in q], [x * rng.exponential(size=vocabulary) for x in q]]
    p = [*p, [np.eye(vocabulary)[1]] * len(q)]
    target, draft = np.concatenate(p), np.concatenate([q] * len(p))
    checked = pair(target / target.sum(-1, keepdims=True), draft / draft.sum(-1, keepdims=True))
    return checked.backend, checked.p, checked.q


@pytest.mark.parametrize("vocabulary", [7, 40, 1500])
def test_the_loop_equals_arrays(vocabulary, rng):
    backend, p, q = adversarial(vocabulary, rng)
    excess = (p - q).clip(0).sum(-1, keepdims=True)
    groups = Groups.of(backend, p, q, excess, 16)
    points = np.concatenate([0 * excess, np.sort(rng.exponential(size=(len(p), 20)))], axis=-1)
    for edges in (groups.smallest[:, ::-1], 0 * excess):
        loop = Cells.of(backend, p, q, points, groups.top, edges)
        mass, gap = cells_of_arrays(backend, p, q, groups.top, edges, points)
        np.testing.assert_allclose(loop.mass.sum((1, 2)), 1.0, rtol=1e-12)
        np.testing.assert_allclose(loop.mass, mass, rtol=1e-12)
        np.testing.assert_allclose(loop.gap, gap, rtol=1e-12)


@pytest.mark.parametrize("vocabulary", [7, 40])
def test_slack_is_between_chords_and_tangents(vocabulary, rng):
    backend, p, q = adversarial(vocabulary, rng)
    points = np.concatenate([np.zeros((len(p), 1)), np.sort(rng.exponential(size=(len(p), 6)))], axis=-1)
    slack = Slack.of(backend, p, q, points)
    s = np.linspace(0, 1, 50) * points[:, -1:]
    exact = p[:, None] - (1 + s[..., None]) * q[:, None]
    exact = exact.clip(0).sum(-1)
    assert (slack.below(s) <= exact + 1e-14).all()
    assert (exact <= slack.above(s) + 1e-14).all()


@pytest.mark.parametrize("groups", [4, 16, 128])
@pytest.mark.parametrize("vocabulary", [4, 12, 40])
def test_adversarial_rows_are_enclosed(vocabulary, groups, rng):
    backend, p, q = adversarial(vocabulary, rng)
    low, high = enclose_three(backend, p, q, groups)
    exact = over_all_paths(backend, p, q, 3)
    assert (low <= exact).all()
    assert (exact <= high + 1e-15).all()


@pytest.mark.parametrize("ranked", [4, 10, 25])
def test_unranked_tokens_are_enclosed(ranked, rng, monkeypatch):
    monkeypatch.setattr("mdsd_theory.verifiers.rejected_groups.RANKED", ranked)
    backend, p, q = adversarial(40, rng)
    low, high = enclose_three(backend, p, q, 8)
    exact = over_all_paths(backend, p, q, 3)
    assert (low <= exact).all()
    assert (exact <= high + 1e-15).all()


@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_real_rows_hold_a_long_monte_carlo_estimate(temperature):
    data = load_demo_data(temperature)
    checked = pair(data.p[:4], data.q[:4])
    low, high = enclose_three(checked.backend, checked.p, checked.q)
    estimate, error = over_sampled_paths(checked.backend, checked.p, checked.q, 3, 2**16, 1)
    assert (low - 5 * error <= estimate).all()
    assert (estimate <= high + 5 * error).all()
