"""Prompts from files and data sets."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import pytest

from mdsd_theory.capture.prompts import ALPACA, MT_BENCH, load_prompts
from mdsd_theory.errors import DataFileError, InputError, MissingDependencyError


def file_of(folder, *lines):
    path = folder / "prompts.jsonl"
    text = "\n".join(x if isinstance(x, str) else json.dumps(x, ensure_ascii=False) for x in lines)
    path.write_text(text, encoding="utf-8")
    return path


def test_three_kinds_of_lines_and_blank_ones(tmp_path):
    path = file_of(
        tmp_path,
        {"prompt": "Hallo, 世界\u2028!"},
        "",
        {"turns": ["a", "b"], "category": "writing"},
        "   ",
        {"instruction": "Sort {these}.", "input": "b {a}"},
        {"instruction": "Sing.", "input": ""},
        {"prompt": "x", "task": "math", "category": "math"},
    )
    prompts = load_prompts(path)
    assert [x.number for x in prompts] == [0, 1, 2, 3, 4]
    assert [x.task for x in prompts] == ["", "chat", "instructions", "instructions", "math"]
    assert prompts[0].turns == ("Hallo, 世界\u2028!",)
    assert prompts[1].turns == ("a", "b")
    assert (
        prompts[2]
        .turns[0]
        .endswith("### Instruction:\nSort {these}.\n\n### Input:\nb {a}\n\n### Response:")
    )
    assert prompts[3].turns == (ALPACA.replace("{instruction}", "Sing."),)


def test_categories_of_spec_bench(tmp_path):
    kinds = ("translation", "summarization", "qa", "math_reasoning", "rag", *MT_BENCH)
    path = file_of(tmp_path, *({"turns": ["x"], "category": kind} for kind in kinds))
    assert [x.task for x in load_prompts(path)] == [*kinds[:5], *["chat"] * 8]


def test_limit_takes_the_first_of_the_tasks_asked_for_and_numbers_stay(tmp_path):
    path = file_of(
        tmp_path, *({"prompt": f"p{i}", "task": "even" if i % 2 == 0 else "odd"} for i in range(9))
    )
    assert [x.number for x in load_prompts(path, limit=3)] == [0, 1, 2]
    assert [x.number for x in load_prompts(path, limit=3, tasks=["odd"])] == [1, 3, 5]
    assert len(load_prompts(path, limit=100)) == 9
    with pytest.raises(InputError, match=r"no prompts of the tasks \['chat'\]; it has .*'even', 'odd'"):
        load_prompts(path, tasks=["chat"])
    with pytest.raises(InputError, match="limit of 0"):
        load_prompts(path, limit=0)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"prompt": ', "not a line of JSON"),
        ("[1]", "got list"),
        ('{"text": "x"}', r"got keys \['text'\]; expected 'prompt'"),
        ('{"prompt": 3}', "got 3; expected a text"),
        ('{"prompt": "  "}', "not blank"),
        ('{"prompt": ["a"]}', "expected a text"),
        ('{"turns": "a"}', "expected a list"),
        ('{"turns": []}', "expected a list"),
        ('{"turns": ["a", null]}', "got None"),
        ('{"instruction": 1}', "got 1"),
        ('{"instruction": "a", "input": [1]}', r"got \[1\]"),
        ('{"prompt": "\\ud800"}', "surrogate"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, words):
    path = file_of(tmp_path, {"prompt": "fine"}, "", line)
    with pytest.raises(DataFileError, match=rf"prompts\.jsonl, line 3: .*{words}"):
        load_prompts(path)


def test_bytes_that_are_not_utf8_are_named_by_line(tmp_path):
    path = tmp_path / "latin.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"prompt": "a"}\r\n{"prompt": "\xe4"}\n')
    assert load_prompts(path, limit=1)[0].turns == ("a",)
    with pytest.raises(DataFileError, match=r"line 2: .*UTF-8"):
        load_prompts(path)


def test_missing_and_empty_files(tmp_path):
    with pytest.raises(DataFileError, match=r"cannot read .*none\.jsonl: No such file"):
        load_prompts(tmp_path / "none.jsonl")
    with pytest.raises(DataFileError, match="directory"):
        load_prompts(tmp_path)
    with pytest.raises(InputError, match="has no prompts"):
        load_prompts(file_of(tmp_path, "", "  "))


@pytest.fixture
def stub(monkeypatch):
    """A ``datasets`` whose rows a test sets, and that keeps what it was asked for."""
    module = ModuleType("datasets")
    module.asked, module.rows = [], []

    def load_dataset(path, name=None, *, split):
        module.asked.append((path, name, split))
        if isinstance(module.rows, Exception):
            raise module.rows
        return module.rows

    module.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", module)
    return module


def test_sets_of_the_paper(stub):
    stub.rows = [{"translation": {"de": "Guten Tag", "en": "Good day"}}] * 3
    prompts = load_prompts("hf:wmt14-de-en", limit=2)
    assert [x.turns for x in prompts] == [("Translate German to English: Guten Tag",)] * 2
    assert prompts[0].task == "translation"
    stub.rows = [{"article": "Long.", "highlights": "Short."}]
    assert load_prompts("hf:cnn_dailymail")[0].turns == ("Summarize: Long.",)
    stub.rows = [{"instruction": "Sing.", "input": "", "output": "La", "text": ""}]
    assert load_prompts("hf:alpaca")[0].turns == (ALPACA.replace("{instruction}", "Sing."),)
    assert stub.asked == [
        ("wmt/wmt14", "de-en", "test"),
        ("abisee/cnn_dailymail", "3.0.0", "test"),
        ("tatsu-lab/alpaca", None, "train"),
    ]


def test_split_and_column(stub):
    stub.rows = [{"text": "one", "prompt": "two"}]
    assert load_prompts("hf:a/b:test:text")[0].turns == ("one",)
    assert load_prompts("hf:a/b")[0].turns == ("two",)
    assert stub.asked == [("a/b", None, "test"), ("a/b", None, "train")]
    with pytest.raises(InputError, match=r"row 0: got columns \['prompt', 'text'\]; expected 'body'"):
        load_prompts("hf:a/b:train:body")


@pytest.mark.parametrize("spec", ["hf:", "hf:a:b:c:d", "hf:alpaca:test"])
def test_names_that_say_nothing(spec):
    with pytest.raises(InputError, match=r"expected hf:alpaca, .*hf:NAME\[:SPLIT"):
        load_prompts(spec)


def test_offline_is_one_clear_line(stub):
    stub.rows = ConnectionError("Couldn't reach\n the Hub (offline)")
    with pytest.raises(
        DataFileError, match=r"^hf:alpaca: tatsu-lab/alpaca .*Couldn't reach the Hub.*JSON-lines"
    ):
        load_prompts("hf:alpaca")


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingDependencyError, match=r"mdsd-theory\[datasets\]"):
        load_prompts("hf:alpaca")


def test_a_folder_through_the_real_package(tmp_path, monkeypatch):
    pytest.importorskip("datasets")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "data"
    folder.mkdir()
    rows = [{"prompt": f"Ünï {i}", "task": "t"} for i in range(3)]
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert [x.turns for x in load_prompts(f"hf:{folder}", limit=2)] == [("Ünï 0",), ("Ünï 1",)]
    assert load_prompts(f"hf:{folder}:train:task")[2].turns == ("t",)
    with pytest.raises(DataFileError, match="split 'test'"):
        load_prompts(f"hf:{folder}:test")
