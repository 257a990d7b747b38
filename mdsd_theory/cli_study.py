"""The commands ``mdsd table`` and ``mdsd figure``: what captures say. No mathematics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mdsd_theory.cli_commands import app

Folders = Annotated[list[str], typer.Argument(metavar="OUT...", help="Folders of mdsd capture.")]
Temperature = Annotated[float, typer.Option(help="The temperature that is shown.")]
Shown = Annotated[int, typer.Option("--n", help="The number of drafts that is shown.")]
Tasks = Annotated[str | None, typer.Option(help="Only these tasks, with commas between.")]


T, N = 0.7, 3
"""The temperature and the number of drafts that are shown when none is named."""


@app.command()
def table(
    out: Folders,
    temperature: Annotated[
        float | None, typer.Option(help=f"The temperature that is shown: {T:g}; of findings, all.")
    ] = None,
    n: Annotated[
        int | None,
        typer.Option("--n", help=f"The number of drafts that is shown: {N}; of findings, all."),
    ] = None,
    tasks: Tasks = None,
    form: Annotated[
        str, typer.Option("--format", help="terminal, markdown, latex, html, csv or json.")
    ] = "terminal",
    findings: Annotated[
        bool, typer.Option("--findings", help="What the rows say of the paper's claims, as Markdown.")
    ] = False,
    output: Annotated[str | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
) -> None:
    """Show α* and every verifier's rate by pair and task, or what they say of the paper's claims."""
    from mdsd_theory.errors import InputError
    from mdsd_theory.study.renderings import WRITERS, terminal
    from mdsd_theory.study.rows import read
    from mdsd_theory.study.table import table as table_of

    if form not in ("terminal", *WRITERS):
        raise InputError(f"--format is {form!r}; expected terminal, {', '.join(WRITERS)}")
    if findings:
        _findings(out, temperature, n, tasks, form, output)
        return
    shown = (T if temperature is None else temperature, N if n is None else n)
    found = table_of(read(out), *shown, _names(tasks))
    if form == "terminal" and output is None:
        from mdsd_theory.tables import console

        console().print(terminal(found))
    else:
        _put(WRITERS["markdown" if form == "terminal" else form](found), output)


def _findings(
    out: list[str], temperature: float | None, n: int | None, tasks: str | None, form: str, to: str | None
) -> None:
    from mdsd_theory.errors import InputError
    from mdsd_theory.study.findings import about, findings_page
    from mdsd_theory.study.findings import findings as findings_of
    from mdsd_theory.study.rows import read, sample_of, select

    if form not in ("terminal", "markdown"):
        raise InputError(f"--format is {form!r}; findings are Markdown only")
    whole = read(out)
    frame = select(whole, temperature, n, _names(tasks))
    caption = about(frame, sample_of(whole))
    shown = (T if temperature is None else temperature, N if n is None else n)
    page = findings_page(findings_of(frame), *shown, caption)
    _put(page, to)


@app.command()
def figure(
    out: Folders,
    output: Annotated[str, typer.Option("--output", "-o", help="Folder to write to.")],
    kind: Annotated[
        str, typer.Option(help="temperature, drafts, gaps, entropy, greedy, tasks or all.")
    ] = "all",
    temperature: Temperature = T,
    n: Shown = N,
    tasks: Tasks = None,
) -> None:
    """Draw captures: each kind as .svg and .png."""
    from mdsd_theory.study.figures import FIGURES, draw
    from mdsd_theory.study.rows import read

    paths = draw(read(out), kind, Path(output), temperature, n, _names(tasks))
    for path in paths:
        typer.echo(str(path))
    for name in FIGURES if kind == "all" else ():
        if name not in {path.stem for path in paths}:
            typer.echo(f"{name}: left out; --kind {name} tells why", err=True)


def _names(option: str | None) -> list[str] | None:
    return None if option is None else [name.strip() for name in option.split(",")]


def _put(text: str, output: str | None) -> None:
    from mdsd_theory.errors import DataFileError

    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataFileError(f"cannot write {output}: {error.strerror}") from None
