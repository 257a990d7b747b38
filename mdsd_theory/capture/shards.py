"""Rows on disk: one Parquet file a block of prompts, with the facts of the block in its footer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdsd_theory.capture.measures_columns import column_names
from mdsd_theory.capture.positions import KEYS, Columns, Questions
from mdsd_theory.capture.storage import write
from mdsd_theory.errors import DataFileError, InputError, MissingDependencyError

if TYPE_CHECKING:
    import pyarrow as pa

FACTS = b"mdsd_block"
SHARD = re.compile(r"block-(\d{6,})\.parquet")
AGAIN = "remove that file and run the same mdsd capture again"
ORDER = ("prompt", "turn", "position", "temperature", "n", "scheme")


@dataclass(frozen=True)
class Facts:
    """What a shard says of its block.

    Attributes
    ----------
    block : int
    prompts : tuple of int
        Their numbers.
    skipped : tuple of dict
        What was left out: prompt, turn and reason.
    responses, positions, rows : int
    seconds : dict
        By stage.
    undefined : int
        Rows without α*: the draft can draw fewer tokens than the scheme has to.
    violations : dict
        How many rows break each order that the theory promises; empty when all is well.
    examples : tuple of dict
        Some of those rows, as of :func:`mdsd_theory.capture.orderings.violations`.
    excused : dict
        What passed because a column states an error, as of :func:`mdsd_theory.capture.orderings.excused`.
    models : dict
        What the manifest says of target and draft.
    device : str
    """

    block: int
    prompts: tuple[int, ...]
    skipped: tuple[dict[str, Any], ...]
    responses: int
    positions: int
    rows: int
    seconds: dict[str, float]
    undefined: int = 0
    violations: dict[str, int] = field(default_factory=dict)
    examples: tuple[dict[str, Any], ...] = ()
    excused: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, Any] = field(default_factory=dict)
    device: str = ""


def shard_name(block: int) -> str:
    """Return the name of a block's file."""
    return f"block-{block:06d}.parquet"


def tabulate(columns: Columns, questions: Questions, tasks: Mapping[int, str]) -> pa.Table:
    """Return the rows of a block in the order of their keys, with a column for the prompt's task.

    Parameters
    ----------
    columns : mapping of str to array
        Those of :func:`~mdsd_theory.capture.measures_columns.column_names`; NaN becomes null.
        None at all for a block without rows.
    questions : Questions
    tasks : mapping of int to str
        Task of each prompt of the block.

    Raises
    ------
    InputError
        When columns are missing or unknown.
    """
    pa, _ = arrow()
    names = column_names(questions)
    if columns and set(columns) != set(names):
        odd = sorted(set(columns) ^ set(names))
        raise InputError(f"columns {', '.join(odd)} are missing or unknown; expected {', '.join(names)}")
    types = {name: _type(pa, name) for name in names}
    found = {name: columns[name] if columns else () for name in names}
    table = pa.table({x: pa.array(found[x], types[x], from_pandas=True) for x in names})
    table = table.sort_by([(name, "ascending") for name in ORDER])
    task = pa.array([tasks[number] for number in table["prompt"].to_pylist()], pa.string())
    table = table.append_column("task", task)
    for name in ("scheme", "task"):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[name].dictionary_encode())
    return table


def write_shard(out: Path, facts: Facts, table: pa.Table) -> None:
    """Write the rows of a block, with its facts in the footer.

    Raises
    ------
    DataFileError
        When it cannot be written.
    """
    pa, pq = arrow()
    told = {FACTS: json.dumps(asdict(facts), ensure_ascii=False).encode()}
    buffer = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(told), buffer, compression="zstd")
    write(out / shard_name(facts.block), memoryview(buffer.getvalue()))


def _type(pa: Any, name: str) -> pa.DataType:
    if name == "scheme":
        return pa.string()
    whole = name in KEYS and name != "temperature"
    return pa.int32() if whole else pa.float64()


def read_facts(path: Path) -> Facts:
    """Return the facts of a shard, from its footer alone.

    Raises
    ------
    DataFileError
        When the file is cut short or is no shard.
    """
    _, pq = arrow()
    try:
        footer = pq.read_metadata(path)
        told = json.loads(footer.metadata[FACTS])
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {_reason(error)}") from None
    except Exception as error:
        raise DataFileError(f"{path} is no whole shard: {_reason(error)}") from None
    facts = facts_from(told)
    if facts.rows != footer.num_rows:
        raise DataFileError(f"{path} has {footer.num_rows} rows; its footer promises {facts.rows}")
    return facts


def facts_from(told: Mapping[str, Any]) -> Facts:
    """Return facts that went through JSON."""
    fields: dict[str, Any] = {name: tuple(x) if isinstance(x, list) else x for name, x in told.items()}
    return Facts(**fields)


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0]


def shards(out: Path) -> list[Path]:
    """Return the shards of a folder by block, whole or not."""
    named = {path: SHARD.fullmatch(path.name) for path in out.glob("block-*.parquet")}
    return sorted((path for path, found in named.items() if found), key=_block)


def _block(path: Path) -> int:
    return int(path.stem.removeprefix("block-"))


def read_rows(out: str | Path, columns: Sequence[str] | None = None, filters: Any = None) -> pa.Table:
    """Return the rows of a capture, finished or not, in the order of their keys.

    Parameters
    ----------
    out : path
        The folder that ``mdsd capture`` wrote.
    columns : sequence of str, optional
        All of them when left out; verifiers are null where they are not defined for the row's scheme.
    filters : optional
        As of ``pyarrow.parquet.read_table``: ``[("scheme", "==", "greedy"), ("n", "==", 3)]``.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    DataFileError
        When there are no shards, or one is damaged.
    InputError
        When a column is not there.
    """
    _, pq = arrow()
    paths = shards(Path(out))
    if not paths:
        raise DataFileError(f"{out} holds no rows; expected a folder that mdsd capture wrote")
    for path in paths:
        read_facts(path)
    schema = pq.read_schema(paths[0])
    odd = sorted(set(columns or ()) - set(schema.names))
    if odd:
        raise InputError(f"{out} has no column {odd[0]!r}; it has {', '.join(schema.names)}")
    try:
        found = pq.read_table(
            [str(path) for path in paths],
            columns=None if columns is None else list(columns),
            filters=filters,
            schema=schema,
        )
    except OSError as error:
        raise DataFileError(f"{out} cannot be read: {_reason(error)}; {AGAIN}") from None
    return found.replace_schema_metadata(None)


def arrow() -> tuple[Any, Any]:
    """Return pyarrow and its Parquet module, or say how to get them."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingDependencyError(
            "captures are kept with pyarrow: pip install 'mdsd-theory[models]'"
        ) from None
    return pyarrow, pyarrow.parquet
