r"""Measure all that ``results/`` rests on: captures and sweeps of the three small pairs.

::

    python experiments/all_results.py --target $TARGET --alpaca alpaca.jsonl --questions questions.jsonl \
        --out runs

Everything is measured in one process; before each study its first pair is captured once with a few
prompts and thrown away, so that kernels are compiled and libraries loaded when the clock starts. A run
that was cut short goes on where it was.
"""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import run_pair
import terminal
import typer

HERE = Path(__file__).parent

PAIRS = ("smollm2_eagle", "smollm2_student", "smollm2_skip")
"""Files of ``pairs/``."""

WARM_UP = 16
"""Prompts of a warm-up."""

CUTS = ("with_replacement@top100", "with_replacement@top200", "greedy@top100", "greedy@top200")

STUDIES = {
    "captures": {
        "--limit": "1024",
        "--block": "512",
        "--program-share": "0.01",
        "--keep-distributions": "40",
    },
    "temperature": {
        "--limit": "128",
        "--block": "128",
        "--program-share": "0.02",
        "--generate-temperature": "0.7",
        "--temperature": "0.1,0.3,0.5,0.7,0.85,1,1.25,1.5",
        "--schemes": ",".join(("all", *CUTS)),
    },
    "number_of_drafts": {
        "--limit": "96",
        "--block": "96",
        "--program-share": "0.02",
        "--n": "1,2,3,4,6,8",
        "--schemes": ",".join(("all", *CUTS)),
    },
}
"""Options of ``run_pair.py``; only the captures ask the second file too."""

app = typer.Typer(add_completion=False, help=__doc__)

Prompts = Annotated[Path, typer.Option(exists=True, dir_okay=False)]


@app.command()
def measure(
    target: Annotated[str, typer.Option(help="GGUF file, folder or id.")],
    alpaca: Prompts,
    questions: Prompts,
    out: Annotated[Path, typer.Option(help="Gets a folder for each study.")],
    study: Annotated[list[str] | None, typer.Option(help="Only these; may be repeated.")] = None,
) -> None:
    """Measure the studies one after another."""
    for name in study or STUDIES:
        if name not in STUDIES:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(STUDIES)}", param_hint="--study")
        files = (alpaca, questions) if name == "captures" else (alpaca,)
        shutil.rmtree(out / "warm_up", ignore_errors=True)
        for folder, pair, options in runs(name):
            run([pair, "--target", target, "--out", str(out / folder), *of(files), *options])
    shutil.rmtree(out / "warm_up", ignore_errors=True)


def runs(study: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield folder, file of the pair and options of each run of a study, the warm-up first."""
    for folder, pair in [("warm_up", PAIRS[0]), *((study, pair) for pair in PAIRS)]:
        few = {"--limit": str(WARM_UP)} if folder == "warm_up" else {}
        options = (STUDIES[study] | few).items()
        yield folder, str(HERE / "pairs" / f"{pair}.yaml"), [x for item in options for x in item]


def of(files: Sequence[Path]) -> list[str]:
    """Return the options that name files of prompts."""
    return [x for file in files for x in ("--prompts", str(file))]


def run(arguments: Sequence[str]) -> None:
    """Run ``run_pair.py`` here."""
    run_pair.app(list(arguments), standalone_mode=False)


def main() -> None:
    """Run the script."""
    terminal.run(app)


if __name__ == "__main__":
    main()
