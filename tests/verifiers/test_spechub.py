"""SpecHub's verifier: the table of its paper, and that it reaches the optimum."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from mdsd_theory import SCHEMES, InputError, certify, optimal_acceptance
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.verifiers import SpecHub

from .enumerate_rules import KINDS, Outcome, floats, positive_part, random_instance

RULE = SpecHub()


def instances(count, seed=3):
    rng = np.random.default_rng(seed)
    for i in range(count):
        p, q = random_instance(KINDS[i % 6], int(rng.integers(3, 7)), 2, rng)
        if sum(x > 0 for x in q) >= 2:
            yield p, q


def spechub(p, q):
    """The rule, walked through all pairs: what is left of p is taken away step after step."""
    hub = q.index(max(q))
    others = [i for i in range(len(q)) if i != hub and q[i]]
    before = {i: q[i] for i in others}
    after = {i: q[hub] * q[i] / (1 - q[hub]) for i in others}
    left, out = list(p), Outcome([Fraction(0)] * len(p))

    def take(drafts, token, drawn, offered):
        """Accept what ``offered`` of ``left`` allows of the mass ``drawn``; return what is rejected."""
        taken = min(drawn, offered)
        out.emit(token, drafts, taken, accepted=True)
        return drawn - taken

    for law, pairs in ((before, lambda i: (i, hub)), (after, lambda i: (hub, i))):
        for i in others:
            drawn = law[i]
            law[i] = take(pairs(i), i, drawn, left[i])
            left[i] -= drawn - law[i]
    for law, pairs in ((after, lambda i: (hub, i)), (before, lambda i: (i, hub))):
        total, share = sum(law.values()), left[hub]
        for i in others:
            drawn = law[i]
            law[i] = take(pairs(i), hub, drawn, share * drawn / total) if total else Fraction(0)
        left[hub] = share - min(share, total)
    assert left == positive_part(left)
    for law, pairs in ((before, lambda i: (i, hub)), (after, lambda i: (hub, i))):
        for i in others:
            out.emit_from(left, pairs(i), law[i])
    return out


def test_equals_the_enumeration_and_reaches_the_optimum():
    """Lossless, P(Y ∈ S) and α* in fractions: equal, on more than 300 instances."""
    count = 0
    for p, q in instances(340):
        exact = spechub(p, q)
        assert exact.law == p == RULE.output_law(p, q, 2)
        assert exact.value == exact.explicit == certify(p, q, n=2, scheme="spechub").value
        rate = RULE.acceptance_rate(*floats(p, q), 2)
        assert rate.value == rate.explicit == pytest.approx(float(exact.value), abs=1e-12)
        assert rate.route == "closed_form"
        count += 1
    assert count >= 300


def test_the_order_of_the_drafts_matters():
    half, quarter = Fraction(1, 2), Fraction(1, 4)
    p, q = [quarter, half, quarter], [half, quarter, quarter]
    first, second = (RULE.conditional_law(p, q, drafts) for drafts in ((1, 0), (0, 1)))
    assert first == second == {1: 1}
    assert RULE.conditional_law(p, q, (2, 0)) == {2: 1}
    assert RULE.conditional_law(p, q, (0, 2)) == {0: 1}


def test_equals_the_optimum_on_real_distributions():
    data = load_demo_data()
    for scheme in ("spechub", "greedy"):
        best = optimal_acceptance(data.p, data.q, n=2, scheme=scheme).value
        assert np.abs(RULE.acceptance_rate(data.p, data.q, 2).value - best).max() < 1e-14


def test_edges(rng):
    q = [0.4, 0.4, 0.2, 0.0]
    assert RULE.acceptance_rate(q, q, 2).value == pytest.approx(1 - 0.2 + 0.2)
    assert RULE.acceptance_rate([0.0, 0.0, 0.0, 1.0], q, 2).value == 0
    assert RULE.acceptance_rate([0.0, 1.0, 0.0, 0.0], q, 2).value == pytest.approx(2 / 3)
    drafts = SCHEMES["spechub"].sample(q, 2, rng, size=5000)
    for p, accepted in ((q, 1.0), ([0.0, 0.0, 0.0, 1.0], 0.0)):
        token, index = RULE.sample(p, q, drafts, rng)
        assert (index >= 0).mean() == accepted
        assert all(p[t] > 0 for t in token)


class Constant(np.random.Generator):
    """A generator that returns one number: the ends of the unit interval."""

    def __init__(self, value):
        super().__init__(np.random.PCG64(0))
        self.value = value

    def random(self, shape):
        return np.full(shape, self.value)


@pytest.mark.parametrize("value", [0.0, np.nextafter(1.0, 0.0)])
def test_extreme_uniforms_emit_possible_tokens(value, rng):
    """Where all of p fits under q̃ but the hub's share, a rounding is all that could reject the hub."""
    for _ in range(60):
        q = rng.dirichlet(np.ones(5))
        p = q * rng.uniform(0, 1, 5)
        p[np.argmax(q)] += 1 - p.sum()
        drafts = list(SCHEMES["spechub"].tuple_law(q.tolist(), 2))
        token, index = RULE.plan(p, q, 2).sample(drafts, Constant(value))
        assert (p[token] > 0).all()
        assert (index >= 0).all()


def test_batches_equal_loops(batch, rng):
    p, q = batch
    plan = RULE.plan(p, q, 2)
    drafts = SCHEMES["spechub"].sample(q, 2, rng, size=50)
    token, index = plan.sample(drafts, rng)
    assert token.shape == index.shape == (5, 50)
    for row in range(5):
        alone = RULE.plan(p[row], q[row], 2)
        np.testing.assert_array_equal(alone.hub[0], plan.hub[row])
        np.testing.assert_allclose(alone.rejected[0], plan.rejected[row], atol=1e-15)
        np.testing.assert_allclose(alone.residual[0], plan.residual[row], atol=1e-15)


def test_torch_plan_equals_numpy(batch):
    ours, theirs = RULE.plan(*batch, 2), RULE.plan(*(torch.tensor(x) for x in batch), 2)
    for name in ("hub", "after", "rejected", "residual"):
        np.testing.assert_allclose(getattr(theirs, name).numpy(), getattr(ours, name), atol=1e-15)


@pytest.mark.parametrize("drafts", [[1, 2], [0, 0], [0, 3], [3, 0]])
def test_pairs_that_the_scheme_cannot_draw_are_refused(drafts, rng):
    with pytest.raises(InputError, match="draw them from scheme 'spechub'"):
        RULE.sample([0.25] * 4, [0.5, 0.25, 0.25, 0.0], drafts, rng)
