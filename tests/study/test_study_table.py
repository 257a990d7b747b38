"""Table 1: its numbers by hand, its gaps in the data, its renderings."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import xml.etree.ElementTree as ET

import pytest
from rich.console import Console
from study.study_rows import rows, simulated

from mdsd_theory.errors import InputError
from mdsd_theory.study.blocks import blocks
from mdsd_theory.study.captions import caption
from mdsd_theory.study.clusters import clustered_mean
from mdsd_theory.study.columns import narrow, widths
from mdsd_theory.study.renderings import IN_PREAMBLE, WRITERS, html_tables, latex, markdown, terminal
from mdsd_theory.study.table import ALL, MEAN, THESE, table


def small():
    """Two prompts: α* 0.4 and 0.6 at the first, 0.8 at the second; RRS 0.05 and 0.2 below."""
    greedy = [{"scheme": "greedy", "prompt": p, "position": i} for p, i in ((0, 0), (0, 1), (1, 0))]
    other = [x | {"scheme": "with_replacement"} for x in greedy]
    for one, two, alpha, gap in zip(greedy, other, (0.4, 0.6, 0.8), (0.05, 0.05, 0.2), strict=True):
        one |= {"alpha": alpha + 0.1, "greedy": alpha + 0.1}
        two |= {"alpha": alpha, "naive": alpha - 0.1, "rrs": alpha - gap, "optimal": alpha}
    return rows(*greedy, *other)


def line(found, **wanted):
    for name, value in wanted.items():
        found = found[found[name] == value]
    assert len(found) == 1
    return found.iloc[0]


def test_by_hand():
    found = table(small())
    alpha = line(found, scheme="with_replacement", verifier="alpha")
    # Mean 0.6; the prompts exceed it by 1.0 − 1.2 and 0.8 − 0.6; variance 2 · 0.08 / 9.
    assert alpha["mean"] == pytest.approx(0.6)
    assert alpha["standard_error"] == pytest.approx(math.sqrt(2 * 0.08 / 9))
    assert (alpha["positions"], alpha["prompts"]) == (3, 2)
    rrs = line(found, scheme="with_replacement", verifier="rrs")
    # Gaps 0.05, 0.05, 0.2: mean 0.1, excess −0.1 and 0.1.
    assert rrs["gap"] == pytest.approx(0.1)
    assert rrs["gap_standard_error"] == pytest.approx(math.sqrt(2 * 0.02 / 9))
    assert rrs["mean"] == pytest.approx(0.5)


def test_the_best_is_judged_where_all_have_a_rate():
    # K-SEQ is known only where gaps are small; there RRS is nearer to the bound.
    frame = rows(
        *(
            {"prompt": i, "scheme": "with_replacement", "alpha": 0.8, "rrs": 0.8 - rrs, "k_seq": k_seq}
            | {"naive": 0.8}
            for i, (rrs, k_seq) in enumerate([(0.01, 0.78), (0.3, math.nan), (0.3, math.nan)])
        )
    )
    found = table(frame)
    assert line(found, verifier="rrs")["best"]
    assert line(found, verifier="k_seq")["gap"] < line(found, verifier="rrs")["gap"]
    assert dict(zip(found["verifier"], found["part"], strict=True)) == {
        "alpha": False, "naive": False, "rrs": False, "k_seq": True
    }  # fmt: skip
    text = markdown(found)
    assert "0.780 ± – †" in text
    told = "less the mean gap where the rate is known: at 1 of 3 positions (with replacement: K-SEQ)."
    assert rf"†: α\* {told}" in text
    assert line(found, verifier="k_seq")["of"] == 3
    assert "†" not in markdown(table(simulated()))
    assert r"$^\dagger$" in latex(found)


def test_known_positions_are_counted_once_for_each_pair():
    one = simulated(prompts=6, tasks=("chat", "maths"))
    one.loc[one["position"] > 0, "optimal"] = math.nan
    two = one[one["task"] == "chat"].assign(pair="B", cluster=one["cluster"] + 10)
    found = table(rows(*one.to_dict("records"), *two.to_dict("records")))
    told = [f"9 of 54 positions ({x}: optimal)" for x in ("with replacement", "without replacement")]
    assert ", ".join(told) in caption(found)


def test_the_caption_tells_at_which_temperature_answers_were_drawn():
    frame = simulated(prompts=3)
    assert "Answers drawn" not in markdown(table(frame))
    assert "Answers drawn at temperature 0.5." in markdown(table(frame.assign(drawn_at=0.5)))


def test_the_best_is_an_existing_verifier():
    found = table(simulated())
    best = found[found["best"]]
    assert dict(zip(best["scheme"], best["verifier"], strict=True)) == {
        "with_replacement": "k_seq",
        "without_replacement": "rrs_without_replacement",
        "greedy": "greedy",
    }


def test_tasks_are_pooled_below_them():
    frame = simulated(tasks=("chat", "maths"))
    found = table(frame)
    alpha = found[(found["verifier"] == "alpha") & (found["scheme"] == "greedy")]
    assert list(alpha["task"]) == ["chat", "maths", ALL, MEAN]
    assert list(alpha["prompts"]) == [15, 15, 30, 30]
    assert list(table(frame, tasks=["maths"])["task"].unique()) == ["maths"]
    assert "task weighs" not in caption(table(frame, tasks=["maths"]))
    assert f"In {ALL} a task weighs by its positions, in {MEAN} all weigh the same" in caption(found)


def test_chosen_tasks_are_not_called_all():
    frame = simulated(tasks=("chat", "maths", "law"))
    found = table(frame, tasks=["chat", "law"])
    assert list(found["task"].unique()) == ["chat", "law", THESE, MEAN]
    assert f"In {THESE} a task" in caption(found)
    assert ALL in set(table(frame, tasks=["chat", "law", "maths"])["task"])


def uneven():
    """A task of six prompts and one of two, far apart."""
    frame = simulated(prompts=8, tasks=("chat", "maths", "chat", "chat"))
    high = frame["task"] == "maths"
    for name in ("alpha", "naive", "rrs", "k_seq", "optimal"):
        frame.loc[high, name] += 0.3
    return frame


def test_pooled_errors_take_the_tasks_as_fixed():
    frame = uneven()
    rows = frame[frame["scheme"] == "with_replacement"]
    codes = rows["task"].cat.codes
    found = line(table(frame), task=ALL, scheme="with_replacement", verifier="alpha")
    wanted = clustered_mean(rows["alpha"], rows["cluster"], strata=codes)
    assert found["standard_error"] == pytest.approx(wanted.standard_error)
    assert found["standard_error"] < 0.6 * clustered_mean(rows["alpha"], rows["cluster"]).standard_error
    gap = line(table(frame), task=ALL, scheme="with_replacement", verifier="rrs")
    wanted = clustered_mean(rows["alpha"] - rows["rrs"], rows["cluster"], strata=codes)
    assert gap["gap_standard_error"] == pytest.approx(wanted.standard_error)


def test_in_the_mean_of_tasks_each_weighs_the_same():
    found = table(uneven())
    rrs = found[(found["verifier"] == "rrs") & (found["scheme"] == "with_replacement")]
    rrs = rrs.set_index("task")
    for mean, error in (("mean", "standard_error"), ("gap", "gap_standard_error")):
        assert rrs.loc[MEAN, mean] == pytest.approx(rrs.loc[["chat", "maths"], mean].mean())
        assert rrs.loc[MEAN, error] == pytest.approx(math.hypot(*rrs.loc[["chat", "maths"], error]) / 2)
    assert abs(rrs.loc[MEAN, "mean"] - rrs.loc[ALL, "mean"]) > 0.05
    best = found[found["best"] & (found["scheme"] == "with_replacement")]
    assert list(best["verifier"]) == ["k_seq"] * 4


def test_the_mean_of_tasks_is_absent_where_a_task_lacks_the_rate():
    frame = simulated(tasks=("chat", "maths"))
    frame.loc[frame["task"] == "maths", "k_seq"] = math.nan
    found = table(frame)
    assert math.isnan(line(found, task=MEAN, verifier="k_seq")["mean"])
    assert line(found, task=MEAN, scheme="with_replacement", verifier="rrs")["best"]


def test_one_draft_is_beside_the_schemes():
    found = table(small())
    assert line(found, scheme="one_draft")["mean"] == pytest.approx(0.6)  # 1 − total variation of 0.4
    bounds = blocks(found)[0]
    assert bounds.header[4:] == ("one draft", "with replacement", "greedy")
    assert [block.title for block in blocks(found)[1:]] == ["with replacement"]
    assert "One draft: 1 − total variation." in caption(found)
    assert "Naive: a token drawn from the target, accepted if it was drafted." in caption(found)
    alone = table(small().assign(n=1), n=1)
    assert "one_draft" not in set(alone["scheme"])
    assert "n = 1 draft:" in caption(alone)
    assert "One draft" not in caption(alone)


def test_a_sample_says_so():
    whole = simulated(prompts=6, tasks=("chat", "maths")).assign(capture=0, whole=40)
    assert "A sample of 6 of 40 prompts." in caption(table(whole))
    assert "A sample of 6 of 40 prompts." in caption(table(whole, tasks=["maths"]))
    assert "by its positions in the sample" in caption(table(whole))
    assert "ample" not in caption(table(whole.assign(whole=6), tasks=["maths"]))


def test_schemes_without_a_gap_are_in_the_first_block_only():
    top = small().query("scheme == 'greedy'").assign(scheme="top_k", naive=lambda x: x["alpha"])
    frame = rows(*small().to_dict("records"), *top.drop(columns="greedy").to_dict("records"))
    found = table(frame)
    assert [block.title for block in blocks(found)[1:]] == ["with replacement"]
    assert blocks(found)[0].header[-1] == "top n"
    assert "Of greedy and top n α* alone is shown: all verifiers reach it." in caption(found)
    below = frame.assign(naive=frame["naive"].where(frame["scheme"] != "top_k", frame["alpha"] - 0.1))
    assert "top n" in [block.title for block in blocks(table(below))]


def test_a_scheme_without_verifiers_has_no_block_of_its_own():
    found = table(simulated(prompts=3, top_k=0.02))
    assert "top n" in blocks(found)[0].header
    assert "top n" not in [block.title for block in blocks(found)]
    assert "reach it" not in caption(found)


def test_bold_is_explained():
    told = caption(table(small()))
    assert (
        "Bold: the largest α* of the draft schemes; among verifiers, the existing verifier nearest"
        in told
    )
    assert "Bold: the existing" in caption(table(small().query("scheme == 'with_replacement'")))


def test_a_gap_is_taken_where_the_rate_is_known():
    frame = small()
    frame.loc[frame["position"] == 1, "rrs"] = math.nan
    rrs = line(table(frame), scheme="with_replacement", verifier="rrs")
    assert rrs["positions"] == 2
    assert rrs["gap"] == pytest.approx(0.125)


def test_verifiers_of_no_row_are_absent():
    found = table(small().assign(k_seq=math.nan))
    assert "k_seq" not in set(found["verifier"])


def test_one_prompt_has_no_error():
    found = table(small().query("prompt == 0"))
    assert found["standard_error"].isna().all()
    text = markdown(found)
    assert "0.500 ± –" in text
    assert "nan" not in text
    assert json.loads(WRITERS["json"](found))[0]["standard_error"] is None


def test_a_scheme_that_one_pair_lacks_is_shown_as_absent():
    one, two = small(), small().query("scheme == 'greedy'")
    two = two.assign(pair="B", cluster=two["cluster"] + 10)
    frame = rows(*one.to_dict("records"), *two.to_dict("records"))
    bounds = blocks(table(frame))[0]
    texts = {row[0].text: [cell.text for cell in row[5:]] for row in bounds.rows}
    assert texts["B"][0] == "–"
    assert texts["A"][1] == texts["B"][1]
    assert [len(row) for block in blocks(table(frame)) for row in block.rows]


def test_a_temperature_that_is_not_there_is_refused():
    with pytest.raises(InputError, match=r"there are 0\.7"):
        table(small(), temperature=1.0)


def test_every_rendering_shows_the_numbers():
    found = table(small())
    for name, writer in WRITERS.items():
        text = writer(found)
        number = "0.600" if name not in ("csv", "json") else "0.6"
        assert number in text, name
    assert len(list(csv.DictReader(io.StringIO(WRITERS["csv"](found))))) == len(found)


ODD = r"50%_{a}&b<i>|$x$#~^\*"


def odd_table():
    return table(rows(*small().assign(pair=ODD, task="<&_").to_dict("records")))


def test_html_is_well_formed_and_escaped():
    text = html_tables(odd_table())
    root = ET.fromstring(text.removeprefix("<!DOCTYPE html>"))
    cells = ["".join(cell.itertext()) for cell in root.iter("th")]
    assert ODD in cells
    assert "<&_" in cells
    assert [cell.text for cell in root.iter("b")]
    assert root.find("head/meta").get("charset") == "utf-8"
    assert [x.text for x in root.iter("caption")] == [x.title for x in blocks(odd_table())]
    assert "td { padding: 0.1em 0.6em; text-align: right }" in text


def test_latex_is_balanced_and_escaped():
    text = latex(odd_table())
    for name in ("tabular", "table*"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}") > 0
    bare = re.sub(r"\\[\\&%$#_{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    bare = bare.replace(IN_PREAMBLE, "").replace(r"Table~\ref", "")
    assert not re.search(r"[%#~_α±–−]", bare)
    for part in text.split(r"\begin{tabular}{")[1:]:
        columns = len(re.sub("@{}", "", part[: part.index("}\n")]))
        body = part[: part.index(r"\end{tabular}")].replace(r"\&", "")
        lines = [x for x in body.splitlines() if x.endswith(r"\\") and "multicolumn" not in x]
        assert {x.count("&") + 1 for x in lines} == {columns}


def test_latex_fits_a_page_of_two_columns():
    found = table(simulated(prompts=4).assign(pair=LONG, task="math_reasoning"))
    text = latex(found)
    assert text.count(r"\begin{table*}") == text.count(r"\label{") == len(blocks(found))
    assert text.splitlines()[1].startswith(r"% Needs \usepackage{booktabs}")
    assert len(set(re.findall(r"\\label\{(.*?)\}", text))) == len(blocks(found))
    assert set(re.findall(r"\\ref\{(.*?)\}", text)) == {"tab:mdsd-T0.7-n3-bounds"}
    for line in text.splitlines():
        cells = re.sub(r"\\textbf\{(.*?)\}", r"\1", line.replace(r"$\pm$", "±")).split(" & ")
        # Digits and letters of 9 pt are 4.6 pt wide, points, blanks 2.6 and 3.1; 6 pt between columns.
        narrow = sum(x.count(".") * 2 + x.count(" ") * 1.5 for x in cells)
        if len(cells) > 1:
            assert 4.63 * sum(map(len, cells)) - narrow + 6 * len(cells) < 480
    assert text.count(LONG.replace("_", r"\_")) == len(blocks(found))


def test_blocks_too_wide_are_parted_evenly():
    block = blocks(table(simulated(prompts=4)))[1]
    for room in (20, 40, 50, 70, 200):
        parts = narrow(block, room, 2)
        assert [x for part in parts for x in part.header[2:]] == list(block.header[2:])
        counts = [len(x.header) for x in parts]
        assert max(counts) - min(counts) <= 1
        for part in parts:
            assert sum(widths(part)[1:]) + 2 * (len(part.header) - 2) <= max(room, 25)
    assert len(narrow(block, 200, 2)) == 1


def test_markdown_cells_stay_in_their_columns():
    lines = [x for x in markdown(odd_table()).splitlines() if x.startswith("|")]
    widths = [len(re.findall(r"(?<!\\)\|", x)) for x in lines]
    assert set(widths) <= {len(block.header) + 1 for block in blocks(odd_table())}
    assert r"\|" in lines[2]


LONG = "SmolLM2-135M-Instruct Q4_1 / smollm2_135m_eagle"


def printed(found, width, colours=None):
    buffer = io.StringIO()
    Console(file=buffer, width=width, color_system=colours, force_terminal=bool(colours)).print(
        terminal(found)
    )
    text = buffer.getvalue()
    assert colours or max(map(len, text.splitlines())) <= width
    return text


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_breaks_no_word_and_no_number(width):
    found = table(rows(*simulated().assign(pair=LONG, task="translation").to_dict("records")))
    text = printed(found, width)
    assert "…" not in text
    numbers = re.findall(r"\d\.\d{3,4} ± \d\.\d{3,4}", text)
    of_verifiers = found[found["scheme"] != "one_draft"]["scheme"].nunique()
    assert len(numbers) == len(found) + 2 * of_verifiers
    assert LONG in text.splitlines()
    words = set(text.split())
    for block in blocks(found):
        assert {x for name in (*block.header[1:], block.title) for x in name.split()} <= words


def test_a_narrow_terminal_loses_no_digit():
    found = table(rows(*simulated().assign(pair=LONG).to_dict("records")))
    numbers = re.findall(r"0\.\d{3,4}", printed(found, 80))
    assert sorted(numbers) == sorted(re.findall(r"0\.\d{3,4}", printed(found, 300)))
    assert len(numbers) > 2 * len(found)


def test_without_bold_letters_an_asterisk_marks():
    found = table(small())
    text = printed(found, 120)
    assert "*: the largest α* of the draft schemes" in " ".join(text.split())
    assert re.findall(r"\d\*", text)
    styled = printed(found, 120, "standard")
    assert "Bold: the largest" in styled
    assert not re.search(r"\d\*", styled)
    assert "\x1b[1m0.500" in styled
