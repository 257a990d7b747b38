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
from mdsd_theory.study.figures.gaps import LEAST_SHOWN
from mdsd_theory.study.labels import scheme_label

mpl.use("Agg")


@pytest.fixture(scope="module")
def frame():
    return simulated(temperatures=(0.3, 0.7, 1.0), drafts=(2, 3), tasks=("chat", "maths"))


@pytest.fixture
def sampled():
    """Rows whose optimal verifier without replacement is known at a fifth, to its error, and a top k."""
    frame = simulated(top_k=0.02)
    without = frame["scheme"] == "without_replacement"
    error = np.random.default_rng(3).uniform(1e-4, 1e-3, len(frame))
    some = without & (np.arange(len(frame)) % 20 < 4)
    frame["optimal_error"] = np.where(some, error, math.nan)
    frame.loc[without, "optimal"] = (frame["alpha"] - frame["optimal_error"])[without]
    top = frame["scheme"] == "top_k"
    for name in ("naive", "optimal"):
        frame.loc[top, name] = frame.loc[top, "alpha"]
    return frame


def known_in(frame):
    return frame["optimal_error"].notna().sum()


def panel_of(figure, title):
    return next(x for x in figure.axes if x.get_title() == title)


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
    frame["rrs"] = frame["alpha"]
    panel = FIGURES["gaps"](frame, 0.7, 3).axes[0]
    curves = [x for x in panel.get_lines() if x.get_color() == "#0072b2"]
    assert set(curves[0].get_ydata()) == {1.0}


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
    assert lines(figure.axes[0])["over with replacement"][-1] == pytest.approx([1.0, lead])
    shares = lines(figure.axes[-1])
    won = shares["wins against without replacement"][:, 1]
    lost = shares["loses to without replacement"][:, 1]
    assert np.all(won + lost == pytest.approx(1))


@pytest.mark.parametrize("kind", ["gaps", "entropy"])
def test_gaps_within_the_error_are_upper_bounds(sampled, kind):
    figure = FIGURES[kind](sampled, 0.7, 3)
    found = lines(panel_of(figure, "without replacement"))
    assert "optimal†, at most" in found
    assert "optimal†" not in found
    assert "optimal" in lines(panel_of(figure, "with replacement"))
    text = figure.get_supxlabel().replace("\n", " ")
    assert f"†: known at a sample only, optimal without replacement at {known_in(sampled)} of 180" in text
    error = sampled["optimal_error"]
    told = f"optimal without replacement (error {error.mean():.1e} on average, {error.max():.1e} at most)"
    assert told in text


def test_shades_hold_what_a_gap_may_be(sampled):
    panel = panel_of(FIGURES["entropy"](sampled, 0.7, 3), "without replacement")
    curve = lines(panel)["optimal†, at most"]
    shade = next(x for x in panel.collections if len(x.get_paths()[0].vertices) == 2 * len(curve) + 3)
    box = shade.get_paths()[0].get_extents()
    assert box.ymin == pytest.approx(LEAST_SHOWN)
    assert box.ymax == pytest.approx(curve[:, 1].max())
    above = panel_of(FIGURES["gaps"](sampled, 0.7, 3), "without replacement").collections
    assert [x.get_paths()[0].get_extents().ymax for x in above] == [1.0]


def test_gaps_beyond_the_error_are_no_bounds(sampled):
    sampled["optimal_error"] /= 2
    figure = FIGURES["entropy"](sampled, 0.7, 3)
    assert "optimal†" in lines(panel_of(figure, "without replacement"))
    text = figure.get_supxlabel()
    assert "at most" not in text
    assert "known at a sample" in text


def test_rates_at_a_sample_are_marked(sampled):
    labels = FIGURES["tasks"](sampled, 0.7, 3).axes[2].get_legend_handles_labels()[1]
    assert labels == ["α*", "naive", "RRS", "optimal†"]
    both = simulated(drafts=(2, 3))
    both.loc[both["position"] > 0, "k_seq"] = math.nan
    figure = FIGURES["drafts"](both, 0.7, 3)
    assert "K-SEQ†" in lines(figure.axes[1])
    assert "K-SEQ with replacement at 60 of 360 positions" in figure.get_supxlabel().replace("\n", " ")


@pytest.mark.parametrize("kind", ["gaps", "entropy", "tasks"])
def test_schemes_without_gaps_have_no_panel(sampled, kind):
    figure = FIGURES[kind](sampled, 0.7, 3)
    titles = [x.get_title() for x in figure.axes if x.get_title() != "bounds α*"]
    assert titles == ["with replacement", "without replacement", "greedy"]
    name = scheme_label("top_k")
    text = figure.get_supxlabel().replace("\n", " ")
    assert f"No panel for {name}: every verifier reaches α* there." in text
    sampled = sampled.assign(naive=math.nan)
    titles = [x.get_title() for x in FIGURES[kind](sampled, 0.7, 3).axes]
    assert "greedy" not in titles


def test_no_gap_at_all_is_said(sampled):
    with pytest.raises(InputError, match="every verifier of the captures reaches"):
        FIGURES["gaps"](rows(*sampled.query("scheme == 'top_k'").to_dict("records")), 0.7, 3)


@pytest.mark.parametrize("kind", FIGURES)
def test_captions_tell_a_sample_first(frame, kind):
    some = frame.assign(capture=0, whole=600)
    said = "A sample of 30 of 600 prompts. "
    assert FIGURES[kind](some, 0.7, 3).get_supxlabel().startswith(f"{said}30 prompts,")
    text = FIGURES[kind](some, 0.7, 3, tasks=["chat"]).get_supxlabel()
    assert text.startswith(f"{said}15 prompts,")
    whole = frame.assign(capture=0, whole=30)
    assert FIGURES[kind](whole, 0.7, 3, ["chat"]).get_supxlabel().startswith("15 prompts,")


def test_leads_within_the_enclosures_are_ties():
    frame = simulated(prompts=40)
    wide = frame["scheme"] == "without_replacement"
    frame.loc[wide, "lower"] = frame.loc[wide, "alpha"] - 0.05
    shares = lines(FIGURES["greedy"](frame, 0.7, 3).axes[-1])
    places = ["prompt", "position"]
    at = frame.pivot_table(index=places, columns="scheme", values="alpha", observed=True)
    lead = at["greedy"] - at["without_replacement"]
    assert shares["wins against without replacement"][:, 1].mean() == pytest.approx((lead > 0.05).mean())
    assert shares["loses to without replacement"][:, 1].mean() == pytest.approx((lead < -0.05).mean())
    assert shares["wins against with replacement"][:, 1].mean() == 1


def test_legends_of_greedy_are_apart(frame):
    figure = FIGURES["greedy"](frame, 0.7, 3)
    texts = [[x.get_text() for x in legend.get_texts()] for legend in figure.legends]
    assert texts[0] == ["over with replacement", "over without replacement"]
    assert len(texts[1]) == 4
    figure.draw_without_rendering()
    means, shares = (x.get_window_extent() for x in figure.legends)
    assert means.x1 < shares.x0
    told = "T = 0.7, but for the panel by temperature"
    assert told in figure.get_supxlabel().replace("\n", " ")
    one = FIGURES["greedy"](simulated(), 0.7, 3).get_supxlabel()
    assert "n = 3, T = 0.7;" in one.replace("\n", " ")


def test_tasks_are_pooled_last(frame):
    figure = FIGURES["tasks"](frame, 0.7, 3)
    panel = figure.axes[0]
    assert [x.get_text() for x in panel.get_yticklabels()] == ["chat", "maths", "all tasks"]
    some = frame.query("n == 3 and temperature == 0.7 and scheme == 'greedy'")
    places = {x.get_label(): x.lines[0].get_xdata() for x in panel.containers}
    assert places["α* greedy"][-1] == pytest.approx(some["alpha"].mean())
    one = FIGURES["tasks"](frame, 0.7, 3, ["maths"]).axes[0]
    assert [x.get_text() for x in one.get_yticklabels()] == ["maths"]


def test_some_tasks_are_not_called_all():
    frame = simulated(tasks=("chat", "maths", "qa"))
    panel = FIGURES["tasks"](frame, 0.7, 3, ["chat", "qa"]).axes[0]
    assert [x.get_text() for x in panel.get_yticklabels()] == ["chat", "qa", "these tasks"]


def test_draw_takes_tasks(frame, tmp_path):
    assert draw(frame, "tasks", tmp_path, 0.7, 3, ["chat"])
    with pytest.raises(InputError, match="no rows of task poems"):
        draw(frame, "tasks", tmp_path, 0.7, 3, ["poems"])


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
        for box in [x.get_window_extent() for x in (*figure.legends, figure._supxlabel)]:
            assert box.x0 >= 0, name
            assert box.x1 <= width, name
