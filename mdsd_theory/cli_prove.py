"""The command ``mdsd prove``: list the theorems and run their checks. No mathematics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from mdsd_theory.cli_commands import Json, app
from mdsd_theory.proving.levels import Level

if TYPE_CHECKING:
    from mdsd_theory.proving.pages import Page
    from mdsd_theory.proving.run import Outcome


@app.command()
def prove(
    theorems: Annotated[
        list[int] | None, typer.Argument(metavar="[N]...", help="Theorems; all of them if left out.")
    ] = None,
    level: Annotated[
        Level, typer.Option(help="How hard to try: a minute, ten minutes, or long.")
    ] = Level.QUICK,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random instances.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Theorems checked at the same time.")] = 2,
    only_list: Annotated[bool, typer.Option("--list", help="List the theorems, check none.")] = False,
    read: Annotated[bool, typer.Option("--read", help="Show the pages, check none.")] = False,
    each_claim: Annotated[
        bool, typer.Option("--claims", help="One row a claim; so it is for a single theorem.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check the theorems of this field numerically; exit 1 if one is refuted.

    Every theorem has a page with its proof in the folder proofs/ and, beside it, the check that is run.
    """
    from mdsd_theory.proving.pages import page, pages

    chosen = [page(number) for number in dict.fromkeys(theorems)] if theorems else pages()
    if only_list or read:
        _show(chosen, read)
        return
    from mdsd_theory.proving.symbolic import require_all

    require_all()
    outcomes = sorted(_watched(chosen, level, seed, jobs), key=lambda outcome: outcome.page.number)
    if as_json:
        from mdsd_theory.proving.view import as_data

        report = {"level": str(level), "seed": seed, "theorems": [as_data(x) for x in outcomes]}
        typer.echo(json.dumps(report, ensure_ascii=False, indent=1))
    else:
        _print(outcomes, level, seed, each_claim or len(chosen) == 1)
    if any(outcome.error or outcome.evidence.verdict == "refuted" for outcome in outcomes):
        raise typer.Exit(1)


def _show(chosen: list[Page], read: bool) -> None:
    from rich.markdown import Markdown

    from mdsd_theory.proving.view import contents
    from mdsd_theory.tables import console

    if not read:
        console().print(contents(chosen))
        return
    for text in (text for each in chosen for text in each.texts):
        console().print(Markdown(text))


def _watched(chosen: list[Page], level: Level, seed: int, jobs: int) -> Iterator[Outcome]:
    """Run the checks behind a progress bar; rich shows none where there is no terminal."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from mdsd_theory.proving.run import run
    from mdsd_theory.tables import console

    where = console(stderr=True)
    columns = (BarColumn(20), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=where, transient=True, disable=not where.is_terminal) as bar:
        whole = bar.add_task(f"{len(chosen)} theorems", total=len(chosen))
        tasks = {each.number: bar.add_task("", visible=False) for each in chosen}

        def watch(number: int, claim: str, done: int, total: int | None) -> None:
            counted = f" ({done:,} of {total:,})" if total else ""
            description = f"{number}. {claim}{counted}"
            bar.update(tasks[number], description=description, completed=done, total=total, visible=True)

        for outcome in run(chosen, level, seed, jobs, watch):
            bar.update(tasks[outcome.page.number], visible=False)
            bar.advance(whole)
            yield outcome


def _print(outcomes: list[Outcome], level: Level, seed: int, each_claim: bool) -> None:
    from mdsd_theory.proving.view import claims, remarks, summary
    from mdsd_theory.tables import console

    out = console()
    if each_claim:
        for outcome in outcomes:
            out.print(claims(outcome))
    else:
        out.print(summary(outcomes, f"level {level}, seed {seed}"))
    for outcome in outcomes:
        for line in remarks(outcome):
            out.print(line, markup=False, highlight=False)
