"""Batches: compiled loops against array operations, chunks against whole batches, syncs, few and many."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations
from unittest import mock

import numpy as np
import pytest
import torch

from mdsd_theory import SCHEMES, VERIFIERS, InputError
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.distributions import pair
from mdsd_theory.verifiers import chunks, cpu, verifiers_of
from mdsd_theory.verifiers.discount import discount, discount_of_arrays
from mdsd_theory.verifiers.naive import some_of
from mdsd_theory.verifiers.optimal.order_atoms import make_atoms
from mdsd_theory.verifiers.optimal.race_loop import insert, within_heavy, within_light
from mdsd_theory.verifiers.rejected_paths import over_all_paths
from mdsd_theory.verifiers.residual import recursive_steps, recursive_steps_of_arrays
from mdsd_theory.verifiers.rrs import acceptance_of_arrays, recursive_acceptance
from mdsd_theory.verifiers.second_draft_loop import two_drafts
from tests.verifiers.laws import assert_law, source

RULES = [
    (rule.name, scheme)
    for scheme in ("with_replacement", "without_replacement", "greedy", "spechub")
    for rule in verifiers_of(scheme)
    if rule.name != "optimal"
]
READS = ("__bool__", "__float__", "__int__", "__index__", "item", "tolist", "cpu", "numpy", "nonzero")


def drafts_of(name, scheme, n):
    """The number of drafts of a rule or scheme that has but one, else n."""
    return (VERIFIERS[name].drafts or SCHEMES[scheme].drafts or (n,))[0]


def adversarial(rng, vocabulary):
    """One pair of each awkward kind."""
    spread, near = np.exp(25 * rng.normal(size=(2, vocabulary))), rng.dirichlet(np.ones(vocabulary))
    peak, ties = np.full(vocabulary, 1e-13), rng.integers(0, 3, size=(2, vocabulary)) + 0.0
    peak[rng.integers(vocabulary)] = 1.0
    ties[:, :2] += 1
    one_hot = np.eye(vocabulary)[0]
    yield from (tuple(rng.dirichlet(np.ones(vocabulary), 2)), tuple(spread), tuple(ties))
    yield tuple(rng.dirichlet(np.full(vocabulary, 0.05), 2) + 1e-300)
    yield from ((near, near * (1 + 1e-9 * rng.normal(size=vocabulary))), (near, near), (near, peak))
    yield from ((peak, near), (one_hot, near), (one_hot, peak + 1e-40))
    half = np.arange(vocabulary) < vocabulary // 2
    yield half / half.sum(), (near + 1e-9) * ~half


def checked_pairs(seed=0, vocabularies=(2, 3, 7, 40)):
    rng = np.random.default_rng(seed)
    for vocabulary in vocabularies:
        for p, q in adversarial(rng, vocabulary):
            yield pair(p / p.sum(), q / q.sum())
    for temperature in (0.05, 0.7, 1.0):
        data = load_demo_data(temperature)
        yield pair(data.p[::5], data.q[::5])


def exact_k_seq(p, q, n):
    """1 − s^n at the root of E(γ(s)) = s^n, by bisection in fractions."""
    p, q = ([Fraction(x) / sum(map(Fraction, y)) for x in y] for y in (p, q))
    low, high = Fraction(0), Fraction(1)
    for _ in range(70):
        s = (low + high) / 2
        gamma = sum(s**k for k in range(n))
        above = sum(max(a - gamma * b, 0) for a, b in zip(p, q, strict=True)) > s**n
        low, high = (s, high) if above else (low, s)
    return float(1 - low**n)


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_k_seq_solves_its_equation(n):
    for checked in checked_pairs(vocabularies=(2, 5)):
        if checked.vocabulary > 5:
            continue
        exact = exact_k_seq(checked.p[0].tolist(), checked.q[0].tolist(), n)
        for solve in (discount, discount_of_arrays):
            _, value = solve(checked.backend, checked.p, checked.q, n)
            assert value[0] == pytest.approx(exact, abs=1e-15)


@pytest.mark.parametrize("n", [3, 300, 10_000])
def test_newton_has_steps_enough_for_many_drafts(n):
    """Too few leave γ above the root, where it stays: the step of a sum of n powers is short."""
    for checked in checked_pairs(vocabularies=(2, 7)):
        backend, p, q = checked.backend, checked.p, checked.q
        gamma, of_arrays = (solve(backend, p, q, n)[0] for solve in (discount, discount_of_arrays))
        np.testing.assert_allclose(of_arrays, gamma, rtol=8 * n * 2.0**-52)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 40])
def test_compiled_passes_equal_array_operations(n):
    for checked in checked_pairs():
        backend, p, q = checked.backend, checked.p, checked.q
        # Each of n sums of V terms in blocks of 1,024, against NumPy's pairwise ones.
        rounding = 2.0**-52 * n * (64 + p.shape[-1] / 8)
        pairs = [
            (discount(backend, p, q, n)[1], discount_of_arrays(backend, p, q, n)[1]),
            (recursive_acceptance(backend, p, q, n), acceptance_of_arrays(backend, p, q, n)),
        ]
        for compiled, arrays in pairs:
            np.testing.assert_allclose(compiled, arrays, rtol=0, atol=rounding)


def test_two_drafts_equal_the_sum_over_all_paths():
    for checked in checked_pairs():
        backend, p, q = checked.backend, checked.p, checked.q
        for r in range(p.shape[0]):
            if (q[r] > 0).sum() >= 2:
                compiled = two_drafts(p[r : r + 1], q[r : r + 1])
                arrays = over_all_paths(backend, p[r : r + 1], q[r : r + 1], 2)
                assert compiled == pytest.approx(arrays, abs=2.0**-52 * (64 + p.shape[-1] / 8))


def test_steps_of_each_path_equal_array_operations(rng):
    for checked in checked_pairs(vocabularies=(7, 40)):
        left = rng.uniform(1e-3, 1, size=(checked.p.shape[0], 2, 3))
        steps = recursive_steps(checked.backend, checked.p, checked.q, left)
        arrays = recursive_steps_of_arrays(checked.backend, checked.p, checked.q, left)
        for a, b in zip(steps, arrays, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_chance_to_be_among_n_keeps_its_accuracy():
    q = np.concatenate([10.0 ** -np.arange(1, 290, 3), np.linspace(0, 0.999, 200), [1.0]])
    for n in (1, 2, 3, 5, 8, 31, 100):
        exact = -np.expm1(n * np.log1p(-q[:-1].astype(np.longdouble)))
        np.testing.assert_allclose(some_of(q, n)[:-1], exact.astype(float), rtol=4 * n * 2.0**-53)
        assert some_of(q, n)[-1] == 1


@pytest.mark.parametrize(("name", "scheme"), RULES)
@pytest.mark.parametrize("n", [2, 3])
def test_chunks_and_single_rows_equal_the_batch(name, scheme, n, rng):
    rule = VERIFIERS[name]
    n = drafts_of(name, scheme, n)
    p, q = rng.dirichlet(np.ones(9), size=(2, 4, 5))
    whole = rule.acceptance_rate(p, q, n, scheme=scheme)
    with mock.patch.object(type(rule), "at_once", 30):
        parts = rule.acceptance_rate(p, q, n, scheme=scheme)
    rows = [
        rule.acceptance_rate(a, b, n, scheme=scheme).value
        for a, b in zip(p.reshape(-1, 9), q.reshape(-1, 9), strict=True)
    ]
    assert whole.value.shape == (4, 5)
    # Quadrature nodes are shared by the rows of a chunk: only rounding and their error may differ.
    np.testing.assert_allclose(parts.value, whole.value, rtol=0, atol=2e-14)
    np.testing.assert_allclose(whole.value.ravel(), rows, rtol=0, atol=2e-14)


def test_chunks_keep_bounds_and_drafters(rng):
    p, q = rng.dirichlet(np.ones(40), size=(2, 3))
    rule = VERIFIERS["rrs_without_replacement"]
    with mock.patch.object(type(rule), "at_once", 1), mock.patch.object(chunks, "DEVICE_ELEMENTS", 1):
        assert rule.acceptance_rate(p, q, 4).standard_error.shape == (3,)
    drafters = rng.dirichlet(np.ones(40), size=(2, 3))
    whole = VERIFIERS["naive"].acceptance_rate(p, list(drafters), scheme="independent")
    with mock.patch.object(type(VERIFIERS["naive"]), "at_once", 1):
        parts = VERIFIERS["naive"].acceptance_rate(p, list(drafters), scheme="independent")
    np.testing.assert_array_equal(parts.value, whole.value)


def reads(call):
    """How often a call reads tensors on the host, on the route that accelerators take."""
    count = 0

    def counted(method):
        def call_it(*args, **options):
            nonlocal count
            count += 1
            return method(*args, **options)

        return call_it

    with (
        mock.patch.multiple(
            torch.Tensor, **{name: counted(getattr(torch.Tensor, name)) for name in READS}
        ),
        mock.patch.object(cpu, "on_cpu", return_value=False),
    ):
        call()
    return count


@pytest.mark.parametrize(("name", "scheme"), [*RULES, ("optimal", "without_replacement")])
def test_samplers_read_the_device_once(name, scheme, rng):
    p, q = (torch.as_tensor(x) for x in rng.dirichlet(np.ones(30), size=(2, 6)))
    n, generator = drafts_of(name, scheme, 3), source("torch", 0)
    plan = VERIFIERS[name].plan(p, q, n, scheme=scheme)
    few, many = (SCHEMES[scheme].sample(q, n, generator, size=size) for size in (2, 50))
    assert reads(lambda: plan.sample(few, generator)) == 1
    assert reads(lambda: plan.sample(many, generator)) == 1


@pytest.mark.parametrize(
    ("name", "scheme", "most"),
    [
        ("naive", "with_replacement", 0),
        ("rrs", "with_replacement", 0),
        ("k_seq", "with_replacement", 1),
        ("greedy", "greedy", 0),
        ("spechub", "spechub", 0),
        ("rrs_without_replacement", "without_replacement", 0),
    ],
)
def test_rates_seldom_read_the_device(name, scheme, most, rng):
    p, q = (torch.as_tensor(x) for x in rng.dirichlet(np.ones(300), size=(2, 6)))
    rule, n = VERIFIERS[name], drafts_of(name, scheme, 3)
    checked = pair(p, q)
    assert reads(lambda: rule.rate(checked, n, SCHEMES[scheme])) <= most
    assert reads(lambda: rule._plan(checked, n, SCHEMES[scheme])) <= most


P, Q = [0.45, 0.05, 0.2, 0.0, 0.3], [0.1, 0.4, 0.2, 0.1, 0.2]
ROWS = 20_000


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(("name", "scheme"), [*RULES, ("optimal", "without_replacement")])
def test_one_tuple_a_row_is_lossless_and_accepted_at_the_rate(name, scheme, compiled):
    if name == "khisti":
        pytest.skip("a linear programme a row")
    n, generator = drafts_of(name, scheme, 3), source("torch", 3)
    rows = ROWS if name != "optimal" else 4
    p, q = (torch.tensor([x] * rows, dtype=torch.float64) for x in (P, Q))
    size = None if name != "optimal" else ROWS // 4
    with mock.patch.object(cpu, "on_cpu", return_value=compiled):
        drafts = SCHEMES[scheme].sample(q, n, generator, size=size)
        token, index = VERIFIERS[name].plan(p, q, n, scheme=scheme).sample(drafts, generator)
    assert_law(token.reshape(-1).tolist(), {i: x for i, x in enumerate(P) if x})
    rate = VERIFIERS[name].acceptance_rate(P, Q, n, scheme=scheme)
    slack = 5 * (0.25 / ROWS) ** 0.5 + (rate.error_bound or 0.0)
    assert float((index >= 0).double().mean()) == pytest.approx(rate.value, abs=slack)


@pytest.mark.parametrize("size", [None, 3, 9])
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_few_and_many_drafts_have_one_law(size, library):
    rows = ROWS // (size or 1)
    q = np.tile(Q, (rows, 1)) if library == "numpy" else torch.tensor([Q] * rows, dtype=torch.float64)
    drafts = SCHEMES["without_replacement"].sample(q, 2, source(library, 7), size=size)
    law = {(a, b): Q[a] * Q[b] / (1 - Q[a]) for a, b in permutations(range(5), 2)}
    assert_law([tuple(x) for x in drafts.reshape(-1, 2).tolist()], law)


def test_few_drafts_of_a_peaked_row_keep_the_law_of_the_tail():
    q = np.tile([5e-13, 3e-13, 1 - 1e-12, 2e-13], (ROWS, 1))
    drafts = SCHEMES["without_replacement"].sample(q, 2, np.random.default_rng(2))
    assert (drafts[:, 0] == 2).all()
    assert_law(drafts[:, 1].tolist(), {0: 0.5, 1: 0.3, 3: 0.2})


@pytest.mark.parametrize("name", ["rrs", "k_seq", "khisti", "greedy", "rrs_without_replacement"])
def test_bad_drafts_are_told_apart(name, rng):
    plan = VERIFIERS[name].plan([0.2, 0.2, 0.6], [0.5, 0.5, 0.0], 2)
    with pytest.raises(InputError, match="probability zero"):
        plan.sample([0, 2], rng)
    for bad in (-1, 3):
        with pytest.raises(InputError, match="outside 0 … 2"):
            plan.sample([0, bad], rng)


def test_one_token_twice_is_refused_without_replacement(rng):
    plan = VERIFIERS["rrs_without_replacement"].plan([0.2, 0.2, 0.6], [0.5, 0.3, 0.2], 2)
    with pytest.raises(InputError, match="twice"):
        plan.sample([1, 1], rng)


def test_orders_of_a_batch_emit_what_each_row_s_ranks_say(rng):
    p, q = rng.dirichlet(np.full(3000, 0.3), size=(2, 3))
    plan = VERIFIERS["optimal"].plan(p, q, 3, scheme="without_replacement")
    assert max(row.atoms.count for row in plan.rows) < 3000
    drafts = SCHEMES["without_replacement"].sample(q, 3, np.random.default_rng(0), size=400)
    for r, row in enumerate(plan.rows):
        largest = np.diff(row.atoms.start).argmax()
        together = row.atoms.tokens[slice(*row.atoms.start[largest : largest + 2])]
        drafts[r, 200:] = [rng.choice(together, 3, replace=False) for _ in range(200)]
    token, _ = plan.sample(drafts, np.random.default_rng(1))
    u = np.random.default_rng(1).random((3, 3, 400))
    for r, row in enumerate(plan.rows):
        sums = np.cumsum(row.weights)
        chosen = np.searchsorted(sums[:-1], u[r, 0] * sums[-1], side="right")
        winner = row.ranks()[chosen[:, None], drafts[r]].argmax(-1)
        pick = drafts[r][np.arange(400), winner]
        residual = np.cumsum((p[r] - row.y).clip(0))
        other = np.searchsorted(residual, u[r, 2] * residual[-1], side="right")
        expected = np.where(u[r, 1] * row.y[pick] < p[r][pick], pick, other)
        # p is divided by its sum: a residual draw may move by rounding.
        assert (token[r] == expected).mean() > 0.99


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_odds_and_exponentials_give_one_law_of_the_pick(n, rng):
    q, times = rng.dirichlet(np.full(200, 0.1)), np.geomspace(1e-4, 60, 80)
    tokens, y = rng.permutation(200), np.zeros((2, 200))
    c, f = np.zeros((2, n, 80)), np.zeros((2, n, 80))
    c[:, 0, :] = 1.0
    for x in rng.dirichlet(np.ones(5)):
        for k in (0, 1):
            insert(c[k], f[k], x, times)
    within_light(tokens, q.sum(), q, times, times, c[0], f[0], y[0])
    within_heavy(tokens, q, times, times, c[1], f[1], y[1])
    np.testing.assert_allclose(y[0], y[1], rtol=200 * 2.0**-50)


@pytest.mark.parametrize("kind", range(11))
def test_atoms_are_a_partition_in_the_order_of_ratios(kind, rng):
    p, q = list(adversarial(rng, 60))[kind]
    p, q = p / p.sum(), q / q.sum()
    atoms = make_atoms(p, q, 0.05, 0.1, 0.01)
    assert sorted(atoms.tokens.tolist()) == list(range(60))
    assert (atoms.start[0], atoms.start[-1]) == (0, 60)
    assert (np.diff(atoms.start) > 0).all()
    for mass, x in ((atoms.p, p), (atoms.q, q)):
        np.testing.assert_allclose(mass, np.add.reduceat(x[atoms.tokens], atoms.start[:-1]))
    # Single precision: what the atoms are sorted by. Spread pairs leave its range.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(q > 0, p / q, np.inf)[atoms.tokens].astype(np.float32)
    inside = np.ones(59, dtype=bool)
    inside[atoms.start[1:-1] - 1] = False
    assert (ratio[1:] >= ratio[:-1])[inside].all()
