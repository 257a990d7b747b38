"""What the scripts here say at the terminal."""

import typer

from mdsd_theory.errors import MdsdError
from mdsd_theory.tables import console


def say(text: str, stderr: bool = False) -> None:
    """Print a line as it is."""
    console(stderr=stderr).print(text, markup=False, highlight=False, soft_wrap=True)


def run(app: typer.Typer) -> None:
    """Run a script's commands; mistakes that are foreseen end in one line."""
    try:
        app()
    except MdsdError as error:
        say(f"error: {error}", stderr=True)
        raise SystemExit(2) from None
