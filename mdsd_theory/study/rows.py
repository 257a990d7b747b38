"""Rows of captures as one data frame, and parts of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdsd_theory.capture.manifest import NAME as MANIFEST
from mdsd_theory.capture.manifest import read_manifest
from mdsd_theory.capture.shards import read_rows
from mdsd_theory.errors import DataFileError, InputError, MissingDependencyError
from mdsd_theory.study.pooling import require_one_experiment, warn_of_unfinished

if TYPE_CHECKING:
    import pandas as pd

PLACE = ["pair", "task", "cluster", "turn", "position", "temperature", "n"]
"""What names a position under one temperature and n: equal for all schemes."""

NAMES = ("scheme", "task", "pair")
"""Columns of text, kept as categories in the order in which they appear."""


def read(folders: Sequence[str | Path]) -> pd.DataFrame:
    """Return the rows of some captures.

    Parameters
    ----------
    folders : sequence of path
        That ``mdsd capture`` wrote. Those of one name belong to one pair, such as one folder a task.

    Returns
    -------
    pandas.DataFrame
        The columns of the captures, numbers in double precision; ``pair``, see :func:`pair_name`;
        ``drawn_at``, the temperature of the answers, NaN where no manifest tells it; ``cluster``, a
        number of its own for each prompt of each folder; ``capture``, a number of each folder, and
        ``whole``, the prompts that the folder is a sample of or has.

    Raises
    ------
    DataFileError
        When a folder has no rows or cannot be read.
    InputError
        When no folder is given, one is given twice, or two of one pair differ in their settings or hold
        the same answers.
    MissingDependencyError
        Without pandas or pyarrow.

    Warns
    -----
    UnfinishedCaptureWarning
        For a capture that was cut short.
    """
    library = pandas()
    if not folders:
        raise InputError("no folder is given; expected some that mdsd capture wrote")
    if len({Path(x).resolve() for x in folders}) < len(folders):
        raise InputError("a folder is given twice; its rows would count twice")
    frames: list[pd.DataFrame] = []
    prompts, places = 0, [Path(x) for x in folders]
    manifests = [read_manifest(x) if (x / MANIFEST).exists() else {} for x in places]
    warn_of_unfinished(places, manifests)
    for folder, manifest in zip(places, manifests, strict=True):
        frame = read_rows(folder).to_pandas()
        if frame.empty:
            raise DataFileError(f"{folder} holds no rows; let mdsd capture finish some prompts first")
        if "task" not in frame:
            frame["task"] = ""
        frame["pair"] = pair_name(folder, manifest)
        frame["drawn_at"] = manifest.get("settings", {}).get("generation_temperature", float("nan"))
        frame["cluster"] = frame["prompt"].astype("int64") + prompts
        prompts = int(frame["cluster"].max()) + 1
        frame["capture"] = len(frames)
        frame["whole"] = manifest.get("sample", {}).get("of", frame["prompt"].nunique())
        single = frame.select_dtypes("float32").columns
        frame = frame.astype(dict.fromkeys(single, "float64"))
        frames.append(frame.astype(dict.fromkeys(NAMES, "object")))
    require_one_experiment(places, manifests, frames)
    rows: pd.DataFrame = library.concat(frames, ignore_index=True)
    for name in NAMES:
        rows[name] = library.Categorical(rows[name], categories=rows[name].unique())
    return rows


def pair_name(folder: Path, manifest: Mapping[str, Any]) -> str:
    """Return ``target / draft`` as the manifest names them, or the folder's name without a manifest.

    Quantised weights are another model than those of their name, so that the kind is told.
    """
    models = [manifest.get("models", {}).get(side, {}) for side in ("target", "draft")]
    if not all(x.get("name") for x in models):
        return folder.resolve().name
    return " / ".join(" ".join(filter(None, [x["name"], x.get("quantisation")])) for x in models)


def sample_of(frame: pd.DataFrame) -> str:
    """Return that the rows are of a sample of prompts, as a sentence; nothing where they are of all.

    Tasks that were left out count as not sampled, so that ask before selecting tasks.
    """
    if not {"capture", "whole"} <= set(frame.columns):
        return ""
    there = frame.groupby("capture").agg(some=("cluster", "nunique"), whole=("whole", "first"))
    some, whole = int(there["some"].sum()), int(there["whole"].sum())
    return f"A sample of {some:,} of {whole:,} prompts." if some < whole else ""


def select(
    frame: pd.DataFrame,
    temperature: float | None = None,
    n: int | None = None,
    tasks: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return the rows of a temperature, an n and some tasks; None leaves all.

    Raises
    ------
    InputError
        When there are none; the message lists what there is.
    """
    wanted: dict[str, Sequence[Any] | None] = {
        "temperature": None if temperature is None else [temperature],
        "n": None if n is None else [n],
        "task": tasks,
    }
    for column, values in wanted.items():
        for value in values or ():
            there = list(frame[column].unique())
            if value not in there:
                raise InputError(f"no rows of {column} {_listed([value])}; there are {_listed(there)}")
        if values is not None:
            frame = frame[frame[column].isin(values)]
    return frame


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(f"{x:g}" if isinstance(x, float) else str(x) or "''" for x in sorted(values))


def at_positions(frame: pd.DataFrame, wanted: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """Return columns of several schemes side by side, at the positions where all are known.

    Parameters
    ----------
    frame : pandas.DataFrame
    wanted : mapping of str to (scheme, column)
        What the new columns are called, and where they come from.

    Returns
    -------
    pandas.DataFrame
        With the columns :data:`PLACE` too; empty when a scheme or column is missing.
    """
    library = pandas()
    parts = []
    for name, (scheme, column) in wanted.items():
        rows = frame[frame["scheme"] == scheme]
        values = rows[column] if column in frame else library.Series(index=rows.index, dtype="float64")
        parts.append(values.set_axis(library.MultiIndex.from_frame(rows[PLACE])).rename(name))
    joined: pd.DataFrame = library.concat(parts, axis=1, join="inner").dropna().reset_index()
    return joined


def pandas() -> Any:
    """Return pandas, or say how to get it."""
    try:
        import pandas as pd
    except ImportError:
        raise MissingDependencyError("studies need pandas: pip install 'mdsd-theory[plot]'") from None
    return pd
