"""Public data sets by name: those of the paper, and ``hf:NAME[:SPLIT[:COLUMN]]``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mdsd_theory.errors import DataFileError, InputError, MissingDependencyError

Record = Mapping[str, Any]

PREFIX = "hf:"


@dataclass(frozen=True)
class Named:
    """A data set of the paper, and how one of its rows becomes a prompt.

    Attributes
    ----------
    path, split : str
        Where ``datasets`` finds it.
    configuration : str or None
    record : callable
        From a row to the keys of a JSON line.
    """

    path: str
    configuration: str | None
    split: str
    record: Callable[[Record], Record]


def _alpaca(row: Record) -> Record:
    return {"instruction": row["instruction"], "input": row["input"], "task": "instructions"}


def _wmt14(row: Record) -> Record:
    german = row["translation"]["de"]
    return {"prompt": f"Translate German to English: {german}", "task": "translation"}


def _cnn_dailymail(row: Record) -> Record:
    return {"prompt": f"Summarize: {row['article']}", "task": "summarization"}


NAMED = {
    "alpaca": Named("tatsu-lab/alpaca", None, "train", _alpaca),
    "wmt14-de-en": Named("wmt/wmt14", "de-en", "test", _wmt14),
    "cnn_dailymail": Named("abisee/cnn_dailymail", "3.0.0", "test", _cnn_dailymail),
}
"""The three sets of Hu et al. (2025), who say: 1,024 samples of each, translation from German to English.

Our choice, where we know of no statement of theirs: the splits (test; Alpaca has ``train`` alone), the
wording (Spec-Bench's for translation and summaries, Stanford Alpaca's own for instructions), whole
articles, and the first rows where the paper says samples.
"""


def records(spec: str) -> Iterator[tuple[str, Record]]:
    """Yield the rows of a data set as the keys of JSON lines, each with words that say where it stands.

    Parameters
    ----------
    spec : str
        ``hf:`` and a key of :data:`NAMED`; or ``hf:NAME[:SPLIT[:COLUMN]]``: an id or a folder, ``train``
        unless a split is given, and the text of one column, or else rows with the keys of a JSON line.

    Raises
    ------
    MissingDependencyError, DataFileError, InputError
    """
    name, *rest = spec.removeprefix(PREFIX).split(":")
    if not name or len(rest) > 2 or (name in NAMED and rest):
        raise InputError(f"got {spec!r}; expected hf:{', hf:'.join(NAMED)} or hf:NAME[:SPLIT[:COLUMN]]")
    split, column = (*rest, None, None)[:2]
    named = NAMED.get(name) or Named(name, None, split or "train", lambda row: row)
    for number, row in enumerate(_rows(spec, named)):
        where = f"{spec}, row {number}"
        if column is not None and column not in row:
            raise InputError(f"{where}: got columns {sorted(row)}; expected {column!r}")
        yield where, {"prompt": row[column]} if column is not None else named.record(row)


def _rows(spec: str, named: Named) -> Any:
    try:
        from datasets import load_dataset
    except ImportError:
        raise MissingDependencyError(
            f"{spec} needs datasets: pip install 'mdsd-theory[datasets]'"
        ) from None
    try:
        return load_dataset(named.path, named.configuration, split=named.split)
    except Exception as error:  # whatever the library, its hub and its readers raise
        reason = " ".join(str(error).split())
        raise DataFileError(
            f"{spec}: {named.path} (split {named.split!r}) could not be loaded: "
            f"{type(error).__name__}: {reason}; "
            "reach the hub once, name a folder that holds the data, or give a JSON-lines file"
        ) from error
