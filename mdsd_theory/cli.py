"""The command ``mdsd``: thin, no mathematics."""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="mdsd",
    help="Optimal multi-draft speculative decoding: bounds, verifiers, certificates.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(value: bool) -> None:
    if value:
        from mdsd_theory import __version__

        typer.echo(f"mdsd-theory {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Optimal multi-draft speculative decoding: bounds, verifiers, certificates."""


Drafts = Annotated[int, typer.Option("--n", help="Number of drafts at the position.")]
Scheme = Annotated[str, typer.Option(help="Draft scheme, or 'all'.")]
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
    scheme: Scheme = "all",
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
    from mdsd_theory.files import load_alike

    arrays = load_alike(p, q)
    target, draft = (
        _as_probabilities(x, name, logits, temperature) for x, name in zip(arrays, (p, q), strict=True)
    )
    comparison = compare_distributions(target, draft, n=n, scheme=scheme, verifiers=verifier, route=route)
    if as_json:
        typer.echo(comparison.to_json())
    else:
        _print(comparison)


def _as_probabilities(x: Any, name: str, logits: bool | None, temperature: float) -> Any:
    """Turn logits into probabilities; without a flag, negative entries or a wrong sum mean logits."""
    from mdsd_theory.distributions import looks_like_probabilities
    from mdsd_theory.errors import InputError
    from mdsd_theory.logits import from_logits

    if logits is None:
        logits = not looks_like_probabilities(x)
        kind = f"logits (temperature {temperature:g})" if logits else "probabilities"
        typer.echo(f"{name}: read as {kind}", err=True)
    if logits:
        return from_logits(x, temperature=temperature)
    if temperature != 1.0:
        raise InputError(f"--temperature goes with logits, and {name} holds probabilities")
    return x


@app.command()
def verify(
    instances: Annotated[int, typer.Option(min=1, help="Random instances to try.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the instances.")] = 0,
    largest: Annotated[int, typer.Option(min=2, max=10, help="Largest vocabulary.")] = 6,
    tolerance: Annotated[float, typer.Option(help="Allowed difference.")] = 1e-9,
    as_json: Json = False,
) -> None:
    """Solve random instances by every route; exit 1 and print the instance if two disagree."""
    from rich.progress import track

    from mdsd_theory.agreement import check_agreement, random_instances
    from mdsd_theory.tables import console

    worst: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    todo = random_instances(instances, seed, largest)
    for instance in track(
        todo, total=instances, description="verifying", console=console(stderr=True), transient=True
    ):
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


def _print_agreement(instances: int, seed: int, counts: dict[str, int], worst: dict[str, float]) -> None:
    from rich.table import Table

    from mdsd_theory.agreement import missing_routes

    table = Table(
        title=f"{instances} instances of six kinds, seed {seed}: all routes agree",
        title_justify="left",
    )
    table.add_column("route")
    table.add_column("instances", justify="right")
    table.add_column("largest |value − exact|", justify="right")
    for route, difference in worst.items():
        table.add_row(route, str(counts[route]), f"{difference:.1e}")
    _print(table)
    for route in missing_routes():
        typer.echo(f"{route}: skipped, not installed (pip install 'mdsd-theory[{route}]')")


def _print(renderable: Any) -> None:
    from mdsd_theory.tables import console

    console().print(renderable)


def main() -> None:
    """Run the command; a mistake gives one line on standard error and exit code 2."""
    from mdsd_theory.errors import MdsdError

    try:
        code = app(standalone_mode=False)
    except MdsdError as error:
        _fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("mdsd: interrupted", err=True)
        raise SystemExit(130) from None
    except Exception as error:
        # typer's usage errors come from click or from typer's own copy of it, by version.
        if not hasattr(error, "format_message"):
            raise
        _fail(error.format_message())
    raise SystemExit(code or 0)


def _fail(message: str) -> None:
    typer.echo(f"mdsd: {' '.join(message.split())}", err=True)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
