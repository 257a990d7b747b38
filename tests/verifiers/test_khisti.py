"""The canonical decomposition for two i.i.d. drafts: exact law, truncation, and the optimum."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from mdsd_theory import SCHEMES, InputError, InputTypeError, optimal_acceptance
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.distributions import pair
from mdsd_theory.errors import CertificationError
from mdsd_theory.instances import KINDS, random_pair
from mdsd_theory.verifiers import Khisti, KSeq
from mdsd_theory.verifiers.importance_law import cached_selection, ranking, selection
from mdsd_theory.verifiers.importance_plan import Selected
from mdsd_theory.verifiers.importance_program import pair_weights

from .enumerate_rules import Outcome, floats, positive_part, random_instance


def instances(count, seed=4):
    rng = np.random.default_rng(seed)
    for i in range(count):
        yield random_instance(KINDS[i % 6], int(rng.integers(3, 6)), 2, rng)


def walk(p, q, chance):
    """The rule through all pairs, its y by counting the picks: ``chance(i, j)`` that i is picked."""
    tokens = range(len(p))
    picks = [(i, j, q[i] * q[j] * (chance(i, j) if i != j else 1)) for i in tokens for j in tokens]
    picks = [(i, j, w * (2 if i != j else 1)) for i, j, w in picks if w]
    y = [sum(w for i, _, w in picks if i == x) for x in tokens]
    out, residual = (
        Outcome([Fraction(0)] * len(p)),
        positive_part([a - b for a, b in zip(p, y, strict=True)]),
    )
    for i, j, weight in picks:
        accept = min(Fraction(1), p[i] / y[i])
        out.emit(i, (i, j), weight * accept, accepted=True)
        out.emit_from(residual, (i, j), weight * (1 - accept))
    return out, y


@pytest.mark.parametrize("tokens", [1, 2, 3, 100])
def test_equals_the_enumeration(tokens):
    """Lossless in fractions whatever the truncation; the rate in floats is that of the walk."""
    rule, count = Khisti(tokens=tokens), 0
    for p, q in instances(60 if tokens < 100 else 300):
        found = cached_selection(tuple(p), tuple(q), tokens, True)
        exact, y = walk(p, q, found.chance)
        assert found.y == y
        assert exact.law == p == rule.output_law(p, q, 2)
        rate = rule.acceptance_rate(*floats(p, q), 2)
        assert rate.value == pytest.approx(float(exact.value), abs=1e-9)
        assert rate.explicit == pytest.approx(float(exact.explicit), abs=1e-9)
        assert rate.route == "truncated_lp"
        best = optimal_acceptance(*floats(p, q), n=2, scheme="with_replacement").value
        assert exact.explicit <= exact.value <= best + 1e-14
        if tokens >= len(p):
            assert float(exact.explicit) == pytest.approx(best, abs=1e-12)
        count += 1
    assert count == (60 if tokens < 100 else 300)


def test_is_the_optimum_where_the_programme_holds_every_token(rng):
    for i in range(60):
        p, q = random_pair(KINDS[i % 6], int(rng.integers(2, 40)), 1, rng)
        best = optimal_acceptance(p, q, n=2, scheme="with_replacement").value
        rate = Khisti(tokens=40).acceptance_rate(p, q, 2)
        assert rate.explicit == pytest.approx(best, abs=1e-11)
        assert rate.value == pytest.approx(best, abs=1e-11)


def test_a_larger_programme_accepts_more(rng):
    for i in range(18):
        p, q = random_pair(KINDS[i % 3], 60, 1, rng)
        explicit = [Khisti(tokens=s).acceptance_rate(p, q, 2).explicit for s in (1, 2, 4, 8, 16, 32, 60)]
        assert (np.diff(explicit) > -1e-10).all()


def test_the_residual_can_hit_the_draft_that_was_not_picked():
    """Ω₀ holds one token: 0 is picked before 1, is rejected half of the time, and 1 is wanted."""
    p, q = [Fraction(x, 20) for x in (11, 4, 5)], [Fraction(x, 20) for x in (10, 1, 9)]
    exact, _ = walk(p, q, selection(p, q, 1).chance)
    assert exact.value > exact.explicit
    rate = Khisti(tokens=1).acceptance_rate(*floats(p, q), 2)
    assert (rate.value, rate.explicit) == pytest.approx((float(exact.value), float(exact.explicit)))


def test_order_of_the_tokens():
    """By p − q² descending; ties by index; tokens that are never drafted last."""
    p = [Fraction(x, 8) for x in (1, 4, 1, 2, 0)]
    q = [Fraction(x, 8) for x in (4, 0, 2, 2, 0)]
    assert ranking(p, q) == [3, 2, 0, 1, 4]
    assert selection(p, q, 1).chance(2, 0) == 1
    assert selection(p, q, 1).chance(0, 2) == 0


def test_arrays_hold_the_exact_selection(rng):
    for i in range(40):
        p, q = random_pair(KINDS[i % 6], 12, 2, rng)
        for tokens in (1, 4, 12):
            checked = pair(p, q)
            found = Selected.of(checked, tokens)
            exact = selection(*checked.row(0), tokens)
            y = np.zeros(12)
            y[found.order[0]] = found.y[0]
            assert y == pytest.approx(exact.y, abs=1e-12)
            assert y.sum() == pytest.approx(1, abs=1e-14)


def test_batches_equal_loops_and_torch_equals_numpy(batch, rng):
    rule = Khisti(tokens=10)
    plan, tensor = rule.plan(*batch, 2), rule.plan(*(torch.tensor(x) for x in batch), 2)
    for name in ("rank", "weights", "y", "residual"):
        np.testing.assert_allclose(getattr(tensor, name).numpy(), getattr(plan, name), atol=1e-12)
        for row in range(5):
            alone = getattr(rule.plan(batch[0][row], batch[1][row], 2), name)
            np.testing.assert_allclose(alone[0], getattr(plan, name)[row], atol=1e-12)
    drafts = SCHEMES["with_replacement"].sample(batch[1], 2, rng, size=30)
    assert plan.sample(drafts, rng).token.shape == (5, 30)


@pytest.mark.parametrize("tokens", [2, 100])
def test_sampler_follows_the_weights_of_each_pair(tokens):
    p, q = [0.1, 0.3, 0.2, 0.0, 0.4], [0.4, 0.3, 0.1, 0.1, 0.1]
    rule, rng = Khisti(tokens=tokens), np.random.default_rng(8)
    plan = rule.plan(p, q, 2)
    for drafts in ((0, 1), (1, 0), (2, 4), (4, 3), (0, 0)):
        law = rule.conditional_law(p, q, drafts)
        token, _ = plan.sample(np.tile(drafts, (20_000, 1)), rng)
        for i in range(5):
            chance = law.get(i, 0.0)
            error = max((chance * (1 - chance) / 20_000) ** 0.5, 1e-9)
            assert (token == i).mean() == pytest.approx(chance, abs=5 * error)


def test_real_distributions_at_full_vocabulary(rng):
    """At most 1e-3 below the optimum on each of the shipped positions, and above K-SEQ on average."""
    data = load_demo_data()
    p, q = data.p[::2], data.q[::2]
    best = optimal_acceptance(p, q, n=2, scheme="with_replacement")
    rate = Khisti().acceptance_rate(p, q, 2)
    assert (best.upper - rate.value > 0).all()
    assert (best.value - rate.value).max() < 1e-3
    assert (rate.explicit <= rate.value).all()
    assert rate.value.mean() > KSeq().acceptance_rate(p, q, 2).value.mean()
    drafts = SCHEMES["with_replacement"].sample(q[0], 2, rng, size=60_000)
    _, index = Khisti().sample(p[0], q[0], drafts, rng)
    error = (rate.value[0] * (1 - rate.value[0]) / 60_000) ** 0.5
    assert (index >= 0).mean() == pytest.approx(rate.value[0], abs=5 * error)


def test_edges():
    one_hot = [1.0, 0.0, 0.0]
    assert Khisti().acceptance_rate(one_hot, one_hot, 2).value == 1
    assert Khisti().acceptance_rate([0.2, 0.3, 0.5], one_hot, 2).value == pytest.approx(0.2)
    assert Khisti().acceptance_rate([0.0, 0.3, 0.7], one_hot, 2).value == 0
    half = Khisti(tokens=1).acceptance_rate([0.5, 0.5], [0.5, 0.5], 2)
    assert (half.explicit, half.value) == pytest.approx((3 / 4, 3 / 4 + 1 / 6))
    tiny = [1 - 1e-200, 1e-200]
    assert Khisti(tokens=1).acceptance_rate(tiny, tiny, 2).value == pytest.approx(1.0)
    assert Khisti(tokens=1).conditional_law(tiny, tiny, (1, 1)) == {1: 1}


def test_weights_are_chances(rng):
    for _ in range(20):
        p, q = rng.dirichlet(np.full(15, 0.3), size=2)
        weights = pair_weights(p, q, 0.0)
        assert ((weights >= 0) & (weights <= 1)).all()
        assert weights + weights.T == pytest.approx(np.ones((15, 15)) + np.eye(15))


def test_options_and_names(monkeypatch):
    assert repr(Khisti()) == "Khisti()"
    assert repr(Khisti(tokens=7)) == "Khisti(tokens=7)"
    with pytest.raises(InputError, match="tokens is 0; expected the number of tokens"):
        Khisti(tokens=0)
    with pytest.raises(InputTypeError, match=r"tokens is 1\.5 of type float"):
        Khisti(tokens=1.5)
    monkeypatch.setattr(
        "mdsd_theory.verifiers.importance_program.OPTIONS", {"maxiter": 0, "presolve": False}
    )
    with pytest.raises(CertificationError, match="HiGHS did not solve the selection programme"):
        Khisti().acceptance_rate([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], 2)
