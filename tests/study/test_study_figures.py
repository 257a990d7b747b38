"""Figures: what they draw, what they refuse, and the same bytes from the same rows."""

from __future__ import annotations

import math
import sys

import matplotlib as mpl
import numpy as np
import pytest
from study.study_rows import rows, simulated

from mdsd_theory.errors import DataFileError, InputError, MissingDependencyError
from mdsd_theory.study.clusters import clustered_mean
from mdsd_theory.study.figures import FIGURES, draw
from mdsd_theory.study.figures.bins import FLOOR, binned

mpl.use("Agg")


@pytest.fixture(scope="module")
def frame():
    return simulated(temperatures=(0.3, 0.7, 1.0), drafts=(2, 3), tasks=("chat", "maths"))


def lines(axes):
    """Curves of a panel by label."""
    return {x.get_label(): np.asarray(x.get_xydata()) for x in axes.get_lines()}


@pytest.mark.slow
def test_all_are_written(frame, tmp_path):
    paths = draw(frame, "all", tmp_path / "new" / "folder", 0.7, 3)
    assert [x.name for x in paths] == [f"{x}.{kind}" for x in FIGURES for kind in ("svg", "png")]
    assert all(x.stat().st_size > 2000 for x in paths)


def test_the_same_rows_give_the_same_bytes(frame, tmp_path):
    one, two = (draw(frame, "gaps", tmp_path / x, 0.7, 3) for x in "ab")
    assert [x.read_bytes() for x in one] == [x.read_bytes() for x in two]


@pytest.mark.parametrize("name", FIGURES)
def test_captions_count_prompts_and_positions(frame, name):
    text = FIGURES[name](frame, 0.7, 3).get_supxlabel()
    assert text.startswith("30 prompts, 180 positions.")


def test_curves_are_clustered_means(frame):
    figure = FIGURES["temperature"](frame, 0.7, 3)
    titles = [x.get_title() for x in figure.axes]
    assert titles == ["bounds α*", "with replacement", "without replacement", "greedy"]
    curve = lines(figure.axes[1])["K-SEQ"]
    assert curve[:, 0].tolist() == [0.3, 0.7, 1.0]
    some = frame.query("n == 3 and temperature == 0.7 and scheme == 'with_replacement'")
    assert curve[1, 1] == pytest.approx(clustered_mean(some["k_seq"], some["cluster"]).mean)
    assert lines(FIGURES["drafts"](frame, 0.7, 3).axes[0])["α* greedy"][:, 0].tolist() == [2, 3]


def test_distributions_are_shares(frame):
    figure = FIGURES["gaps"](frame, 0.7, 3)
    gaps = frame.query("n == 3 and temperature == 0.7 and scheme == 'with_replacement'")
    gaps = (gaps["alpha"] - gaps["rrs"]).to_numpy()
    found = [
        x for x in figure.axes[0].get_lines() if x.get_color() == "#0072b2" and len(x.get_xdata()) > 9
    ]
    x, share = np.asarray(found[0].get_xydata()).T
    assert share == pytest.approx([np.mean(gaps <= at) for at in x])
    assert (share[0], share[-1]) == (0, 1)


def test_gaps_on_the_edge_count():
    frame = simulated(prompts=4)
    for x in ("naive", "rrs", "k_seq", "optimal"):
        frame[x] = frame["alpha"]
    curve = FIGURES["gaps"](frame, 0.7, 3).axes[0].get_lines()[0]
    assert set(curve.get_ydata()) == {1.0}


def test_matplotlib_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'mdsd-theory\[plot\]'"):
        draw(simulated(prompts=2), "tasks", tmp_path, 0.7, 3)


def test_bins_hold_equal_counts(rng):
    x = rng.exponential(size=160)
    frame = rows(
        *(
            {"prompt": k // 4, "scheme": "greedy", "alpha": v, "target_entropy": v}
            for k, v in enumerate(x)
        )
    )
    places, means, errors = binned(frame, "target_entropy", "alpha")
    assert len(places) == 8
    floored = np.sort(np.maximum(x, FLOOR))
    assert places == pytest.approx(floored.reshape(8, 20).mean(axis=1))
    assert means == pytest.approx(np.sort(x).reshape(8, 20).mean(axis=1))
    assert np.all(np.asarray(errors) > 0)


def test_bins_of_entropies_that_are_all_zero_are_one():
    frame = simulated(prompts=10).assign(target_entropy=0.0)
    places, means, _ = binned(frame, "target_entropy", "alpha")
    assert (len(places), len(means)) == (1, 1)
    assert places == pytest.approx([FLOOR])


def test_few_positions_make_few_bins():
    frame = simulated(prompts=2, positions=2).query("scheme == 'greedy'")
    assert [len(x) for x in binned(frame, "target_entropy", "alpha")] == [1, 1, 1]
    assert binned(frame.iloc[:0], "target_entropy", "alpha") == ([], [], [])


def test_greedy_leads_by_its_mean(frame):
    figure = FIGURES["greedy"](frame, 0.7, 3)
    wide = frame.query("n == 3 and temperature == 1.0").pivot_table(
        index=["prompt", "position"], columns="scheme", values="alpha", observed=True
    )
    lead = (wide["greedy"] - wide["with_replacement"]).mean()
    assert lines(figure.axes[0])["lead over with replacement"][-1] == pytest.approx([1.0, lead])
    shares = lines(figure.axes[-1])
    won = shares["wins against without replacement"][:, 1]
    lost = shares["loses to without replacement"][:, 1]
    assert np.all(won + lost == pytest.approx(1))


def test_one_temperature_is_no_curve_but_all_goes_on(tmp_path, monkeypatch):
    few = {name: FIGURES[name] for name in ("temperature", "drafts", "tasks")}
    monkeypatch.setattr("mdsd_theory.study.figures.FIGURES", few)
    frame = simulated(prompts=3)
    with pytest.raises(InputError, match="hold one temperature only"):
        draw(frame, "temperature", tmp_path, 0.7, 3)
    with pytest.raises(InputError, match="hold one n only"):
        draw(frame, "drafts", tmp_path, 0.7, 3)
    names = {x.stem for x in draw(frame, "all", tmp_path, 0.7, 3)}
    assert names == {"tasks"}


def test_what_is_missing_is_said(tmp_path):
    bounds = simulated(prompts=3)[["prompt", "turn", "position", "temperature", "n", "scheme", "alpha"]]
    bounds = rows(*bounds.to_dict("records"))
    with pytest.raises(InputError, match="no verifier's rates"):
        draw(bounds, "gaps", tmp_path, 0.7, 3)
    with pytest.raises(InputError, match="lack one of"):
        draw(bounds.query("scheme != 'greedy'"), "greedy", tmp_path, 0.7, 3)
    with pytest.raises(InputError, match="expected temperature, drafts, gaps"):
        draw(bounds, "pie", tmp_path, 0.7, 3)
    with pytest.raises(InputError, match=r"no rows of temperature 2; there are 0\.7"):
        draw(bounds, "all", tmp_path, 2.0, 3)


def test_one_prompt_and_missing_rates_can_be_drawn():
    frame = simulated(prompts=1, temperatures=(0.3, 0.7), drafts=(2, 3))
    frame.loc[::3, "rrs"] = math.nan
    frame.loc[frame["n"] == 2, "k_seq"] = math.nan
    assert all(figure(frame, 0.7, 3).axes for figure in FIGURES.values())


def test_names_are_no_formulas(tmp_path):
    frame = rows(*simulated(prompts=2).assign(pair="$a_{", task="50%_$x").to_dict("records"))
    assert draw(frame, "tasks", tmp_path, 0.7, 3)


def test_a_file_in_the_way_is_said(tmp_path):
    (tmp_path / "x").write_text("")
    with pytest.raises(DataFileError, match="cannot write to"):
        draw(simulated(prompts=2), "tasks", tmp_path / "x", 0.7, 3)


@pytest.mark.slow
def test_legends_and_captions_stay_inside(frame):
    for name, made in FIGURES.items():
        figure = made(frame, 0.7, 3)
        figure.draw_without_rendering()
        width = figure.bbox.width
        for box in [figure.legends[0].get_window_extent(), figure._supxlabel.get_window_extent()]:
            assert box.x0 >= 0, name
            assert box.x1 <= width, name
