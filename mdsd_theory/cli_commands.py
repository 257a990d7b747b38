"""The commands of ``mdsd``: thin, no mathematics."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from mdsd_theory.agreement import Instance

app = typer.Typer(
    name="mdsd",
    help="Optimal multi-draft speculative decoding: bounds, verifiers, certificates.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(value: bool) -> None:
    if value:
        from mdsd_theory import __version__

        typer.echo(f"mdsd-theory {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Optimal multi-draft speculative decoding: bounds, verifiers, certificates."""
    if context.invoked_subcommand is None and (text := context.get_help()):
        # With rich, get_help prints by itself and returns nothing.
        typer.echo(text)


Drafts = Annotated[int, typer.Option("--n", help="Number of drafts at the position.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command()
def demo(
    n: Drafts = 3,
    temperature: Annotated[float, typer.Option(help="Applied to both models.")] = 0.7,
    position: Annotated[int, typer.Option(help="Position to show with its tokens.")] = 0,
    as_json: Json = False,
) -> None:
    """Compare all schemes on real next-token distributions that ship with the package."""
    from mdsd_theory.compare import compare
    from mdsd_theory.demo_data import load_demo_data
    from mdsd_theory.demo_view import show_demo
    from mdsd_theory.errors import InputError

    data = load_demo_data(temperature)
    if not 0 <= position < data.p.shape[0]:
        raise InputError(f"position is {position}; expected 0 to {data.p.shape[0] - 1}")
    comparison = compare(data.p, data.q, n=n, scheme="all")
    if as_json:
        typer.echo(comparison.to_json())
        return
    single = compare(data.p[position], data.q[position], n=n, scheme="all")
    show_demo(data, comparison, single, position)


@app.command()
def compare(
    p: Annotated[str, typer.Argument(metavar="P", help="Target: FILE, or FILE:KEY.")],
    q: Annotated[str, typer.Argument(metavar="Q", help="Draft: FILE, or FILE:KEY.")],
    n: Drafts = 3,
    scheme: Annotated[
        list[str] | None,
        typer.Option(help="Draft scheme, or 'all'; may be repeated.", show_default="all"),
    ] = None,
    verifier: Annotated[
        list[str] | None, typer.Option(help="Only these verifiers; may be repeated.")
    ] = None,
    route: Annotated[str, typer.Option(help="Route to α*.")] = "auto",
    logits: Annotated[
        bool | None,
        typer.Option("--logits/--probabilities", help="What the files hold; else it is told by sight."),
    ] = None,
    temperature: Annotated[float, typer.Option(help="Applied to logits.")] = 1.0,
    as_json: Json = False,
) -> None:
    """Compare α* with the verifiers on two files (.npy, .npz, .safetensors, .pt)."""
    from mdsd_theory.compare import compare as compare_distributions
    from mdsd_theory.files import read_distributions

    target, draft = read_distributions(p, q, logits=logits, temperature=temperature)
    schemes, verifiers = _schemes(scheme), _names(verifier) if verifier else None
    comparison = compare_distributions(
        target.x, draft.x, n=n, scheme=schemes, verifiers=verifiers, route=route
    )
    if as_json:
        typer.echo(comparison.to_json())
    else:
        _print(comparison)
    if logits is None:
        for name, held in ((p, target), (q, draft)):
            typer.echo(f"{name}: read as {held.kind}", err=True)


def _names(options: list[str]) -> list[str]:
    """Return the names of a repeated option, each of which may list several with commas."""
    return [name.strip() for option in options for name in option.split(",")]


def _schemes(options: list[str] | None) -> str | list[str]:
    from mdsd_theory.errors import InputError

    names = _names(options or ["all"])
    if "all" not in names:
        return names
    if len(names) > 1:
        raise InputError(f"--scheme all stands alone; got {', '.join(names)}")
    return "all"


@app.command()
def verify(
    instances: Annotated[int, typer.Option(min=1, help="Random instances to try.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the instances.")] = 0,
    largest: Annotated[int, typer.Option(min=2, max=10, help="Largest vocabulary.")] = 6,
    tolerance: Annotated[float, typer.Option(help="Allowed difference.")] = 1e-9,
    as_json: Json = False,
) -> None:
    """Solve random instances by every route; exit 1 and print the instance if two disagree."""
    from mdsd_theory.agreement import check_agreement, random_instances
    from mdsd_theory.errors import InputError

    if not 0 < tolerance < math.inf:
        raise InputError(f"tolerance is {tolerance}; expected a finite number > 0")
    worst: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    for instance in _tracked(random_instances(instances, seed, largest), instances):
        report = check_agreement(instance, tolerance)
        if report.violations:
            typer.echo(f"routes disagree\n{instance}", err=True)
            for violation in report.violations:
                typer.echo(f"  {violation}", err=True)
            raise typer.Exit(1)
        for route, difference in report.differences.items():
            worst[route] = max(worst[route], difference)
            counts[route] += 1
    if as_json:
        typer.echo(json.dumps({"instances": instances, "seed": seed, "largest_difference": worst}))
        return
    _print_agreement(instances, seed, counts, worst)


def _tracked(todo: Iterable[Instance], total: int) -> Iterable[Instance]:
    """Show progress on a terminal; elsewhere rich would write an empty line."""
    from rich.progress import track

    from mdsd_theory.tables import console

    where = console(stderr=True)
    if not where.is_terminal:
        return todo
    return track(todo, total=total, description="verifying", console=where, transient=True)


def _print_agreement(instances: int, seed: int, counts: dict[str, int], worst: dict[str, float]) -> None:
    from rich.table import Table

    from mdsd_theory.agreement import missing_routes

    table = Table(
        title=f"{instances} instances of six kinds, seed {seed}: all routes agree",
        title_justify="left",
    )
    table.add_column("route", overflow="fold")
    table.add_column("instances", justify="right", overflow="fold")
    table.add_column("largest |value − exact|", justify="right", overflow="fold", min_width=7)
    for route, difference in worst.items():
        table.add_row(route, str(counts[route]), f"{difference:.1e}")
    _print(table)
    for route in missing_routes():
        typer.echo(f"{route}: skipped, not installed (pip install 'mdsd-theory[{route}]')")


def _print(renderable: Any) -> None:
    from mdsd_theory.tables import console

    console().print(renderable)
