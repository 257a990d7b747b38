"""Table 1: α* of each scheme and the rate of each verifier, by pair and task."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mdsd_theory.study.clusters import Estimate, clustered_mean, rate_mean
from mdsd_theory.study.differences import existing_verifiers
from mdsd_theory.study.labels import ONE_DRAFT, schemes_of, verifiers_of
from mdsd_theory.study.rows import pandas, sample_of, select

if TYPE_CHECKING:
    import pandas as pd

ALL = "all tasks"
"""The task of the rows that pool all of a pair's tasks."""

THESE = "these tasks"
"""The task of the rows that pool some of a pair's tasks."""

MEAN = "mean of tasks"
"""The task of the rows in which each of the tasks weighs the same."""

Record = dict[str, Any]


def table(
    frame: pd.DataFrame, temperature: float = 0.7, n: int = 3, tasks: Sequence[str] | None = None
) -> pd.DataFrame:
    r"""Return Table 1, one row for each pair, task, scheme and verifier.

    A pair of several tasks also has rows of ``all tasks`` over their positions, or ``these tasks`` where
    some were chosen, with standard errors stratified by task, and rows of ``mean of tasks``, of k tasks

    .. math:: \frac1k \sum_j \mu_j \pm \frac1k \sqrt{\sum_j s_j^2}

    Parameters
    ----------
    frame : pandas.DataFrame
        Of :func:`mdsd_theory.study.rows.read`, with all of its tasks.
    temperature, n
        The experiment shown.
    tasks : sequence of str, optional
        All when left out.

    Returns
    -------
    pandas.DataFrame
        ``verifier`` is ``alpha`` in a scheme's row for its optimum. The scheme ``one_draft`` has no
        other: it is 1 − total variation, left out for n = 1. ``gap`` is α* − rate at the positions where
        the rate is known, and its standard error is of that difference. ``best`` marks the smallest gap
        of a scheme among the existing verifiers, neither ``naive`` nor ``optimal``, at the positions
        where all of them have a rate. ``part`` marks a rate that is known at ``positions`` of more,
        ``of``, see :func:`~mdsd_theory.study.clusters.rate_mean`. ``drawn_at`` is the temperature of the
        answers; ``sample`` tells which share of the prompts the rows are of, see
        :func:`~mdsd_theory.study.rows.sample_of`. NaN where undefined.

    Raises
    ------
    InputError
        When there are no such rows; the message lists what there is.
    """
    every = select(frame, temperature, n)
    facts = {"temperature": temperature, "n": n, "sample": sample_of(frame)}
    records = []
    for pair, rows in select(every, tasks=tasks).groupby("pair", observed=True):
        there = every.loc[every["pair"] == pair, "task"].nunique()
        drawn_at = rows["drawn_at"].iloc[0] if "drawn_at" in rows else float("nan")
        names = {"pair": str(pair), "task": "", **facts, "drawn_at": drawn_at}
        records += [names | x for x in _of_pair(rows, there)]
    made: pd.DataFrame = pandas().DataFrame.from_records(records)
    return made


def _of_pair(rows: pd.DataFrame, there: int) -> Iterator[Record]:
    """Yield the records of each task and, where they are several, of all together."""
    by_task = {str(task): some for task, some in rows.groupby("task", observed=True)}
    found = {task: list(_records(some)) for task, some in by_task.items()}
    for task, records in found.items():
        yield from ({"task": task} | x for x in records)
    if len(by_task) > 1:
        pooled = list(_records(rows))
        label = ALL if len(by_task) == there else THESE
        yield from ({"task": label} | x for x in pooled)
        yield from ({"task": MEAN} | x for x in _equally(pooled, found, by_task))


def _records(rows: pd.DataFrame) -> Iterator[Record]:
    """Yield the records of some rows: one draft, then scheme by scheme."""
    schemes = schemes_of(rows)
    if int(rows["n"].iloc[0]) > 1:
        yield {"scheme": ONE_DRAFT} | _one_draft(rows[rows["scheme"] == schemes[0]])
    for scheme in schemes:
        of_scheme = rows[rows["scheme"] == scheme]
        best = existing_verifiers(of_scheme)[:1]
        found = list(_quantities(of_scheme))
        most = found[0]["positions"]
        for x in found:
            more = {"best": x["verifier"] in best, "part": x["positions"] < most, "of": most}
            yield {"scheme": scheme} | x | more


def _one_draft(rows: pd.DataFrame) -> Record:
    found = _record("alpha", _mean(1 - rows["total_variation"], rows), None)
    return found | {"best": False, "part": False, "of": found["positions"]}


def _quantities(rows: pd.DataFrame) -> Iterator[Record]:
    yield _record("alpha", _mean(rows["alpha"], rows), None)
    for name in verifiers_of(rows):
        yield _record(name, rate_mean(rows, name), _mean(rows["alpha"] - rows[name], rows))


def _mean(values: pd.Series, rows: pd.DataFrame) -> Estimate:
    codes = rows["task"].astype("category").cat.codes
    return clustered_mean(values, rows["cluster"], strata=codes)


def _record(name: str, rate: Estimate, gap: Estimate | None) -> Record:
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


def _equally(
    pooled: Iterable[Record], found: Mapping[str, Iterable[Record]], by_task: Mapping[str, pd.DataFrame]
) -> Iterator[Record]:
    """Yield the pooled records with the tasks' means, NaN for what some task has none of."""
    schemes = dict.fromkeys(x["scheme"] for x in pooled)
    nearest = {scheme: _nearest(by_task.values(), scheme) for scheme in schemes}
    for x in pooled:
        key = (x["scheme"], x["verifier"])
        parts = [y for records in found.values() for y in records if (y["scheme"], y["verifier"]) == key]
        means = {}
        for mean, error in (("mean", "standard_error"), ("gap", "gap_standard_error")):
            whole = len(parts) == len(by_task)
            means[mean] = sum(y[mean] for y in parts) / len(parts) if whole else math.nan
            means[error] = math.hypot(*(y[error] for y in parts)) / len(parts) if whole else math.nan
        yield x | means | {"best": x["verifier"] == nearest[x["scheme"]]}


def _nearest(tasks: Iterable[pd.DataFrame], scheme: str) -> str | None:
    """Return the existing verifier with the smallest mean of the tasks' gaps, None without one."""
    gaps: dict[str, list[float]] = {}
    parts = [rows[rows["scheme"] == scheme] for rows in tasks]
    for rows in parts:
        names = existing_verifiers(rows)
        common = rows.dropna(subset=names)
        for name in names:
            used = rows if common.empty else common
            gaps.setdefault(name, []).append(float((used["alpha"] - used[name]).mean()))
    everywhere = {name: sum(x) for name, x in gaps.items() if len(x) == len(parts)}
    return min(everywhere, key=everywhere.__getitem__, default=None)
