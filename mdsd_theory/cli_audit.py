"""The command ``mdsd audit``: is this verifier lossless? No mathematics."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mdsd_theory.cli_commands import Drafts, Json, app


@app.command()
def audit(
    verifier: Annotated[
        str,
        typer.Argument(
            metavar="VERIFIER", help="MODULE:FUNCTION, FILE.py:FUNCTION, or the name of a verifier."
        ),
    ],
    scheme: Annotated[str, typer.Option(help="How the drafts are drawn.")],
    n: Drafts = 3,
    samples: Annotated[int, typer.Option(min=1, help="Tokens to emit in the search.")] = 400_000,
    budget: Annotated[float, typer.Option(help="Seconds after which it winds up.")] = 40.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of instances and generators.")] = 0,
    false_alarm: Annotated[
        float, typer.Option(help="Largest chance of refuting a lossless verifier.")
    ] = 1e-6,
    leaf: Annotated[
        bool, typer.Option("--leaf", help="Also call it with no drafts, for the bonus token.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Test whether a verifier emits the target's law; exit 1 if it is refuted.

    The function is called with p, q, drafts and a numpy.random.Generator, and returns a token.
    """
    from mdsd_theory.auditing import audit as run

    options: dict[str, Any] = {"samples": samples, "budget": budget, "seed": seed, "leaf": leaf}
    target = load(verifier)
    with _Guarded(verifier):
        report = run(target, scheme=scheme, n=n, false_alarm=false_alarm, **options)
    if as_json:
        typer.echo(report.to_json())
    else:
        _print(report)
    if report.refuted:
        raise typer.Exit(1)


def load(name: str) -> Any:
    """Return the object that ``module:function`` or ``file.py:function`` names, or the name itself."""
    from mdsd_theory.errors import InputError

    module, colon, attribute = name.rpartition(":")
    if not colon:
        return name
    with _Guarded(name):
        found: Any = _module(module)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise InputError(f"{module} has no attribute {attribute!r}; expected MODULE:FUNCTION")
        found = getattr(found, part)
    return found


def _module(name: str) -> Any:
    from mdsd_theory.errors import DataFileError, InputError

    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    if not name.endswith(".py"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name and name.startswith(error.name):
                raise InputError(
                    f"there is no module {name!r}; for a file write FILE.py:FUNCTION"
                ) from None
            raise
    if not Path(name).is_file():
        raise DataFileError(f"{name} does not exist")
    spec = importlib.util.spec_from_file_location(Path(name).stem, name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(spec.name, module)
    spec.loader.exec_module(module)
    return module


class _Guarded:
    """Turns what the user's own code raises into an error of one line."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        from mdsd_theory.errors import InputError, MdsdError

        if error is None or isinstance(error, MdsdError) or not isinstance(error, Exception):
            return
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        raise InputError(f"{self.name} raised {type(error).__name__}: {error}{notes}") from error


def _print(renderable: Any) -> None:
    from mdsd_theory.tables import console

    console().print(renderable)
