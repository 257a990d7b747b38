"""The front door and what it returns."""

from __future__ import annotations

import json

import matplotlib as mpl
import numpy as np
import pytest
import torch

import mdsd_theory as mdsd

mpl.use("Agg")
P, Q = [0.5, 0.3, 0.2], [0.2, 0.3, 0.5]


def test_signatures_are_the_agreed_ones():
    import inspect

    def defaults(function):
        parameters = inspect.signature(function).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}

    agreed = {"n": 3, "scheme": "without_replacement", "route": "auto"}
    assert defaults(mdsd.compare) == agreed | {"verifiers": None}
    assert defaults(mdsd.optimal_acceptance) == agreed
    assert defaults(mdsd.certify) == {"n": 3, "scheme": "without_replacement", "rigorous": False}
    assert defaults(mdsd.from_logits) == {"temperature": 1.0, "top_k": None, "top_p": None}
    assert {"n": 3, "verifier": "rrs"}.items() <= defaults(mdsd.acceptance_rate).items()


def test_one_scheme():
    result = mdsd.compare(P, Q, n=2, scheme="greedy")
    assert result.optimal.value == result.optimal["greedy"].value == pytest.approx(0.9)
    assert set(result.rates) == {"naive", "greedy", "optimal"}
    assert result.gaps["greedy"] == pytest.approx(0.0)
    assert result.gaps["naive"] == pytest.approx(0.9 - result.rates["naive"])


def test_all_schemes_key_shared_verifiers_by_scheme():
    result = mdsd.compare(P, Q, n=2, scheme="all")
    assert list(result.optimal) == ["with_replacement", "without_replacement", "greedy", "top_k"]
    assert {"rrs", "k_seq", "greedy", "rrs_without_replacement"} <= set(result.rates)
    assert {f"naive:{scheme}" for scheme in result.optimal} <= set(result.rates)
    with pytest.raises(AttributeError, match="several schemes were compared"):
        _ = result.optimal.value


def test_no_verifier_beats_the_bound(batch):
    result = mdsd.compare(*batch, scheme="all")
    for key, gap in result.gaps.items():
        bound = result.details[key].error_bound
        slack = 0.0 if bound is None else np.max(bound)
        assert (gap >= -1e-12 - slack).all(), key


def test_verifiers_can_be_chosen():
    assert set(mdsd.compare(P, Q, scheme="all", verifiers="rrs").rates) == {"rrs"}
    assert mdsd.compare(P, Q, verifiers=[]).rates == {}


def test_rules_for_two_drafts_appear_at_two():
    assert "khisti" in mdsd.compare(P, Q, n=2, scheme="with_replacement").rates
    assert "khisti" not in mdsd.compare(P, Q, n=3, scheme="with_replacement").rates
    with pytest.raises(mdsd.InputError, match="verifier 'khisti' is for n = 2 drafts, not for n = 3"):
        mdsd.compare(P, Q, n=3, scheme="all", verifiers=["khisti", "rrs"])


def test_spechub_and_greedy_share_their_optimum():
    result = mdsd.compare(P, Q, n=2, scheme=["spechub", "greedy"])
    assert result.optimal["spechub"].value == result.optimal["greedy"].value
    assert result.rates["spechub"] == pytest.approx(0.9)
    assert result.rates["naive:spechub"] == result.rates["naive:greedy"]
    with pytest.raises(mdsd.InputError, match="'spechub' is defined for n = 2 only"):
        mdsd.compare(P, Q, scheme="spechub")


def test_scheme_objects_and_your_own_scheme():
    class Fixed(mdsd.Scheme):
        """Always draft tokens 0 and 2."""

        name = "fixed"
        summary = "tokens 0 and 2"

        def set_law(self, q, n):
            return {frozenset({0, 2}): 1.0}

    result = mdsd.compare(P, Q, n=2, scheme=[mdsd.SCHEMES["greedy"], Fixed()])
    assert result.optimal["fixed"].value == pytest.approx(0.7)
    assert result.optimal["fixed"].route == "highs"
    assert result.rates["naive:fixed"] == pytest.approx(0.7)


def test_a_scheme_of_your_own_cannot_borrow_a_name():
    class Impostor(mdsd.Scheme):
        """Drafts nothing like greedy."""

        name = "greedy"
        summary = "token 1"

        def set_law(self, q, n):
            return {frozenset({1}): 1.0}

    assert mdsd.optimal_acceptance(P, Q, scheme=Impostor()).value == pytest.approx(0.3)


def test_independent_and_joint():
    drafters = [Q, [0.6, 0.2, 0.2]]
    independent = mdsd.compare(P, drafters, scheme="independent")
    assert independent.optimal["independent"].n == 2
    law = {(i, j): Q[i] * drafters[1][j] for i in range(3) for j in range(3)}
    joint = mdsd.compare(P, law, scheme="joint")
    assert joint.optimal.value == pytest.approx(independent.optimal.value, abs=1e-12)
    assert joint.rates["naive"] == pytest.approx(independent.rates["naive"], abs=1e-12)


def test_independent_is_enclosed_at_a_large_vocabulary(rng):
    p = rng.dirichlet(np.full(300, 0.3))
    drafters = rng.dirichlet(np.full(300, 0.3), size=2)
    result = mdsd.optimal_acceptance(p, list(drafters), scheme="independent")
    assert isinstance(result, mdsd.AcceptanceBounds)
    assert not result.exact
    assert 0 <= result.lower <= result.value <= result.upper <= 1
    inside = result.subset
    attained = p[inside].sum() + 1 - np.prod(drafters[:, inside].sum(-1))
    assert result.value == pytest.approx(attained, abs=1e-12)


def test_one_drafter_and_equal_drafters_are_exact_at_any_vocabulary(rng):
    p, q = rng.dirichlet(np.full(40, 0.3), size=2)
    for drafters in ([q], [q, q], [q, q, q, q]):
        n = len(drafters)
        result = mdsd.optimal_acceptance(p, drafters, n=n, scheme="independent")
        assert result.exact
        expected = mdsd.optimal_acceptance(p, q, n=n, scheme="with_replacement")
        assert result.value == pytest.approx(expected.value, abs=1e-15)


def test_joint_law_is_normalised_within_rounding():
    law = {(0,): 0.7, (1,): 0.3 + 9e-10}
    exact = float(mdsd.certify([0.6, 0.4], law, n=1, scheme="joint").value)
    for route in ("highs", "rational", "max_flow"):
        result = mdsd.optimal_acceptance([0.6, 0.4], law, n=1, scheme="joint", route=route)
        assert result.lower <= exact <= result.upper
    narrow = {(0, 1): np.float32(0.5), (1, 2): np.float32(0.5)}
    assert mdsd.optimal_acceptance(P, narrow, scheme="joint").value == pytest.approx(1.0)
    assert mdsd.certify(P, {(0, 1): "1/2", (1, 2): "1/2"}, scheme="joint").value == 1


def test_reprs_are_short(batch, rng):
    single = mdsd.optimal_acceptance(P, Q, n=2)
    assert repr(single).startswith("Acceptance(value=0.98571")
    assert "|H|=2 of 3" in repr(single)
    assert repr(mdsd.compare(P, Q, n=2)) == str(mdsd.compare(P, Q, n=2))
    for result in (
        mdsd.optimal_acceptance(*batch),
        mdsd.acceptance_rate(*batch, detail=True),
        mdsd.acceptance_rate(P, Q, detail=True),
        mdsd.optimal_acceptance(rng.dirichlet(np.ones(5000)), rng.dirichlet(np.ones(5000))),
    ):
        assert len(repr(result)) < 250


def test_any_iterable_of_schemes():
    expected = list(mdsd.compare(P, Q, scheme=["greedy", "top_k"]).optimal)
    for schemes in (("greedy", "top_k"), (s for s in ("greedy", "top_k")), {"greedy": 1, "top_k": 2}):
        assert list(mdsd.compare(P, Q, scheme=schemes).optimal) == expected


def test_certificate_is_public():
    assert isinstance(mdsd.certify(P, Q, n=2), mdsd.Certificate)


def test_independent_bounds_hold_the_optimum(rng):
    for _ in range(40):
        vocabulary, n = int(rng.integers(2, 9)), int(rng.integers(1, 5))
        p = rng.dirichlet(np.full(vocabulary, 0.5))
        drafters = list(rng.dirichlet(np.full(vocabulary, 0.5), size=n))
        options = {"scheme": "independent"} | ({"n": n} if n != 3 else {})
        exact = mdsd.optimal_acceptance(p, drafters, route="subset_enumeration", **options)
        bounds = mdsd.optimal_acceptance(p, drafters, route="weighted_mean_bounds", **options)
        assert bounds.lower <= exact.value + 1e-15
        assert exact.value <= bounds.upper + 1e-15


def test_equal_drafters_are_drafts_with_replacement(rng):
    p, q = rng.dirichlet(np.full(200, 0.4), size=2)
    same = mdsd.optimal_acceptance(p, [q, q, q], scheme="independent")
    assert same.value == pytest.approx(mdsd.optimal_acceptance(p, q, scheme="with_replacement").value)
    assert same.gap < 1e-12


def test_text_table_shows_every_row():
    text = str(mdsd.compare(P, Q, n=2, scheme="all"))
    for word in ("V = 3, n = 2", "greedy", "top_k", "α*", "k_seq", "0.900000"):
        assert word in text


def test_table_of_a_batch_shows_means(batch):
    result = mdsd.compare(*batch, scheme="greedy", verifiers=[])
    assert "mean over 5 positions" in str(result)
    assert f"{result.optimal.value.mean():.6f}" in str(result)


def test_table_of_an_enclosure_shows_both_ends(rng):
    p, a, b = rng.dirichlet(np.ones(40), size=3)
    text = str(mdsd.compare(p, [a, b], scheme="independent"))
    assert " … " in text
    assert "≤ " in text


def test_monte_carlo_shows_its_standard_error(rng):
    p, q = rng.dirichlet(np.full(300, 0.3), size=2)
    result = mdsd.compare(p, q, n=4, verifiers="rrs_without_replacement")
    assert result.details["rrs_without_replacement"].standard_error > 0
    assert " ± " in str(result)


def test_html_is_escaped_and_complete():
    html = mdsd.compare(P, Q, n=2)._repr_html_()
    assert html.startswith("<table>")
    assert html.count("<tr>") == 1 + len(mdsd.compare(P, Q, n=2).rows)


def test_json_round_trip():
    content = json.loads(mdsd.compare(P, Q, n=2, scheme="all").to_json(indent=1))
    greedy = content["optimal"]["greedy"]
    assert greedy["value"] == pytest.approx(0.9)
    assert greedy["subset"] == [1, 2]
    assert greedy["exact"] is True
    assert content["rates"]["rrs"]["scheme"] == "with_replacement"
    assert content["rates"]["rrs"]["gap"] >= 0


def test_json_of_tensors_in_half_precision(batch):
    p, q = (torch.tensor(x).to(torch.bfloat16) for x in batch)
    content = json.loads(mdsd.compare(p, q, scheme="greedy").to_json())
    assert len(content["optimal"]["greedy"]["value"]) == 5


def test_frame_has_a_row_for_each_position_scheme_and_verifier(batch):
    result = mdsd.compare(*batch, scheme="all")
    frame = result.to_frame()
    assert len(frame) == 5 * len(result.rows)
    optimal = frame[(frame.verifier == "bound") & (frame.scheme == "greedy")]
    np.testing.assert_allclose(optimal.acceptance, result.optimal["greedy"].value)
    rrs = frame[frame.verifier == "rrs"]
    np.testing.assert_allclose(rrs.gap, result.gaps["rrs"])


def test_plot_draws_a_bar_for_each_verifier_and_the_bound(batch):
    result = mdsd.compare(*batch, scheme=["greedy", "with_replacement"])
    ax = result.plot()
    assert len(ax.patches) == len(result.rates)
    lines = {round(float(line.get_xdata()[0]), 12) for line in ax.lines}
    assert {round(float(r.upper.mean()), 12) for r in result.optimal.values()} <= lines
    heights = [patch.get_width() for patch in ax.patches]
    assert heights[0] == pytest.approx(next(iter(result.rates.values())).mean())


def test_plot_accepts_axes():
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    assert mdsd.compare(P, Q, n=2).plot(ax=ax) is ax


def test_registries_list_documented_objects():
    for name, route in mdsd.ROUTES.items():
        assert route.name == name
        assert route.cost
    for name, verifier in mdsd.VERIFIERS.items():
        assert verifier.name == name
        assert verifier.summary
