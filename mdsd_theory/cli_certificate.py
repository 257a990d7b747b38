"""The commands ``mdsd certify`` and ``mdsd check-certificate``. No mathematics."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from mdsd_theory.cli_commands import Drafts, app

NUMBER = re.compile(r"\s*[0-9]+(?:\.[0-9]+|\s*/\s*[0-9]+)?\s*")


@app.command()
def certify(
    p: Annotated[str, typer.Argument(metavar="P", help="Target: 1/2,1/3,1/6, or FILE, or FILE:KEY.")],
    q: Annotated[
        str,
        typer.Argument(metavar="Q", help="Draft, likewise; several drafters are joined by semicolons."),
    ],
    n: Drafts = 3,
    scheme: Annotated[str, typer.Option(help="How the drafts are drawn.")] = "without_replacement",
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.")
    ] = None,
    rigorous: Annotated[
        bool, typer.Option("--rigorous", help="Any vocabulary: bounds in balls, printed, not written.")
    ] = False,
) -> None:
    """Prove α* of a small instance in fractions; write the proof to a file, or print it.

    A .json file holds fractions as strings, laid out as p and q are in a certificate; the other files
    (.npy, .npz, .safetensors, .pt) hold probabilities.
    """
    from mdsd_theory.certify import certify as prove
    from mdsd_theory.errors import InputError

    if rigorous:
        if output is not None:
            raise InputError("--rigorous writes no certificate; leave out --output, or --rigorous")
        typer.echo(prove(_distribution(p), _draft(q, scheme), n=n, scheme=scheme, rigorous=True))
        return
    certificate = prove(_distribution(p), _draft(q, scheme), n=n, scheme=scheme)
    if output is None:
        typer.echo(certificate.to_json())
        return
    certificate.save(output)
    typer.echo(f"{certificate}\n{output}: written; mdsd check-certificate verifies it")


@app.command("check-certificate")
def check_certificate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A certificate, of any origin.")],
) -> None:
    """Verify a certificate with nothing but integer arithmetic; exit 1 if it proves nothing."""
    from mdsd_theory.check_certificate import BYTES, RefusedError, check
    from mdsd_theory.errors import DataFileError

    try:
        with Path(file).open("rb") as opened:
            statement, _ = check(opened.read(BYTES + 1))
    except OSError as error:
        raise DataFileError(f"{file} cannot be read: {error.strerror}") from None
    except (RefusedError, MemoryError) as error:
        name = " ".join(file.split())
        typer.echo(f"mdsd: {name} is refused: {error or 'out of memory'}", err=True)
        raise typer.Exit(1) from None
    typer.echo(statement)


def _draft(text: str, scheme: str) -> Any:
    """Return q: a distribution, a list of drafters, or a mapping over tuples."""
    from mdsd_theory.errors import InputError

    if ";" in text and not Path(text).exists():
        return [_distribution(part) for part in text.split(";")]
    q = _distribution(text)
    if scheme != "joint":
        return q
    try:
        law = {tuple(drafts): weight for drafts, weight in q}
    except (TypeError, ValueError):
        raise InputError(
            f'{text} holds no law over tuples of drafts; expected a .json file of [[[0, 1], "1/2"], ...]'
        ) from None
    if len(law) != len(q):
        raise InputError(f"{text} has a tuple of drafts twice")
    return law


def _distribution(text: str) -> Any:
    """Return the numbers of a literal such as 1/2,1/3,1/6, or what a file holds."""
    from mdsd_theory.errors import InputError
    from mdsd_theory.files import load_array

    entries = text.split(",")
    if all(NUMBER.fullmatch(entry) for entry in entries):
        return [entry.replace(" ", "") for entry in entries]
    if Path(text).suffix.lower() == ".json":
        return _json(Path(text))
    if "," in text and not Path(text).exists():
        raise InputError(f"{text!r} is no list of fractions such as 1/2,1/3,1/6")
    return load_array(text)


def _json(path: Path) -> Any:
    """Return what a JSON file holds; decimals become strings, so that they stay exact."""
    from mdsd_theory.errors import DataFileError

    try:
        found = json.loads(path.read_bytes(), parse_float=str)
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise DataFileError(f"{path} is no JSON: {error}") from None
    if not isinstance(found, list):
        raise DataFileError(f'{path} holds no list; expected one of fractions such as "1/3"')
    return found
