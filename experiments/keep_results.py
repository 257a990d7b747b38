"""Make captures small enough to keep: some of their prompts, in single precision, and all their means.

::

    python experiments/keep_results.py runs/*/* --out experiments/results/captures --prompts 40

Each capture becomes a folder of the same name that ``mdsd table`` and ``mdsd figure`` read. Its prompts
are drawn by ``--seed`` task by task, in proportion to the tasks' prompts but some of each, and its
manifest says of how many; with ``--prompts 0`` it is kept alone. What a sample cannot restore is computed
from all rows and kept beside it:

``means.csv``
    Table 1 for every temperature and n, of each capture and of those of a pair together (``pooled``).
``table.md``
    Table 1 at each ``--temperature`` and ``--n``, the captures of a pair together.
``findings.md``
    What the rows say of the paper's claims.

Captures that cannot be read together, such as two of one pair with the same answers, are pooled by the
folder above them, in files with its name: ``table.smollm2_eagle.md``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import pyarrow as pa
import terminal
import typer

from mdsd_theory.capture.job import total
from mdsd_theory.capture.manifest import read_manifest, write_manifest
from mdsd_theory.capture.shards import Facts, read_facts, read_rows, shards, write_shard
from mdsd_theory.errors import InputError
from mdsd_theory.study.findings import about, findings, findings_page
from mdsd_theory.study.renderings import markdown
from mdsd_theory.study.rows import read, sample_of, select
from mdsd_theory.study.table import table

app = typer.Typer(add_completion=False, help=__doc__)

NOT_KEPT = ("upper",)
"""Columns that tables and figures do not read."""

FEWEST = 5
"""Prompts of a task that are kept at least, where there are so many."""

POOLED = "pooled"
"""The capture of the means over all captures of a pair."""

Conditions = list[tuple[float, int]]
"""Temperature and n."""


@dataclass(frozen=True)
class Whole:
    """All rows of some captures that can be read together, and the captures' names in their order."""

    key: str
    names: list[str]
    rows: pd.DataFrame


@app.command()
def keep(
    captures: Annotated[list[Path], typer.Argument(metavar="CAPTURE...", help="Of mdsd capture.")],
    out: Annotated[Path, typer.Option(help="Folder of the small ones.")],
    prompts: Annotated[
        int, typer.Option(min=0, help="Prompts of each that are kept; 0: manifests alone.")
    ] = 40,
    seed: Annotated[int, typer.Option(min=0, help="Of their choice.")] = 0,
    temperature: Annotated[
        list[float] | None, typer.Option(help="Of table.md; may be repeated.", show_default="0.7")
    ] = None,
    n: Annotated[
        list[int] | None, typer.Option(help="Of table.md; may be repeated.", show_default="3")
    ] = None,
) -> None:
    """Write small captures, and the means, tables and findings of the whole ones."""
    if len({name_of(x) for x in captures}) < len(captures):
        raise InputError("two captures have one name, of folder and folder above; rename one")
    captures = sorted(captures, key=name_of)
    wholes = read_wholes(captures)
    shown = conditions([x.rows for x in wholes], temperature, n)
    for capture in captures:
        size = keep_some(capture, out / name_of(capture), prompts, seed)
        terminal.say(f"{out / name_of(capture)}: {size:,} bytes")
    told = pd.concat([means(x) for x in wholes], ignore_index=True)
    told.to_csv(out / "means.csv", index=False, float_format="%.7g")
    for whole in wholes:
        write_pages(whole, out, shown)


def name_of(capture: Path) -> Path:
    """Return the last two parts of a capture's path: pair and task."""
    return Path(*capture.resolve().parts[-2:])


def read_wholes(captures: list[Path]) -> list[Whole]:
    """Return all captures as one, or else one for each folder above them."""
    try:
        return [_whole("", captures)]
    except InputError as error:
        groups = {key: list(x) for key, x in groupby(captures, lambda x: name_of(x).parts[0])}
        if len(groups) == 1:
            raise
        terminal.say(f"pooled by the folder above only: {error}")
        return [_whole(f".{key}", some) for key, some in groups.items()]


def _whole(key: str, captures: list[Path]) -> Whole:
    return Whole(key, [name_of(x).as_posix() for x in captures], read(captures))


def conditions(
    frames: list[pd.DataFrame], temperature: list[float] | None, n: list[int] | None
) -> Conditions:
    """Return the conditions of ``table.md``, of which those asked for have to be there."""
    every = pd.concat([x[["temperature", "n"]].drop_duplicates() for x in frames])
    there = set(every.itertuples(index=False, name=None))
    asked = [(t, k) for t in temperature or [0.7] for k in n or [3]]
    if temperature is None and n is None:
        return [x for x in asked if x in there]
    for condition in asked:
        select(every, *condition)
    return asked


def write_pages(whole: Whole, out: Path, shown: Conditions) -> None:
    """Write Table 1 at some conditions, and the findings."""
    there = set(zip(whole.rows["temperature"], whole.rows["n"], strict=True))
    texts = [
        f"## Temperature {t:g}, n = {k}\n\n{markdown(table(whole.rows, t, k))}"
        for t, k in shown
        if (t, k) in there
    ]
    if texts:
        (out / f"table{whole.key}.md").write_text("\n".join(texts), encoding="utf-8")
    (out / f"findings{whole.key}.md").write_text(page(whole.rows, shown), encoding="utf-8")


def keep_some(capture: Path, out: Path, most: int, seed: int) -> int:
    """Write some prompts of a capture, or its manifest alone; return the bytes of the folder."""
    out.mkdir(parents=True, exist_ok=True)
    if not most:
        write_manifest(out, read_manifest(capture))
        return size_of(out)
    rows, manifest = read_rows(capture), read_manifest(capture)
    chosen = drawn_prompts(rows, most, seed)
    some = rows.filter(np.isin(rows["prompt"], chosen))
    some = some.drop_columns([x for x in NOT_KEPT if x in some.column_names])
    small = pa.schema(
        pa.field(x.name, pa.float32() if x.type == pa.float64() and x.name != "temperature" else x.type)
        for x in some.schema
    )
    facts = facts_of(some, chosen, [read_facts(path) for path in shards(capture)])
    write_shard(out, facts, some.cast(small))
    first = {"of": len(np.unique(rows["prompt"])), "totals": manifest.get("totals", {})}
    first |= {key: x for key, x in manifest.get("sample", {}).items() if key in first}
    sample = {"prompts": len(chosen), **first, "seed": seed, "precision": "float32"}
    write_manifest(out, manifest | {"totals": total([facts]) | {"kept": 0}, "sample": sample})
    return size_of(out)


def size_of(folder: Path) -> int:
    """Return the bytes of the files in a folder."""
    return sum(x.stat().st_size for x in folder.iterdir())


def facts_of(some: pa.Table, chosen: Sequence[int], whole: Sequence[Facts]) -> Facts:
    """Return what the shard of the chosen prompts says of itself."""
    places = some.group_by(["prompt", "turn", "position"]).aggregate([]).num_rows
    answers = some.group_by(["prompt", "turn"]).aggregate([]).num_rows
    skipped = tuple(turn for each in whole for turn in each.skipped if turn["prompt"] in chosen)
    facts = Facts(0, tuple(chosen), skipped, answers, places, len(some), {})
    undefined = some["alpha"].null_count
    return replace(facts, undefined=undefined, models=whole[0].models, device=whole[0].device)


def drawn_prompts(rows: pa.Table, most: int, seed: int) -> list[int]:
    """Return the numbers of prompts that are kept, drawn task by task."""
    columns = ["prompt", "task"] if "task" in rows.column_names else ["prompt"]
    prompts = rows.select(columns).to_pandas().drop_duplicates("prompt")
    names = prompts["task"].astype(str) if "task" in prompts else pd.Series("", prompts.index)
    groups = {str(task): np.sort(some.to_numpy()) for task, some in prompts["prompt"].groupby(names)}
    counts = shares({task: len(some) for task, some in groups.items()}, most)
    rng = np.random.default_rng(seed)
    return sorted(int(x) for task, some in groups.items() for x in rng.permutation(some)[: counts[task]])


def shares(sizes: Mapping[str, int], most: int) -> dict[str, int]:
    """Return how many prompts of each task are kept.

    At least :data:`FEWEST` where there are, or an equal part of fewer, but one; the others one after
    another to the task that is farthest below its proportion.
    """
    least = min(FEWEST, max(1, most // len(sizes)))
    counts = {task: min(least, size) for task, size in sizes.items()}
    share = most / sum(sizes.values())
    for _ in range(min(most, sum(sizes.values())) - sum(counts.values())):
        below = {task: size * share - counts[task] for task, size in sizes.items() if counts[task] < size}
        counts[max(below, key=below.__getitem__)] += 1
    return counts


def means(whole: Whole) -> pd.DataFrame:
    """Return Table 1 of every temperature and n, of each capture and pooled by pair."""
    frame = whole.rows
    parts = [(whole.names[int(number)], rows) for number, rows in frame.groupby("capture")]
    several = frame.groupby("pair", observed=True)["capture"].transform("nunique") > 1
    found = [
        table(rows, temperature, n).assign(capture=name)
        for name, rows in [*parts, (POOLED, frame[several])]
        for temperature, n in sorted(set(zip(rows["temperature"], rows["n"], strict=True)))
    ]
    return pd.concat(found, ignore_index=True)


def page(frame: pd.DataFrame, shown: Conditions) -> str:
    """Return the findings of all rows."""
    temperature, n = shown[0] if shown else (0.7, 3)
    return findings_page(findings(frame), temperature, n, about(frame, sample_of(frame)))


def main() -> None:
    """Run the script."""
    terminal.run(app)


if __name__ == "__main__":
    main()
