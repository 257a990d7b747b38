"""The command ``mdsd capture``: measure a target and a draft on real prompts. No mathematics."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mdsd_theory.cli_commands import app

if TYPE_CHECKING:
    from mdsd_theory.capture.block import Watch
    from mdsd_theory.capture.job import Outcome


class EngineName(StrEnum):
    """Where blocks of prompts are measured."""

    LOCAL = "local"
    RAY = "ray"


@app.command()
def capture(
    target: Annotated[str, typer.Option(help="Hugging Face id, folder, or GGUF file.")],
    draft: Annotated[str, typer.Option(help="Likewise; skip:14-18; or an EAGLE-style head.")],
    prompts: Annotated[str, typer.Option(help="FILE.jsonl with prompt or turns; or hf:NAME.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="Folder of the results.")],
    temperature: Annotated[
        list[str] | None, typer.Option(help="Of both models; several with commas.", show_default="0.7")
    ] = None,
    n: Annotated[
        list[str] | None,
        typer.Option("--n", help="Numbers of drafts; several with commas.", show_default="3"),
    ] = None,
    schemes: Annotated[list[str] | None, typer.Option(help="Draft schemes.", show_default="all")] = None,
    verifiers: Annotated[list[str] | None, typer.Option(help="Verifiers.", show_default="all")] = None,
    generate_temperature: Annotated[
        float | None, typer.Option(min=0, help="Of the responses.", show_default="the first temperature")
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest response.")] = 128,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many prompts.")] = None,
    task: Annotated[list[str] | None, typer.Option(help="Only prompts of these tasks.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the responses, and of what is kept.")] = 0,
    dtype: Annotated[str, typer.Option(help="auto: bfloat16 on CUDA, else float32.")] = "auto",
    device: Annotated[str, typer.Option(help="auto: CUDA where there is one.")] = "auto",
    batch: Annotated[int | None, typer.Option(min=1, help="Most tokens scored at once.")] = None,
    generation_batch: Annotated[
        int | None, typer.Option(min=1, help="Most tokens held at once while generating.")
    ] = None,
    chat_template: Annotated[
        Path | None, typer.Option(help="Jinja file in place of the tokenizer's own.")
    ] = None,
    program_share: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of positions for verifiers that solve a program a row."),
    ] = 1.0,
    keep_distributions: Annotated[
        int, typer.Option(min=0, metavar="K", help="Keep the logits of K positions.")
    ] = 0,
    block: Annotated[int, typer.Option(min=1, help="Prompts of a shard: what a kill costs.")] = 64,
    engine: Annotated[EngineName, typer.Option(help="This process, or Ray Data.")] = EngineName.LOCAL,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Ray actors.", show_default="one a GPU")
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Remove what OUT holds first.")] = False,
) -> None:
    """Let a target answer prompts, and measure α* and every verifier at every position of the answers.

    OUT gets Parquet shards and a manifest. Killed at any point, the same command goes on where it was.
    """
    from mdsd_theory.capture.block import Plan
    from mdsd_theory.capture.job import capture as run
    from mdsd_theory.capture.prompts import load_prompts
    from mdsd_theory.capture.stages import ModelRecipe

    asked = _questions(temperature, n, schemes, verifiers)
    first = asked.temperatures[0] if generate_temperature is None else generate_temperature
    recipe = ModelRecipe(
        target=target,
        draft=draft,
        questions=asked,
        temperature=first,
        max_tokens=max_tokens,
        seed=seed,
        dtype=dtype,
        device=device,
        program_share=program_share,
        batch=batch,
        generation_batch=generation_batch,
        chat_template=None if chat_template is None else _text(chat_template),
    )
    found = load_prompts(prompts, limit=limit, tasks=_names(task) if task else None)
    with _shown(len(found)) as watch:
        outcome = run(
            Plan(output, asked, keep=keep_distributions, seed=seed),
            recipe,
            found,
            recipe.settings(),
            block=block,
            engine=_engine(engine, workers),
            facts={"command": shlex.join(["mdsd", *sys.argv[1:]]), "engine": str(engine)},
            restart=restart,
            watch=watch,
        )
    _print(output, outcome)


def _questions(
    temperature: list[str] | None,
    n: list[str] | None,
    schemes: list[str] | None,
    verifiers: list[str] | None,
) -> Any:
    from mdsd_theory.capture.measures_columns import cells_of
    from mdsd_theory.capture.positions import Questions
    from mdsd_theory.errors import InputError

    questions = Questions(
        temperatures=_numbers("--temperature", temperature or ["0.7"], float),
        drafts=_numbers("--n", n or ["3"], int),
        schemes=_names(schemes or ["all"]),
        verifiers=_names(verifiers or ["all"]),
    )
    bad = [x for x in questions.temperatures if not 0 <= x < float("inf")]
    if bad:
        raise InputError(f"--temperature is {bad[0]}; expected finite numbers >= 0")
    cells_of(questions)  # names and numbers are refused before any model is loaded
    return questions


def _text(path: Path) -> str:
    from mdsd_theory.errors import DataFileError

    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataFileError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataFileError(f"{path} is no text; expected a Jinja template") from None


def _names(options: list[str]) -> tuple[str, ...]:
    """Return the values of a repeated option, each of which may list several with commas, once each."""
    names = (name.strip() for option in options for name in option.split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def _numbers(option: str, options: list[str], kind: Callable[[str], Any]) -> tuple[Any, ...]:
    from mdsd_theory.errors import InputError

    try:
        found = tuple(dict.fromkeys(kind(name) for name in _names(options)))
    except ValueError:
        found = ()
    if not found:
        what = "whole numbers" if kind is int else "numbers"
        raise InputError(f"{option} is {', '.join(options)!r}; expected {what}, separated by commas")
    return found


def _engine(name: EngineName, workers: int | None) -> Any:
    from mdsd_theory.errors import InputError

    if name is EngineName.RAY:
        from mdsd_theory.capture.ray_engine import RayEngine

        return RayEngine(workers)
    if workers is not None:
        raise InputError("--workers goes with --engine ray")
    return None


@contextmanager
def _shown(prompts: int) -> Iterator[Watch]:
    """Show progress on a terminal: prompts done, positions, positions per second."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from mdsd_theory.tables import console

    where = console(stderr=True)
    if not where.is_terminal:
        # Bars of libraries that load models fill a log.
        os.environ.setdefault("TQDM_DISABLE", "1")
    columns = (
        TextColumn("prompts"),
        BarColumn(20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[positions]:,} positions, {task.fields[speed]:,.0f}/s"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=where, transient=True, disable=not where.is_terminal) as bar:
        task = bar.add_task("", total=prompts, positions=0, speed=0.0)

        def watch(done: int, positions: int) -> None:
            now = bar.tasks[task]
            so_far = now.fields["positions"] + positions
            speed = so_far / (now.elapsed or 1.0)
            bar.update(task, advance=done, positions=so_far, speed=speed)

        yield watch


def _print(out: Path, outcome: Outcome) -> None:
    from mdsd_theory.capture.summary import lines
    from mdsd_theory.tables import console

    for line in lines(out, outcome):
        console().print(line, markup=False, highlight=False, soft_wrap=True)
