"""Tables of ``results/README.md``, from the files beside it; cog writes them into the page.

::

    cog -r experiments/results/README.md
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import typer

from mdsd_theory.capture.manifest import read_manifest
from mdsd_theory.capture.orderings import merged
from mdsd_theory.study.gains import LEVELS, expected_tokens
from mdsd_theory.study.labels import scheme_label, verifier_label

RESULTS = Path(__file__).parent / "results"

PAIRS = {
    "smollm2_eagle": "EAGLE-style head",
    "smollm2_student": "6 layers",
    "smollm2_skip": "layers 14–18 skipped",
}
"""Folders of the pairs, and what the page calls their drafts."""

RIVALS = (
    ("with_replacement", "rrs"),
    ("with_replacement", "k_seq"),
    ("with_replacement", "optimal"),
    ("without_replacement", "rrs_without_replacement"),
    ("without_replacement", "optimal"),
    ("greedy", "greedy"),
)
"""Schemes and their verifiers, in the order of columns."""


def rows(headers: Sequence[str], cells: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown whose numbers are aligned to the right."""
    rule = ["---"] + ["---:"] * (len(headers) - 1)
    return "\n".join(f"| {' | '.join(line)} |" for line in (headers, rule, *cells))


def means(folder: str) -> pd.DataFrame:
    """Return ``means.csv`` of a folder, with the page's names of the drafts."""
    frame = pd.read_csv(RESULTS / folder / "means.csv")
    return frame.assign(draft=drafts_of(frame))


def drafts_of(frame: pd.DataFrame) -> pd.Series:
    """Return the page's name of each row's draft, from the captures that are of it alone."""
    single = frame[frame["capture"] != "pooled"].drop_duplicates("pair")
    return frame["pair"].map({x.pair: PAIRS[x.capture.split("/")[0]] for x in single.itertuples()})


def value(frame: pd.DataFrame, **where: object) -> pd.Series:
    """Return the one row of these values."""
    for name, x in where.items():
        frame = frame[frame[name] == x]
    if len(frame) != 1:
        raise LookupError(f"{len(frame)} rows of {where}")
    return frame.iloc[0]


def error(row: pd.Series, digits: int = 3) -> str:
    """Return mean ± standard error."""
    return f"{row['mean']:.{digits}f} ± {row['standard_error']:.{digits}f}"


def table_one() -> str:
    """Return Table 1: bounds of the schemes, by pair and task."""
    frame = means("captures")
    frame = frame[frame["verifier"] == "alpha"]
    schemes = ("one_draft", "with_replacement", "without_replacement", "greedy", "top_k")
    lines = []
    for draft in PAIRS.values():
        of = frame[frame["draft"] == draft]
        pooled = of[of["capture"] == "pooled"]
        for task in pooled["task"].unique():
            cells = [value(pooled, task=task, scheme=x) for x in schemes]
            best = max(cells[1:], key=lambda x: x["mean"])
            shown = [f"**{error(x)}**" if x is best else error(x) for x in cells]
            lines.append((draft, task.replace("_", " "), f"{cells[0]['positions']:,}", *shown))
    heads = ["one draft", *(f"α\\* {scheme_label(x)}" for x in schemes[1:])]
    return rows(["draft", "task", "positions", *heads], lines)


def gaps() -> str:
    """Return how far the verifiers are from their bounds, all tasks."""
    frame = means("captures")
    frame = frame[(frame["capture"] == "pooled") & (frame["task"] == "all tasks")]
    lines = []
    for draft in PAIRS.values():
        of = frame[frame["draft"] == draft]
        for scheme, verifier in RIVALS:
            bound = value(of, scheme=scheme, verifier="alpha")
            row = value(of, scheme=scheme, verifier=verifier)
            sample = " †" if row["part"] else ""
            lines.append(
                (
                    draft,
                    scheme_label(scheme),
                    verifier_label(verifier) + sample,
                    error(row),
                    f"{max(row['gap'], 0):.4f} ± {row['gap_standard_error']:.4f}",
                    f"{100 * max(row['gap'], 0) / bound['mean']:.1f} %",
                    f"{expected_tokens(row['mean'], LEVELS):.2f}",
                )
            )
    heads = ["draft", "scheme", "verifier", "acceptance", "gap to α\\*", "of α\\*"]
    return rows([*heads, f"tokens a call, {LEVELS} levels"], lines)


def sweep(folder: str, over: str, schemes: Sequence[str]) -> str:
    """Return α* of schemes and rates of verifiers along a sweep, of the first draft."""
    frame = means(folder)
    frame = frame[frame["draft"] == next(iter(PAIRS.values()))]
    rules = [x for x in RIVALS if x[1] not in ("optimal", "greedy")]
    lines = []
    for x, here in frame.groupby(over):
        bounds = [value(here, scheme=s, verifier="alpha")["mean"] for s in schemes]
        rates = [value(here, scheme=s, verifier=v)["mean"] for s, v in rules]
        lines.append((f"{x:g}", *(f"{y:.3f}" for y in (*bounds, *rates))))
    heads = [f"α\\* {scheme_label(s)}" for s in schemes]
    return rows([over.replace("temperature", "T"), *heads, *(verifier_label(v) for _, v in rules)], lines)


def verdicts() -> str:
    """Return the verdict on each claim in each of the three studies."""
    studies = {
        "T = 0.7, n = 3, all tasks": "captures",
        "T swept": "temperature",
        "n swept": "number_of_drafts",
    }
    found = {name: verdicts_of(RESULTS / folder / "findings.md") for name, folder in studies.items()}
    claims = next(iter(found.values()))
    cells = [(claim, *(x.get(claim, "–") for x in found.values())) for claim in claims]
    return rows(
        ["claim", *studies], [[x.replace("refuted", "does not hold") for x in line] for line in cells]
    )


def verdicts_of(page: Path) -> dict[str, str]:
    """Return claim → verdict and counts of a page of findings."""
    lines = page.read_text(encoding="utf-8").splitlines()
    start = lines.index("| claim | verdict | conditions |") + 2
    found = {}
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        claim, verdict, conditions = (x.strip() for x in line.strip("|").split(" | "))
        counts = (
            "/".join(x.split()[0] for x in conditions.split(", ")) if conditions[0].isdigit() else "–"
        )
        found[claim] = "–" if counts == "–" else f"{verdict} {counts}"
    return found


def speed() -> str:
    """Return positions per second and the time of a position by stage, of each capture."""
    lines = []
    for study in ("captures", "temperature", "number_of_drafts"):
        for pair, draft in PAIRS.items():
            folders = sorted(x for x in (RESULTS / study / pair).iterdir())
            named = [(x.name, [x]) for x in folders] + [("both", folders)] * (len(folders) > 1)
            lines += [(study.replace("_", " "), draft, name, *costs(some)) for name, some in named]
    heads = [
        "study",
        "draft",
        "prompts",
        "positions",
        "rows",
        "positions/s",
        "models",
        "α\\* and verifiers",
    ]
    return rows([*heads, "output", "share of α\\* and verifiers"], lines)


def costs(folders: Sequence[Path]) -> list[str]:
    """Return positions, rows, positions per second, and microseconds of a position by stage."""
    manifests = [read_manifest(x) for x in folders]
    runs = [run for manifest in manifests for run in manifest["runs"]]
    made = sum(x.get("sample", x)["totals"]["rows"] for x in manifests)
    positions, wall = (sum(x[name] for x in runs) for name in ("positions", "wall_seconds"))
    stages = [("generation", "scoring"), ("measures",), ("output",)]
    each = [sum(run["seconds"][x] for run in runs for x in stage) * 1e6 / positions for stage in stages]
    share = f"{100 * each[1] / sum(each):.0f} %"
    return [
        f"{positions:,}",
        f"{made:,}",
        f"{positions / wall:,.0f}",
        *(f"{x:,.0f} µs" for x in each),
        share,
    ]


def orders() -> str:
    """Return how many rows were checked, how many break an order, and what stated errors excuse."""
    lines = []
    for study in ("captures", "temperature", "number_of_drafts"):
        manifests = [read_manifest(x.parent) for x in sorted((RESULTS / study).glob("*/*/manifest.json"))]
        totals = [x.get("sample", x)["totals"] for x in manifests]
        made = [f"{sum(x[name] for x in totals):,}" for name in ("positions", "rows")]
        broken = sum(sum(x["violations"].values()) for x in totals)
        lines.append((study.replace("_", " "), *made, f"{broken:,}", *passed(totals)))
    heads = ["rows that break an order", "largest excess that an error excuses"]
    return rows(["study", "positions", "rows", heads[0], "excused by an error", heads[1]], lines)


def passed(totals: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Return how often an order holds only within stated errors, and the largest excess."""
    if not all("excused" in x for x in totals):
        return "not counted", "–"
    found = merged(x["excused"] for x in totals)
    worst = max(found, key=lambda name: found[name]["largest"])
    rule = " ≤ ".join(verifier_label(x) for x in worst.split(" <= ")).replace("α*", "α\\*")
    return f"{sum(x['rows'] for x in found.values()):,}", f"{found[worst]['largest']:.1e} ({rule})"


TABLES = {
    "table_one": table_one,
    "gaps": gaps,
    "temperature": lambda: sweep(
        "temperature",
        "temperature",
        (
            "with_replacement",
            "without_replacement",
            "greedy",
            "with_replacement@top100",
            "with_replacement@top200",
            "greedy@top100",
            "greedy@top200",
        ),
    ),
    "number": lambda: sweep(
        "number_of_drafts", "n", ("with_replacement", "without_replacement", "greedy", "top_k")
    ),
    "verdicts": verdicts,
    "speed": speed,
    "orders": orders,
}
"""Name → a function that returns the table."""


def main(name: str) -> None:
    """Print a table."""
    print(TABLES[name]())


if __name__ == "__main__":
    typer.run(main)
