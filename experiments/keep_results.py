"""Make captures small enough to keep: some of their prompts, in single precision, and all their means.

::

    python experiments/keep_results.py runs/*/* --out experiments/results/captures --prompts 40

Each capture becomes a folder of the same name that ``mdsd table`` and ``mdsd figure`` read, with the
prompts drawn by ``--seed`` and a manifest that says so. ``means.csv`` beside them holds the means over
all rows, with their standard errors: Table 1 for every temperature and n.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import pyarrow as pa
import terminal
import typer

from mdsd_theory.capture.manifest import read_manifest, write_manifest
from mdsd_theory.capture.shards import Facts, read_facts, read_rows, shards, write_shard
from mdsd_theory.errors import InputError
from mdsd_theory.study.rows import read
from mdsd_theory.study.table import table

app = typer.Typer(add_completion=False, help=__doc__)

NOT_KEPT = ("upper",)
"""Columns that tables and figures do not read."""


@app.command()
def keep(
    captures: Annotated[list[Path], typer.Argument(metavar="CAPTURE...", help="Of mdsd capture.")],
    out: Annotated[Path, typer.Option(help="Folder of the small ones.")],
    prompts: Annotated[int, typer.Option(min=1, help="Prompts of each that are kept.")] = 40,
    seed: Annotated[int, typer.Option(min=0, help="Of their choice.")] = 0,
) -> None:
    """Write small captures and the means of the whole ones."""
    if len({name_of(x) for x in captures}) < len(captures):
        raise InputError("two captures have one name, of folder and folder above; rename one")
    for capture in captures:
        size = keep_some(capture, out / name_of(capture), prompts, seed)
        terminal.say(f"{out / name_of(capture)}: {size:,} bytes")
    means(captures).to_csv(out / "means.csv", index=False, float_format="%.7g")


def name_of(capture: Path) -> Path:
    """Return the last two parts of a capture's path: pair and task."""
    return Path(*capture.resolve().parts[-2:])


def keep_some(capture: Path, out: Path, most: int, seed: int) -> int:
    """Write some prompts of a capture; return the bytes of the file."""
    rows, manifest = read_rows(capture), read_manifest(capture)
    every = np.unique(rows["prompt"])
    chosen = np.sort(np.random.default_rng(seed).permutation(every)[:most])
    some = rows.filter(np.isin(rows["prompt"], chosen)).drop_columns(NOT_KEPT)
    small = pa.schema(
        pa.field(x.name, pa.float32() if x.type == pa.float64() and x.name != "temperature" else x.type)
        for x in some.schema
    )
    whole = [read_facts(path) for path in shards(capture)]
    places = some.group_by(["prompt", "turn", "position"]).aggregate([]).num_rows
    answers = some.group_by(["prompt", "turn"]).aggregate([]).num_rows
    facts = Facts(0, tuple(chosen.tolist()), (), answers, places, len(some), {})
    facts = replace(facts, models=whole[0].models, device=whole[0].device)
    out.mkdir(parents=True, exist_ok=True)
    write_shard(out, facts, some.cast(small))
    sample = {"prompts": len(chosen), "of": len(every), "seed": seed, "precision": "float32"}
    write_manifest(out, manifest | {"sample": sample})
    return sum(x.stat().st_size for x in out.iterdir())


def means(captures: list[Path]) -> pd.DataFrame:
    """Return Table 1 of every temperature and n, capture by capture, with the capture's name."""
    found = []
    for capture in captures:
        rows = read([capture])
        for (temperature, n), _ in rows.groupby(["temperature", "n"]):
            found.append(table(rows, temperature, n).assign(capture=str(name_of(capture))))
    return pd.concat(found, ignore_index=True)


def main() -> None:
    """Run the script."""
    terminal.run(app)


if __name__ == "__main__":
    main()
