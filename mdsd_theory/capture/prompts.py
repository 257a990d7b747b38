"""Prompts from a JSON-lines file or a data set by name."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from mdsd_theory.capture.datasets_by_name import PREFIX, records
from mdsd_theory.capture.positions import Prompt
from mdsd_theory.errors import DataFileError, InputError

MT_BENCH = ("writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities")

TASKS = dict.fromkeys(MT_BENCH, "chat")
"""Task of a category; another one (Spec-Bench: translation, qa, rag, ...) is a task by its own name."""

ALPACA = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request."
    "\n\n### Instruction:\n{instruction}\n\n### Response:"
)
ALPACA_WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request."
    "\n\n### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:"
)
"""Stanford Alpaca's two prompts, with which its model was trained."""


def load_prompts(
    spec: str | Path, *, limit: int | None = None, tasks: Collection[str] | None = None
) -> list[Prompt]:
    """Return the prompts of a file or a data set, in its order.

    Parameters
    ----------
    spec : str or Path
        A file of JSON lines, each with ``turns`` (list of str), or ``prompt`` (str), or ``instruction``
        and perhaps ``input`` (str; put into Stanford Alpaca's words); and perhaps ``task``, or
        ``category`` as in Spec-Bench, whose eight of MT-Bench are the task ``chat``. Blank lines are
        skipped. Or ``hf:...``, see :func:`mdsd_theory.capture.datasets_by_name.records`.
    limit : int, optional
        The first so many of those that remain, so that a longer run holds a shorter one.
    tasks : collection of str, optional
        Keep these tasks only; a prompt keeps its number.

    Raises
    ------
    DataFileError, InputError, MissingDependencyError
        Naming file and line.
    """
    if limit is not None and limit < 1:
        raise InputError(f"got a limit of {limit} prompts; expected at least 1")
    source = records(str(spec)) if str(spec).startswith(PREFIX) else _lines(Path(spec))
    seen = set()

    def wanted() -> Iterator[Prompt]:
        for number, (where, record) in enumerate(source):
            prompt = _prompt(number, where, record)
            seen.add(prompt.task)
            if tasks is None or prompt.task in tasks:
                yield prompt

    prompts = list(islice(wanted(), limit))
    if not prompts:
        asked = (
            f" of the tasks {sorted(tasks)}; it has the tasks {sorted(seen)}" if tasks is not None else ""
        )
        raise InputError(f"{spec} has no prompts{asked}")
    return prompts


def _lines(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise DataFileError(
            f"cannot read {path}: {error.strerror}; expected JSON lines or hf:NAME"
        ) from None
    with stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                where = f"{path}, line {number}"
                yield where, _parsed(where, line)


def _parsed(where: str, line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8-sig"))
    except ValueError as error:  # of UTF-8 and of JSON
        raise DataFileError(f"{where}: not a line of JSON in UTF-8: {error}") from None


def _prompt(number: int, where: str, record: Any) -> Prompt:
    if not isinstance(record, Mapping):
        raise DataFileError(
            f"{where}: got {type(record).__name__}; expected an object with 'prompt' or 'turns'"
        )
    turns = _turns(where, record)
    if not isinstance(turns, list) or not turns:
        raise DataFileError(f"{where}: got {turns!r} for 'turns'; expected a list of texts")
    for turn in turns:
        _require_text(where, turn)
    return Prompt(number, tuple(turns), _task(record))


def _turns(where: str, record: Mapping[str, Any]) -> Any:
    if "turns" in record:
        return record["turns"]
    if "prompt" in record:
        return [record["prompt"]]
    if "instruction" not in record:
        raise DataFileError(
            f"{where}: got keys {sorted(record)}; expected 'prompt', 'turns' or 'instruction'"
        )
    _require_text(where, record["instruction"])
    if not record.get("input"):
        return [ALPACA.format(instruction=record["instruction"])]
    _require_text(where, record["input"])
    return [ALPACA_WITH_INPUT.format(instruction=record["instruction"], input=record["input"])]


def _require_text(where: str, text: Any) -> None:
    if not isinstance(text, str) or not text.strip():
        raise DataFileError(f"{where}: got {text!r}; expected a text that is not blank")
    if any(
        "\ud800" <= letter <= "\udfff" for letter in text
    ):  # JSON can say it, no tokenizer can read it
        raise DataFileError(f"{where}: got half a surrogate pair; expected whole characters")


def _task(record: Mapping[str, Any]) -> str:
    if record.get("task"):
        return str(record["task"])
    category = str(record.get("category") or ("instructions" if "instruction" in record else ""))
    return TASKS.get(category, category)
