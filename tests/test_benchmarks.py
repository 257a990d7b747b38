"""The benchmarks' own arithmetic, and that every script starts; what they measure is not tested."""

from __future__ import annotations

import importlib
import math
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

import mdsd_theory as mdsd

FOLDER = Path(__file__).parents[1] / "benchmarks"
SCRIPTS = sorted(path for path in FOLDER.glob("*.py") if "typer.run(main)" in path.read_text())
SIZES = [10, 100, 1_000, 10_000, 100_000, 1_000_000]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    """Import a file of the folder as a script beside it does."""
    monkeypatch.syspath_prepend(FOLDER)

    def loaded(name: str) -> ModuleType:
        return importlib.import_module(name)

    yield loaded
    for name in {path.stem for path in FOLDER.glob("*.py")} & set(sys.modules):
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(FOLDER)):
            del sys.modules[name]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_answer_help(script):
    done = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--help" in done.stdout


def test_a_power_law_has_its_exponent(load):
    sizes = np.geomspace(10, 1e6, 11)
    fit = load("fits").exponent(sizes, 3e-3 * sizes**1.2)
    assert (fit.value, fit.error) == (pytest.approx(1.2), pytest.approx(0, abs=1e-9))
    assert fit.points == 4


def test_an_exponent_is_of_the_upper_third_and_has_a_standard_error(load):
    x = np.arange(1.0, 8.0)
    noise = np.array([9, 9, 9, 9, 0.0, 0.3, 0.0])  # ln-sizes 5, 6, 7 are fitted
    fit = load("fits").exponent(np.exp(x), np.exp(2 * x + noise))
    assert (fit.value, fit.points) == (pytest.approx(2.0), 3)
    assert fit.error == pytest.approx(math.sqrt((0.1**2 + 0.2**2 + 0.1**2) / 1 / 2))


def test_too_few_points_have_no_exponent_or_no_error(load):
    exponent = load("fits").exponent
    assert exponent([5], [1.0]) is None
    assert math.isnan(exponent([1, 9, 10], [1.0, 9.0, 10.0]).error)


def test_curves_cross_once_straight_in_logarithms(load):
    crossing = load("fits").crossing
    slow, fast = [x / 100 for x in SIZES], [30.0] * len(SIZES)
    assert crossing(SIZES, slow, fast) == pytest.approx(3_000)
    assert crossing(SIZES, fast, slow) is None
    assert crossing(SIZES, [2.0] * 6, [1.0] * 6) == SIZES[0]
    assert crossing(SIZES, [1, 4, 1, 1, 4, 4], [2.0] * 6) == pytest.approx(10**4.5)  # the last of two


def record(load, name: str, axis: str, size: int, median: float):
    records = load("records")
    sizes = {"V": 1_000, "B": 1, "n": 3} | {axis: size}
    kind = ("processor", "cpu", "numpy", "float64", "route", "with_replacement", name, axis)
    return records.Record(*kind, *(sizes[x] for x in "VBn"), median / 2, median, median * 2)


@pytest.fixture
def measured(load):
    curve = {"sorted_prefix": lambda x: x / 100, "ratio_buckets": lambda x: 30 + 0 * x}
    return [record(load, name, "V", x, time(x)) for name, time in curve.items() for x in SIZES]


def test_records_are_written_and_read(load, measured, tmp_path):
    records = load("records")
    records.write_csv(measured, tmp_path / "x.csv")
    assert records.read_csv(tmp_path / "x.csv") == measured


def test_lines_of_exponents(load, measured):
    lines = load("records").exponent_rows(measured)
    cells = {line[1]: line for line in lines}
    assert cells["sorted_prefix"][:5] == ["with_replacement", "sorted_prefix", "numpy", "1.00", "10"]
    price = mdsd.ROUTES["sorted_prefix"].microseconds(mdsd.routing.Workload(10**6))
    assert cells["sorted_prefix"][5] == f"{1e4 / price:.2f}"
    assert float(cells["ratio_buckets"][3].split()[0]) == 0
    assert cells["ratio_buckets"][6:] == ["", ""]


def test_crossings_are_of_exact_routes_and_say_what_auto_does(load, measured):
    (found,) = load("records").crossings(measured)
    assert (found.first, found.second) == ("sorted_prefix", "ratio_buckets")
    assert found.measured == pytest.approx(3_000)
    least = mdsd.ROUTES["ratio_buckets"].least
    assert least <= found.auto <= 1.02 * least
    ratio = [mdsd.ROUTES[x].microseconds(mdsd.routing.Workload(10**5)) for x in found[2:4]]
    assert (found.priced < 10**5) == (ratio[1] < ratio[0])


@pytest.mark.parametrize("axis", ["V", "n", "B"])
def test_plots_are_the_same_every_time(load, tmp_path, axis):
    pytest.importorskip("matplotlib")
    draw = load("curves").draw
    some = [record(load, name, axis, x, 5.0 * x) for name in ("a", "b") for x in (1, 4, 16)]
    paths = tmp_path / "x.svg", tmp_path / "y.svg"
    for path in paths:
        assert draw(some, axis, path) is not None
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_labels_are_moved_apart(load):
    curves = pytest.importorskip("matplotlib") and load("curves")
    placed = curves.spread([0.5, 0.51, 0.1])
    assert [k for k, _ in placed] == [2, 0, 1]
    assert placed[2][1] - placed[1][1] == pytest.approx(curves.APART)


def test_ratios_are_of_turns(load):
    aims = load("aims")
    times = {"a": [1.0, 2.0, 30.0], "b": [2.0, 4.0, 5.0]}
    assert aims.reached(times, aims.Aim("", "a", "b", 1.0)) == (2_000.0, 0.5)
    assert aims.reached(times, aims.Aim("", "a", "ms", 1.0)) == (2_000.0, 2_000.0)
    p, q = (x.astype(float) / 6 for x in (np.array([3, 2, 1]), np.array([1, 2, 3])))
    expected = mdsd.optimal_acceptance(p, q, n=2, scheme="with_replacement").value
    assert aims.sort_based(p, q, 2) == pytest.approx(expected)


def test_calls_take_turns_and_are_all_timed(load):
    timing, order = load("timing"), []
    calls = {name: lambda name=name: order.append(name) for name in "ab"}
    found = timing.turns(calls, 0.0, least=3)
    assert order == list("ab" * 4)
    assert [len(x) for x in found.values()] == [3, 3]


def test_verdicts(load, tmp_path):
    gpu = load("gpu_aims")
    aim = gpu.Aim("enclosure", "x", "read", 256, 1.5)
    times = [gpu.Time(256, "x", 400.0, 300.0, 0.25), gpu.Time(256, "read", 9.0, 100.0, 0.0)]
    gpu.write_times(times, tmp_path / "gpu_x.csv")
    assert gpu.read_times(tmp_path / "gpu_x.csv") == times
    assert gpu.verdict(aim, times)[-4:] == ["read", "3.00", "≤ 1.5", "no"]
    assert gpu.verdict(aim._replace(most=3.0), times)[-1] == "yes"
    assert gpu.verdict(aim._replace(rows=1), times)[-1] == "not measured"
    assert gpu.milliseconds(1.0) == pytest.approx(0.1037, abs=1e-4)


def test_every_aim_is_of_something_timed(load):
    gpu = load("gpu_aims")
    timed = {*load("gpu_times").cases(None), gpu.READ, gpu.READ_LOGITS}
    assert {name for aim in gpu.AIMS for name in (aim.call, aim.unit)} <= timed


def test_the_page_has_a_place_for_every_table(load, tmp_path):
    page = load("page")
    text = page.PAGE.read_text(encoding="utf-8")
    filled = page.filled(text, FOLDER / "results")
    assert page.filled(filled, FOLDER / "results") == filled
    for route in mdsd.ROUTES:
        assert f"| `{route}` |" in filled
    with pytest.raises(ValueError, match="no place for the table 'cpu'"):
        page.filled(text.replace("<!-- end: cpu -->", ""), FOLDER / "results")


def kernels(load, monkeypatch, off: float):
    """Return the checks with the CPU's routes in the kernels' place, their values off by so much."""
    checks = load("gpu_checks")

    def found(launcher, rows, n, tolerance):
        law = checks.normalised(rows.p), checks.normalised(rows.q)
        result = mdsd.optimal_acceptance(*law, n=n, scheme="with_replacement", route="sorted_prefix")
        bad = torch.zeros(result.value.shape, dtype=torch.int32)
        places = {"acceptance": result.value + off, "optimum": result.value + off, "bad": bad}
        value = {
            "value": result.value + off,
            "lower": result.lower + off,
            "subset": lambda: result.subset,
        }
        return SimpleNamespace(**places, **value, error=1e-12)

    for name in ("bucket_bounds", "bucket_optimum", "iid_plan"):
        monkeypatch.setattr(checks, name, found)
    scope = checks.Scope("cpu", (5, 40), (1, 3), (torch.float64, torch.float32))
    return checks, checks.Checks(None, scope)


@pytest.mark.parametrize(("off", "agrees"), [(0.0, True), (2e-6, False), (-2e-6, False)])
def test_checks_tell_right_values_from_wrong_ones(load, monkeypatch, off, agrees):
    checks, run = kernels(load, monkeypatch, off)
    for vocabulary in run.scope.vocabularies:
        p, q = checks.instances(vocabulary)
        for dtype in run.scope.dtypes:
            rows = checks.Rows(p.to(dtype), q.to(dtype))
            law = checks.normalised(rows.p), checks.normalised(rows.q)
            run.with_replacement(f"{vocabulary}, {dtype}", rows, law, 3)
    exact = [line.agrees for name, line in run.lines.items() if "value and subset" in name]
    assert exact == [agrees] * 4
    assert bool(list(checks.failures(run.lines))) != agrees


def test_nothing_compared_is_no_agreement(load):
    checks = load("gpu_checks")
    line = checks.Line()
    assert not line.agrees
    line.add(torch.tensor([1e-9, 1e-3]).double(), torch.tensor([1e-8, 1.0]).double())
    assert (line.cases, line.agrees) == (2, True)
    assert line.difference / line.allowed == pytest.approx(0.1, rel=1e-6)
    line.add(torch.tensor([math.nan]), 1.0)
    assert not line.agrees


def test_draws_of_another_law_stand_out(load):
    checks = load("gpu_checks")
    law = torch.tensor([0.5, 0.3, 0.2, 0.0], dtype=torch.float64)
    assert checks.deviation(torch.tensor([5_000, 3_000, 2_000, 0]), law, 10_000) == 0
    assert checks.deviation(torch.tensor([5_300, 2_900, 1_800, 0]), law, 10_000) > 5
    assert checks.deviation(torch.tensor([5_000, 3_000, 1_999, 1]), law, 10_000) == math.inf


@pytest.mark.slow
def test_kernels_agree_when_emulated():
    command = [sys.executable, FOLDER / "gpu.py", "--emulate"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all agree" in done.stdout
