"""RRS without replacement: closed form, recursion, enclosure and Monte Carlo."""

import time
from fractions import Fraction

import numpy as np
import pytest

from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.distributions import pair
from mdsd_theory.errors import InputError, InputTypeError, SizeError
from mdsd_theory.optimal import optimal_acceptance
from mdsd_theory.verifiers import RRSWithoutReplacement
from mdsd_theory.verifiers.enclosed_paths import enclose_three
from mdsd_theory.verifiers.heaviest import Heaviest
from mdsd_theory.verifiers.rejected_paths import over_all_paths, rejected_law
from mdsd_theory.verifiers.rejected_sampler import RejectedSampler
from mdsd_theory.verifiers.residual import Overlap
from mdsd_theory.verifiers.sampled_paths import over_sampled_paths, reachable

from .enumerate_rules import KINDS, exact_rate, floats, instances, random_instance, recursive_rejection

ROUTES = {1: "closed_form", 2: "closed_form", 3: "recursion", 4: "recursion"}


def test_equals_the_enumeration():
    for p, q, n in instances("without_replacement"):
        exact = recursive_rejection(p, q, n, "without_replacement")
        assert exact.law == p
        assert exact.value == exact.explicit == exact_rate(p, q, n)
        rate = RRSWithoutReplacement().acceptance_rate(*floats(p, q), n)
        assert rate.route == ROUTES[n]
        assert rate.standard_error is None
        assert rate.value == pytest.approx(float(exact.value), abs=1e-12)
        assert rate.explicit == rate.value


@pytest.mark.parametrize("n", [4, 5])
def test_more_drafts_equal_the_rational_recursion(n, rng):
    for kind in KINDS:
        p, q = random_instance(kind, 6, n, rng)
        value = RRSWithoutReplacement().acceptance_rate(*floats(p, q), n).value
        assert value == pytest.approx(float(exact_rate(p, q, n)), abs=1e-12)


@pytest.mark.parametrize("n", [2, 3])
def test_a_draft_that_is_nearly_certain(n):
    p = [Fraction(x, 10) for x in (1, 2, 3, 4)]
    q = [Fraction(x, 10**12) for x in (10**12 - 6, 1, 2, 3)]
    # The tokens that are left share 6e-12: as a difference from one they would be wrong.
    as_floats = [float(x) for x in q]
    value = RRSWithoutReplacement().acceptance_rate([float(x) for x in p], as_floats, n).value
    assert value == pytest.approx(float(exact_rate(p, q, n)), abs=1e-12)


def test_two_drafts_equal_the_formula_of_the_theory_notes(rng):
    p, q = rng.dirichlet([0.3] * 50, 2)
    second = (p - q).clip(0) / (p - q).clip(0).sum()
    value = np.minimum(p, q).sum() + sum(
        max(q[x] - p[x], 0) * np.minimum(second, q / (1 - q[x])).sum() for x in range(50)
    )
    rate = RRSWithoutReplacement().acceptance_rate(p, q, 2).value
    assert rate == pytest.approx(value, abs=1e-14)


def test_stays_below_the_optimum():
    for p, q, n in instances("without_replacement", seeds=1):
        best = optimal_acceptance(*floats(p, q), n=n, scheme="without_replacement").value
        assert RRSWithoutReplacement().acceptance_rate(*floats(p, q), n).value <= best + 1e-12


@pytest.mark.parametrize(("vocabulary", "n"), [(8, 3), (40, 3), (8, 4), (7, 5)])
@pytest.mark.parametrize("concentration", [0.5, 2.0])
def test_monte_carlo_agrees_with_the_recursion(vocabulary, n, concentration, rng):
    p, q = rng.dirichlet([concentration] * vocabulary, (2, 4)) + 1e-9
    checked = pair(p / p.sum(-1, keepdims=True), q / q.sum(-1, keepdims=True))
    arguments = checked.backend, checked.p, checked.q, n
    exact = over_all_paths(*arguments)
    estimate, error = over_sampled_paths(*arguments, 2048, 0)
    assert (error > 0).all()
    assert (error < 0.003).all()
    assert (abs(estimate - exact) < 5 * error + 1e-9).all()


def test_replicates_with_other_seeds_scatter_as_the_error_says(rng):
    p, q = rng.dirichlet([1.0] * 30, 2)
    checked = pair(p, q)
    arguments = checked.backend, checked.p, checked.q, 3
    exact = over_all_paths(*arguments)[0]
    scores = []
    for seed in range(40):
        estimate, error = over_sampled_paths(*arguments, 256, seed)
        scores.append((estimate[0] - exact) / error[0])
    # What could go unseen is part of the error, so that the scatter is smaller than one.
    assert abs(np.mean(scores)) < 0.6
    assert 0.2 < np.std(scores) < 1.6


def concentrated(rng, concentration, vocabulary, rows=25):
    """Distributions in which a few tokens hold almost everything, and rejections of them are rare."""
    p, q = rng.dirichlet([concentration] * vocabulary, (2, rows)) + 1e-30
    q[::5] = 0.999 * q[::5] + 0.001 * p[::5]
    checked = pair(p / p.sum(-1, keepdims=True), q / q.sum(-1, keepdims=True))
    return checked.backend, checked.p, checked.q


@pytest.mark.parametrize("vocabulary", [10, 20, 30])
@pytest.mark.parametrize("concentration", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("groups", [4, 7, 16, 256])
def test_the_enclosure_holds_the_recursion(groups, vocabulary, concentration, rng):
    arguments = concentrated(rng, concentration, vocabulary)
    exact = over_all_paths(*arguments, 3)
    low, high = enclose_three(*arguments, groups)
    assert (low <= exact).all()
    assert (exact <= high + 1e-15).all()
    if groups >= vocabulary:
        assert (high - low).max() < 1e-12


def test_the_enclosure_holds_the_rational_recursion_at_the_edge_of_float64(rng):
    backend, p, q = concentrated(rng, 0.01, 5, rows=60)
    low, high = enclose_three(backend, p, q)
    for row in range(60):
        target, draft = ([Fraction(x) for x in y[row].tolist()] for y in (p, q))
        target, draft = ([x / sum(y) for x in y] for y in (target, draft))
        assert low[row] <= exact_rate(target, draft, 3) <= high[row]


def test_equal_distributions_are_enclosed_at_one(rng):
    p = rng.dirichlet([0.5] * 200)
    rate = RRSWithoutReplacement().acceptance_rate(p, p, 3)
    assert rate.value == pytest.approx(1.0, abs=1e-12)
    assert 0 < rate.error_bound < 1e-12


def test_tokens_of_equal_mass_share_a_group():
    p, q = np.arange(1.0, 1001.0), np.ones(1000)
    rate = RRSWithoutReplacement().acceptance_rate(p / p.sum(), q / q.sum(), 3)
    assert rate.error_bound < 1e-11


@pytest.mark.parametrize(("vocabulary", "n"), [(20, 3), (30, 3), (20, 4), (24, 4)])
@pytest.mark.parametrize("concentration", [0.02, 0.1])
def test_estimates_of_rare_rejections_are_within_their_error(vocabulary, n, concentration, rng):
    arguments = concentrated(rng, concentration, vocabulary)
    exact = over_all_paths(*arguments, n)
    estimate, error = over_sampled_paths(*arguments, n, 4096, 0)
    assert (error > 0).all()
    assert (abs(estimate - exact) <= 6 * error).all()


def test_routes_that_are_forced_agree(monkeypatch, rng):
    p, q = rng.dirichlet([0.1] * 24, (2, 10))
    exact = [RRSWithoutReplacement().acceptance_rate(p, q, n) for n in (3, 4)]
    monkeypatch.setattr("mdsd_theory.verifiers.rrs_without_replacement.MOST_PATHS", 0)
    enclosed, estimate = (RRSWithoutReplacement().acceptance_rate(p, q, n) for n in (3, 4))
    routes = [x.route for x in (*exact, enclosed, estimate)]
    assert routes == ["recursion", "recursion", "enclosure", "monte_carlo"]
    assert (abs(enclosed.value - exact[0].value) <= enclosed.error_bound).all()
    assert enclosed.standard_error is None
    assert (abs(estimate.value - exact[1].value) <= 6 * estimate.standard_error).all()
    assert estimate.error_bound is None


@pytest.mark.parametrize("n", [3, 4])
def test_every_path_is_within_reach(n, rng):
    backend, p, q = concentrated(rng, 0.3, 6)
    least, most = reachable(Overlap.of(backend, p, q), p, q, n)
    for row in range(25):
        values = paths_of(p[row], q[row], n)
        assert least[row] <= min(values) + 1e-12
        assert max(values) <= most[row] + 1e-12


def paths_of(p, q, n):
    """Return F(t_n) of every path of positive chance, by the rule itself."""
    states = [(p, q, 1.0)]
    for _ in range(n - 1):
        states = [after for state in states for after in rejections(*state)]
    return [1 - left + left * np.minimum(r, draft).sum() for r, draft, left in states] or [1.0]


def rejections(residual, draft, left):
    """Yield the next residual, draft and chance that nothing was accepted, for each rejected token."""
    rejected = np.clip(draft - residual, 0, None)
    after = np.clip(residual - draft, 0, None)
    for x in np.flatnonzero(rejected > 1e-9):
        others = np.where(np.arange(len(draft)) == x, 0.0, draft)
        yield after / after.sum(), others / others.sum(), left * after.sum()


@pytest.mark.parametrize("temperature", [0.05, 0.1, 1.0])
def test_no_position_of_the_demo_beats_the_optimum(temperature):
    demo = load_demo_data(temperature)
    start = time.process_time()
    rate = RRSWithoutReplacement().acceptance_rate(demo.p, demo.q, 3)
    assert time.process_time() - start < 4
    best = optimal_acceptance(demo.p, demo.q, n=3, scheme="without_replacement").value
    assert rate.route == "enclosure"
    assert (rate.error_bound > 0).all()
    assert (rate.error_bound < 1e-6).all()
    assert (rate.value <= best + rate.error_bound).all()
    if temperature == 0.05:
        alone = RRSWithoutReplacement().acceptance_rate(demo.p[21], demo.q[21], 3)
        assert alone.value == pytest.approx(rate.value[21], abs=1e-14)


def test_four_drafts_of_the_demo_stay_below_the_optimum_within_the_error():
    demo = load_demo_data(0.05)
    rate = RRSWithoutReplacement().acceptance_rate(demo.p, demo.q, 4)
    best = optimal_acceptance(demo.p, demo.q, n=4, scheme="without_replacement").value
    assert (rate.standard_error > 0).all()
    assert (rate.value <= best + 6 * rate.standard_error).all()


def test_too_many_drafts_to_estimate_are_refused(rng):
    p, q = rng.dirichlet([0.5] * 60, 2)
    assert RRSWithoutReplacement(samples=32).acceptance_rate(p, q, 32).route == "monte_carlo"
    with pytest.raises(SizeError, match=r"with n = 33 and V = 60 .* estimated up to n = 32; take fewer"):
        RRSWithoutReplacement().acceptance_rate(p, q, 33)


def test_large_vocabularies_are_estimated_reproducibly(rng):
    p, q = rng.dirichlet([0.5] * 400, 2)
    rate = RRSWithoutReplacement().acceptance_rate(p, q, 4)
    assert rate.route == "monte_carlo"
    assert 0 < rate.standard_error < 1e-3
    assert rate.explicit == rate.value
    assert RRSWithoutReplacement().acceptance_rate(p, q, 4).value == rate.value
    other = RRSWithoutReplacement(samples=32_768, seed=1).acceptance_rate(p, q, 4)
    assert 0 < abs(other.value - rate.value) < 5 * rate.standard_error
    assert other.standard_error < rate.standard_error
    assert rate.value < optimal_acceptance(p, q, n=4).value


@pytest.mark.parametrize(("n", "field"), [(3, "error_bound"), (4, "standard_error")])
def test_a_batch_of_estimates_equals_a_loop(n, field, rng):
    p, q = rng.dirichlet([0.5] * 300, (2, 3))
    verifier = RRSWithoutReplacement(samples=512)
    rates = verifier.acceptance_rate(p, q, n)
    for row in range(3):
        alone = verifier.acceptance_rate(p[row], q[row], n)
        assert rates.value[row] == pytest.approx(alone.value, abs=1e-14)
        assert getattr(rates, field)[row] == pytest.approx(getattr(alone, field), abs=1e-14)


@pytest.mark.parametrize(("n", "field"), [(3, "error_bound"), (4, "standard_error")])
def test_torch_estimates_equal_those_of_numpy(n, field, rng):
    torch = pytest.importorskip("torch")
    p, q = rng.dirichlet([0.5] * 300, (2, 3))
    ours = RRSWithoutReplacement(samples=512).acceptance_rate(p, q, n)
    theirs = RRSWithoutReplacement(samples=512).acceptance_rate(torch.tensor(p), torch.tensor(q), n)
    assert theirs.value.tolist() == pytest.approx(ours.value.tolist(), abs=1e-12)
    assert getattr(theirs, field).tolist() == pytest.approx(getattr(ours, field).tolist(), abs=1e-12)


def test_the_bound_of_a_narrow_batch_covers_its_cast(rng):
    p, q = rng.dirichlet([0.5] * 300, (2, 3)).astype(np.float32)
    narrow = RRSWithoutReplacement().acceptance_rate(p, q, 3)
    for row in range(3):
        wide = RRSWithoutReplacement().acceptance_rate(p[row], q[row], 3)
        assert abs(float(narrow.value[row]) - wide.value) <= narrow.error_bound[row] < 1e-6


@pytest.mark.parametrize("top", [0.0, 0.6, 1 - 1e-12])
def test_rejected_tokens_follow_their_law(top, rng):
    p, q = rng.dirichlet([1.0] * 9, (2, 1))
    q = q * (1 - top)
    q[0, 4] += top
    checked, paths = pair(p, q), 20_000
    backend, p, q = checked.backend, checked.p, checked.q
    sampler = RejectedSampler.of(backend, p, q, 4)
    grid = (np.arange(paths) + 0.5) / paths
    t, left = np.zeros((1, paths)), np.ones((1, paths))
    rejected = np.zeros((1, paths, 0), dtype=np.int64)
    for _ in range(3):
        reach = sampler.overlap.advance(t, left)
        drawn = sampler.draw(grid, t, reach, rejected)
        masked = q.copy()
        masked[0, rejected[0, 0]] = 0
        law = rejected_law(backend, p, masked, t[:, :1], reach[:, :1])[0]
        share = np.bincount(drawn[0], minlength=9) / paths
        assert abs(share - law).max() <= 1.01 / paths
        # Every path rejects the likeliest token, so that the next law is shared too.
        token = np.full((1, paths, 1), law.argmax())
        rejected = np.concatenate([rejected, token], axis=-1)
        t, left = reach, Heaviest.of(backend, q, 3).mass_left(q, rejected)


def test_mass_left_does_not_cancel():
    weights = [10**15, 10**4, 3, 2, 1, 1]
    q = [Fraction(x, sum(weights)) for x in weights]
    tokens = [[0, 1], [1, 0], [0, 3], [4, 0], [2, 3]]
    backend = pair([1.0], [1.0]).backend
    rows = np.array([floats(q)[0]])
    left = Heaviest.of(backend, rows, 2).mass_left(rows, np.array([tokens]))[0]
    exact = [float(1 - q[a] - q[b]) for a, b in tokens]
    assert left.tolist() == pytest.approx(exact, rel=1e-14, abs=0)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"samples": 0}, InputError, "samples is 0; expected the number of paths, at least 1"),
        ({"seed": -1}, InputError, "seed is -1; expected a seed, at least 0"),
        ({"samples": 1.5}, InputTypeError, "samples is 1.5 of type float; expected the number of paths"),
    ],
)
def test_bad_options_are_named(options, error, message):
    with pytest.raises(error, match=message):
        RRSWithoutReplacement(**options)


def test_repr_shows_the_options():
    assert repr(RRSWithoutReplacement(64, 2)) == "RRSWithoutReplacement(samples=64, seed=2)"
