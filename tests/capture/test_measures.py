"""Measures of a block: against the front doors row by row, the LP, and what cannot be measured."""

from __future__ import annotations

import math
from unittest import mock

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mdsd_theory import VERIFIERS, InputError, SupportError, from_logits, optimal_acceptance  # noqa: E402
from mdsd_theory.capture import measures  # noqa: E402
from mdsd_theory.capture.measures import column_names, measure  # noqa: E402
from mdsd_theory.capture.measures_schemes import Warp, asked_schemes  # noqa: E402
from mdsd_theory.capture.orderings import violations  # noqa: E402
from mdsd_theory.capture.positions import KEYS, Positions, Questions  # noqa: E402
from mdsd_theory.demo_data import load_demo_data  # noqa: E402
from mdsd_theory.verifiers import verifiers_of  # noqa: E402

EVERY = ("all", "spechub", "with_replacement@top5", "without_replacement@p0.9", "greedy@top5")
CUTS = {"@top5": {"top_k": 5}, "@p0.9": {"top_p": 0.9}, "@top100": {"top_k": 100}, "": {}}


def positions_of(target, draft):
    """A block whose keys are all different."""
    rows = np.arange(len(target))
    target, draft = (x if torch.is_tensor(x) else torch.tensor(x) for x in (target, draft))
    return Positions(rows // 3, rows // 2 % 2, rows, rows + 50, target, draft)


def random_logits(rng, rows, vocabulary, spread=3.0):
    target = spread * rng.normal(size=(rows, vocabulary))
    return target, target + rng.normal(size=(rows, vocabulary))


def shipped(rows):
    data = load_demo_data(1.0)
    return np.log(data.p[rows]), np.log(data.q[rows])


def expected(target, draft, row):
    """The figures of one row of the columns, from the public front doors."""
    scheme, at, cut = row["scheme"].partition("@")
    t, n = row["temperature"], int(row["n"])
    p = from_logits(target.astype(float), temperature=t)
    whole = from_logits(draft.astype(float), temperature=t)
    q = from_logits(draft.astype(float), temperature=t, **CUTS[at + cut])
    figures = {"target_entropy": -sum(x * math.log(x) for x in p if x)}
    figures["draft_entropy"] = -sum(x * math.log(x) for x in whole if x)
    figures["total_variation"] = 1 - np.minimum(p, whole).sum()
    try:
        best = optimal_acceptance(p, q, n=n, scheme=scheme)
    except SupportError:
        return figures
    figures |= {"alpha": best.value, "lower": best.lower, "upper": best.upper}
    for rule in verifiers_of(scheme, n):
        rate = rule.acceptance_rate(p, q, n, scheme=scheme)
        figures[rule.name] = rate.value
        error = rate.error_bound if rate.standard_error is None else rate.standard_error
        if error is not None:
            figures[rule.name + "_error"] = error
    return figures


def rows_of(columns):
    names = list(columns)
    return [dict(zip(names, x, strict=True)) for x in zip(*columns.values(), strict=True)]


def assert_equal_to_front_doors(target, draft, columns, atol, skip=()):
    """Every figure of every row; what the front doors do not give is NaN."""
    for row in rows_of(columns):
        place = int(row["position"])
        known = expected(target[place], draft[place], row)
        for name in columns:
            if name in (*KEYS, *skip):
                continue
            assert row[name] == pytest.approx(known.get(name, math.nan), abs=atol, nan_ok=True), (
                row,
                name,
            )


@pytest.mark.parametrize("vocabulary", [2, 3, 12, 40])
def test_equals_the_front_doors_row_by_row(vocabulary, rng):
    target, draft = random_logits(rng, 4, vocabulary)
    questions = Questions((0.4, 1.3), (1, 2, min(3, vocabulary)), EVERY)
    if vocabulary < 12:
        questions = Questions((0.4, 1.3), (1, 2), ("all", "spechub"))
    columns = measure(positions_of(target, draft), questions)
    assert tuple(columns) == column_names(questions)
    # Quadrature nodes are shared by the rows of a block: 2e-14; an exact route rounds at V·2⁻⁵³.
    assert_equal_to_front_doors(target, draft, columns, 1e-13)
    assert violations(columns) == []


def test_estimates_equal_those_of_the_front_doors(rng):
    target, draft = random_logits(rng, 2, 60)
    questions = Questions((1.0,), (4,), ("without_replacement",), ("rrs_without_replacement",))
    columns = measure(positions_of(target, draft), questions)
    assert (columns["rrs_without_replacement_error"] > 0).all()
    assert_equal_to_front_doors(target, draft, columns, 1e-12)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64"])
def test_shipped_rows_in_every_dtype(dtype):
    target, draft = (torch.tensor(x).to(getattr(torch, dtype)) for x in shipped([2, 9]))
    questions = Questions((0.7,), (3,), ("with_replacement@top100", "without_replacement", "greedy"))
    columns = measure(positions_of(target, draft), questions, program_share=0.0)
    # Sums of 49,152 terms in another order.
    wide = [x.double().numpy() for x in (target, draft)]
    skip = ("optimal", "optimal_error")
    assert_equal_to_front_doors(*wide, columns, 49_152 * 2.0**-53, skip)
    iid = columns["scheme"] == "with_replacement@top100"
    assert columns["optimal"][iid] == pytest.approx(columns["alpha"][iid], abs=1e-11)
    assert np.isnan(columns["optimal"][columns["scheme"] == "without_replacement"]).all()
    assert violations(columns) == []


@pytest.mark.parametrize("scheme", ["with_replacement", "without_replacement", "greedy", "top_k"])
def test_alpha_equals_the_linear_program(scheme, rng):
    target, draft = random_logits(rng, 3, 9)
    columns = measure(positions_of(target, draft), Questions((0.7, 1.5), (2, 3), (scheme,)))
    for row in rows_of(columns):
        place, t = int(row["position"]), row["temperature"]
        p, q = (from_logits(x[place], temperature=t) for x in (target, draft))
        exact = optimal_acceptance(p, q, n=int(row["n"]), scheme=scheme, route="highs")
        assert row["alpha"] == pytest.approx(exact.value, abs=1e-9)
        assert row["lower"] - 1e-9 <= exact.value <= row["upper"] + 1e-9
        assert row["optimal"] == pytest.approx(exact.value, abs=1e-9)


def test_rows_and_columns_come_in_the_order_asked_for(rng):
    questions = Questions((1.0, 0.5), (3, 2), ("greedy", "spechub"), ("optimal", "rrs"))
    columns = measure(positions_of(*random_logits(rng, 3, 8)), questions)
    cells = [(3, "greedy"), (2, "greedy"), (2, "spechub")]
    keys = [(k, t, n, s) for k in range(3) for t in (1.0, 0.5) for n, s in cells]
    found = [(r["position"], r["temperature"], r["n"], r["scheme"]) for r in rows_of(columns)]
    assert found == keys
    assert tuple(columns)[-3:] == ("optimal", "optimal_error", "rrs")
    assert columns["prompt"].tolist() == [k // 3 for k in range(3) for _ in range(6)]
    assert columns["token"].tolist() == [50 + k for k in range(3) for _ in range(6)]
    assert not np.isnan(columns["optimal"]).any()
    assert np.isnan(columns["rrs"]).all()


def test_masked_tokens_and_drafts_with_too_few(rng):
    target, draft = random_logits(rng, 4, 10)
    target[0, :7], target[3, 5:] = -np.inf, -np.inf
    draft[1, 2:], draft[2, 1:], draft[3, :5] = -np.inf, -np.inf, -np.inf
    questions = Questions((0.7,), (3,), ("all", "with_replacement@top5"))
    columns = measure(positions_of(target, draft), questions)
    few = np.isin(columns["position"], [1, 2]) & np.isin(
        columns["scheme"], ["without_replacement", "greedy", "top_k"]
    )
    for name in ("alpha", "lower", "upper", "naive", "optimal"):
        np.testing.assert_array_equal(np.isnan(columns[name]), few)
    for name in ("target_entropy", "draft_entropy", "total_variation"):
        assert np.isfinite(columns[name]).all()
    assert_equal_to_front_doors(target, draft, columns, 1e-13)
    disjoint = (columns["position"] == 3) & (columns["scheme"] == "with_replacement")
    assert columns["alpha"][disjoint].tolist() == columns["rrs"][disjoint].tolist() == [0.0]


def test_vocabulary_smaller_than_n(rng):
    columns = measure(positions_of(*random_logits(rng, 2, 2)), Questions((1.0,), (3,), ("all",)))
    defined = columns["scheme"] == "with_replacement"
    np.testing.assert_array_equal(np.isnan(columns["alpha"]), ~defined)


@pytest.mark.parametrize("temperature", [0.0, 0.01, 0.1])
def test_one_hot_rows(temperature, rng):
    target, draft = random_logits(rng, 4, 30, spread=30.0)
    draft[1] = target[1]
    draft[2, target[2].argmax()] = draft[2].min() - 50
    columns = measure(positions_of(target, draft), Questions((temperature,), (2, 3), ("all",)))
    assert_equal_to_front_doors(target, draft, columns, 1e-12)
    assert violations(columns) == []
    iid = columns["scheme"] == "with_replacement"
    assert columns["alpha"][iid & (columns["position"] == 1)] == pytest.approx([1, 1])
    if temperature == 0:
        assert np.isnan(columns["alpha"][~iid]).all()
        assert columns["target_entropy"].tolist() == [0.0] * len(iid)


def test_ties(rng):
    target, draft = (rng.integers(0, 3, size=(5, 20)).astype(float) for _ in range(2))
    target[0] = draft[1] = 0.0
    draft[2] = target[2]
    questions = Questions((0.3, 1.0), (2, 3), EVERY)
    columns = measure(positions_of(target, draft), questions)
    # Programs of equal columns may stop at another optimal mixture.
    assert_equal_to_front_doors(target, draft, columns, 1e-12, ("optimal", "optimal_error"))
    assert violations(columns) == []


def test_empty_block():
    empty = torch.zeros((0, 11), dtype=torch.bfloat16)
    columns = measure(positions_of(empty, empty), Questions((0.7, 1.0), (2, 3), ("all",)))
    assert tuple(columns) == column_names(Questions((0.7, 1.0), (2, 3), ("all",)))
    assert {len(x) for x in columns.values()} == {0}
    assert violations(columns) == []


def test_chunks_equal_the_whole(rng):
    target, draft = random_logits(rng, 7, 15)
    questions = Questions((0.7,), (2, 3), EVERY)
    whole = measure(positions_of(target, draft), questions, program_share=0.5)
    with mock.patch.object(measures, "CPU_ELEMENTS", 30):
        parts = measure(positions_of(target, draft), questions, program_share=0.5)
    for name, x in whole.items():
        if x.dtype.kind == "f":
            np.testing.assert_allclose(parts[name], x, rtol=0, atol=1e-13)
        else:
            np.testing.assert_array_equal(parts[name], x)


def test_programs_are_solved_at_a_share_of_the_positions(rng):
    target, draft = random_logits(rng, 60, 6)
    questions = Questions((1.0, 2.0), (2,), ("with_replacement", "without_replacement"))
    whole = measure(positions_of(target, draft), questions)
    some = measure(positions_of(target, draft), questions, program_share=0.25)
    without = whole["scheme"] == "without_replacement"
    left = {"optimal": without, "khisti": ~without}
    places = [set(some["position"][rows & ~np.isnan(some[x])].tolist()) for x, rows in left.items()]
    assert places[0] == places[1]
    assert 5 <= len(places[0]) <= 25
    for name, x in whole.items():
        rows = ~np.isnan(some[name]) if x.dtype.kind == "f" else np.ones(len(x), dtype=bool)
        if name in left:
            assert rows[~left[name]].tolist() == (~np.isnan(x[~left[name]])).tolist()
        elif name != "optimal_error" and x.dtype.kind == "f":
            assert rows.tolist() == (~np.isnan(x)).tolist()
        np.testing.assert_array_equal(some[name][rows], x[rows])
    # The same positions, whatever else is in the block.
    part = positions_of(target, draft)
    part = Positions(*(getattr(part, x)[7:] for x in (*KEYS[:4], "target", "draft")))
    again = measure(part, questions, program_share=0.25)
    np.testing.assert_array_equal(again["optimal"], some["optimal"][7 * 4 :])


@pytest.mark.parametrize("kind", ["float", "ties", "masked"])
def test_warps_cut_what_from_logits_cuts(kind, rng):
    logits = torch.tensor(rng.normal(size=(6, 50)))
    if kind == "ties":
        logits = torch.tensor(rng.integers(0, 4, size=(6, 50))).bfloat16()
    if kind == "masked":
        logits[:, 3:] = -torch.inf
    for temperature in (0.5, 1.0):
        for warp in [Warp(top_k=k) for k in (1, 2, 7, 49, 50, 99)] + [Warp(top_p=x) for x in (0.1, 0.9)]:
            ours = from_logits(warp.keep(logits, temperature).double(), temperature=temperature)
            options = {"top_k": warp.top_k, "top_p": warp.top_p}
            theirs = from_logits(logits.double(), temperature=temperature, **options)
            np.testing.assert_allclose(ours, theirs, rtol=1e-14)


def test_names_of_schemes():
    assert [x.name for x in asked_schemes(["greedy@p0.95"])] == ["greedy@p0.95"]
    for wrong in (
        "with_replacement@",
        "greedy@top0",
        "greedy@top",
        "top_k@p1.5",
        "greedy@p0.0",
        "top_k@k3",
    ):
        with pytest.raises(InputError, match="top100"):
            asked_schemes([wrong])
    for wrong, said in ((["x"], "unknown scheme"), (["independent"], "one"), (["greedy"] * 2, "twice")):
        with pytest.raises(InputError, match=said):
            asked_schemes(wrong)


def test_bad_input_is_named(rng):
    target, draft = random_logits(rng, 5, 6)
    for value in (math.nan, math.inf):
        broken = draft.copy()
        broken[4, 2] = value
        with pytest.raises(InputError, match="draft logits of prompt 1, turn 0, position 4"):
            measure(positions_of(target, broken), Questions())
    target[0] = -np.inf
    with pytest.raises(InputError, match="target logits of prompt 0"):
        measure(positions_of(target, draft), Questions())
    with pytest.raises(InputError, match="same tokens"):
        measure(positions_of(draft, draft[:, :4]), Questions())
    for options in ({"temperatures": ()}, {"drafts": ()}):
        with pytest.raises(InputError, match="at least one"):
            measure(positions_of(draft, draft), Questions(**options))
    with pytest.raises(InputError, match="unknown verifier"):
        measure(positions_of(draft, draft), Questions(verifiers=("best",)))
    assert set(VERIFIERS) >= set(measures.measured_verifiers(Questions(verifiers=("all",))))


def test_a_plan_on_the_device_gives_rate_and_loss(rng):
    """On CUDA the rule of i.i.d. drafts makes its plan without a look at the values."""
    target, draft = random_logits(rng, 3, 9)
    questions = Questions((0.7,), (2,), ("with_replacement", "greedy"), ("optimal",))
    exact = measure(positions_of(target, draft), questions)

    def plan(rule, raw, n, scheme):
        assert raw.p.shape == (3, 9)
        if scheme.name != "with_replacement":
            return None
        rate = rule.acceptance_rate(raw.p, raw.q, n, scheme=scheme).value
        return mock.Mock(acceptance=rate - 1e-7, loss=0 * rate + 1e-7)

    with mock.patch.object(type(VERIFIERS["optimal"]), "_unchecked_plan", plan):
        planned = measure(positions_of(target, draft), questions)
    iid = exact["scheme"] == "with_replacement"
    np.testing.assert_allclose(planned["optimal"], exact["optimal"] - 1e-7 * iid, rtol=1e-15)
    np.testing.assert_array_equal(planned["optimal_error"], np.where(iid, 1e-7, np.nan))
