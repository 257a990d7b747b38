"""Shards: whole or not at all, in the order of their keys, with the facts of their block."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from capture_fakes import QUESTIONS, generate, measure, prompts_of, score

from mdsd_theory.capture import storage
from mdsd_theory.capture.measures_columns import column_names
from mdsd_theory.capture.shards import (
    Facts,
    read_facts,
    read_rows,
    shard_name,
    shards,
    tabulate,
    write_shard,
)
from mdsd_theory.errors import DataFileError, InputError

pa = pytest.importorskip("pyarrow")

FACTS = Facts(2, (0, 1), ({"prompt": 1, "reason": "too long"},), 3, 5, 40, {"output": 0.5})
TASKS = {number: f"task {number}" for number in range(20)}


def columns_of(count):
    batches = [measure(positions) for positions in score(generate(prompts_of(count))[0])]
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def put(out, block=2, count=4, **facts):
    table = tabulate(columns_of(count), QUESTIONS, TASKS)
    write_shard(out, replace(FACTS, block=block, rows=table.num_rows, **facts), table)
    return out / shard_name(block)


def test_rows_come_back_in_the_order_of_their_keys(tmp_path):
    put(tmp_path)
    rows, given = read_rows(tmp_path).to_pandas(), columns_of(4)
    keys = ["prompt", "turn", "position", "temperature", "n", "scheme"]
    assert list(rows.columns) == [*column_names(QUESTIONS), "task"]
    order = np.lexsort([given[name] for name in reversed(keys)])
    for name in column_names(QUESTIONS):
        assert (rows[name].to_numpy() == given[name][order])[~rows[name].isna()].all(), name
    assert (rows["task"] == rows["prompt"].map(TASKS)).all()


def test_what_is_not_defined_is_null(tmp_path):
    put(tmp_path)
    rows = read_rows(tmp_path, columns=["rrs"], filters=[("scheme", "==", "greedy")])
    assert rows.column_names == ["rrs"]
    assert 0 < rows["rrs"].null_count == len(rows)
    assert read_rows(tmp_path, filters=[("scheme", "!=", "greedy")])["rrs"].null_count == 0


def test_filters_pick_rows(tmp_path):
    put(tmp_path)
    whole = read_rows(tmp_path).to_pandas()
    some = read_rows(
        tmp_path, filters=[("n", "==", 3), ("temperature", "==", 0.7), ("task", "==", "task 1")]
    )
    chosen = (whole["n"] == 3) & (whole["temperature"] == 0.7) & (whole["prompt"] == 1)
    assert some.num_rows == chosen.sum() > 0


def test_several_blocks_are_read_by_number(tmp_path):
    for block in (10, 9, 1_000_000):
        table = tabulate(columns_of(1), QUESTIONS, TASKS)
        table = table.set_column(0, "prompt", pa.array([block] * len(table), pa.int32()))
        write_shard(tmp_path, replace(FACTS, block=block, rows=table.num_rows), table)
    found = read_rows(tmp_path)["prompt"].to_pylist()
    assert list(dict.fromkeys(found)) == [9, 10, 1_000_000]


def test_a_block_without_rows_is_a_shard_too(tmp_path):
    table = tabulate({}, QUESTIONS, {})
    write_shard(tmp_path, replace(FACTS, block=0, rows=0), table)
    put(tmp_path, 1)
    assert read_rows(tmp_path).num_rows == len(columns_of(4)["prompt"])
    assert read_rows(tmp_path).schema == read_rows(tmp_path, filters=[("n", "==", 2)]).schema


def test_facts_come_back_from_the_footer(tmp_path):
    path = put(tmp_path, violations={"naive <= rrs": 2}, examples=({"prompt": 1},))
    expected = replace(FACTS, rows=read_rows(tmp_path).num_rows, violations={"naive <= rrs": 2})
    assert read_facts(path) == replace(expected, examples=({"prompt": 1},))


def test_columns_that_are_missing_or_unknown_are_refused():
    columns = columns_of(2)
    odd = {**columns, "odd": columns["alpha"]}
    del odd["naive"]
    with pytest.raises(InputError, match="columns naive, odd are missing or unknown"):
        tabulate(odd, QUESTIONS, TASKS)


def test_whatever_is_cut_off_is_noticed(tmp_path):
    path = put(tmp_path)
    whole = path.read_bytes()
    for size in (0, 3, 100, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(DataFileError, match=r"block-000002\.parquet is no whole shard"):
            read_facts(path)
        with pytest.raises(DataFileError, match="is no whole shard"):
            read_rows(tmp_path)


def test_parquet_of_another_origin_is_no_shard(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"prompt": [1]}), tmp_path / shard_name(0))
    with pytest.raises(DataFileError, match="is no whole shard"):
        read_facts(tmp_path / shard_name(0))


def test_a_shard_with_other_rows_than_it_promises_is_refused(tmp_path):
    write_shard(tmp_path, replace(FACTS, rows=7), tabulate(columns_of(1), QUESTIONS, TASKS))
    with pytest.raises(DataFileError, match="its footer promises 7"):
        read_facts(tmp_path / shard_name(2))


def test_one_line_for_what_is_not_there(tmp_path):
    with pytest.raises(DataFileError, match="holds no rows; expected a folder that mdsd capture wrote"):
        read_rows(tmp_path / "none")
    with pytest.raises(DataFileError, match=r"cannot be read: .*No such file"):
        read_facts(tmp_path / shard_name(1))
    put(tmp_path)
    with pytest.raises(InputError, match="has no column 'odd'; it has prompt, turn"):
        read_rows(tmp_path, columns=["alpha", "odd"])


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch, call):
    put(tmp_path, 1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        if call == "write":
            patch.setattr(storage.Path, "open", lambda *a, **k: open("/dev/full", "wb"))  # noqa: PTH123, SIM115
        else:
            patch.setattr(storage.os if call == "fsync" else storage.Path, call, full)
        with pytest.raises(
            DataFileError, match=r"block-000002\.parquet cannot be written: No space left"
        ):
            put(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_too_large_for_the_system_is_one_line(tmp_path):
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from mdsd_theory.capture.storage import write\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "write(Path(sys.argv[1]), bytes(5000))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "x"], capture_output=True, text=True)
    assert "DataFileError" in done.stderr.splitlines()[-1]
    assert "cannot be written: File too large" in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_only_shards_count_as_shards(tmp_path):
    put(tmp_path)
    for name in (
        f".{shard_name(3)}.abc.tmp",
        "block-x.parquet",
        "block-000003.parquet.old",
        "rows.parquet",
    ):
        (tmp_path / name).write_text("")
    assert shards(tmp_path) == [Path(tmp_path / shard_name(2))]
