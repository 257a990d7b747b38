"""Table 1: α* of each scheme and the rate of each verifier, by pair and task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mdsd_theory.study.clusters import Estimate, clustered_mean, rate_mean
from mdsd_theory.study.differences import existing_verifiers
from mdsd_theory.study.labels import schemes_of, verifiers_of
from mdsd_theory.study.rows import pandas, select

if TYPE_CHECKING:
    import pandas as pd

ALL = "all tasks"
"""The task of the rows that pool all of a pair's tasks."""


def table(
    frame: pd.DataFrame, temperature: float = 0.7, n: int = 3, tasks: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return Table 1, one row for each pair, task, scheme and verifier.

    Parameters
    ----------
    frame : pandas.DataFrame
        Of :func:`mdsd_theory.study.rows.read`.
    temperature, n
        The experiment shown.
    tasks : sequence of str, optional
        All when left out. A pair of several tasks also has rows of ``all tasks``, over their positions.

    Returns
    -------
    pandas.DataFrame
        ``verifier`` is ``alpha`` in a scheme's row for its optimum. ``gap`` is α* − rate at the positions
        where the rate is known, and its standard error is of that difference. ``best`` marks the smallest
        gap of a scheme among the existing verifiers, neither ``naive`` nor ``optimal``, at the positions
        where all of them have a rate. ``part`` marks a rate that is known at a sample of the positions,
        see :func:`~mdsd_theory.study.clusters.rate_mean`. ``drawn_at`` is the temperature of the answers.
        NaN where undefined.

    Raises
    ------
    InputError
        When there are no such rows; the message lists what there is.
    """
    chosen = select(frame, temperature, n, tasks)
    records = []
    for pair, task, rows in _lines(chosen):
        for scheme in schemes_of(rows):
            of_scheme = rows[rows["scheme"] == scheme]
            found = list(_quantities(of_scheme))
            best, most = existing_verifiers(of_scheme)[:1], found[0]["positions"]
            names = {"pair": pair, "task": task, "temperature": temperature, "n": n, "scheme": scheme}
            names["drawn_at"] = rows["drawn_at"].iloc[0] if "drawn_at" in rows else float("nan")
            records += [
                names | x | {"best": x["verifier"] in best, "part": x["positions"] < most} for x in found
            ]
    made: pd.DataFrame = pandas().DataFrame.from_records(records)
    return made


def _lines(frame: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield each pair's tasks, and at last all of them together."""
    for pair, rows in frame.groupby("pair", observed=True):
        tasks = list(rows.groupby("task", observed=True))
        for task, some in tasks:
            yield str(pair), str(task), some
        if len(tasks) > 1:
            yield str(pair), ALL, rows


def _quantities(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    prompts = rows["cluster"].to_numpy()
    yield _record("alpha", clustered_mean(rows["alpha"], prompts), None)
    for name in verifiers_of(rows):
        gap = clustered_mean(rows["alpha"] - rows[name], prompts)
        yield _record(name, rate_mean(rows, name), gap)


def _record(name: str, rate: Estimate, gap: Estimate | None) -> dict[str, Any]:
    nan = float("nan")
    return {
        "verifier": name,
        "mean": rate.mean,
        "standard_error": rate.standard_error,
        "gap": nan if gap is None else gap.mean,
        "gap_standard_error": nan if gap is None else gap.standard_error,
        "positions": rate.positions,
        "prompts": rate.prompts,
    }
