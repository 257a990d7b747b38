r"""Capture a pair of models on its tasks: ``mdsd capture`` once for each, with the pair's settings.

::

    python experiments/run_pair.py experiments/pairs/smollm2_skip.yaml --out runs --limit 1024
    python experiments/run_pair.py experiments/pairs/smollm2_skip.yaml --out runs \
        --target SmolLM2-135M-Instruct.Q4_1.gguf --prompts FILE.jsonl --keep-distributions 300

Without ``--prompts`` the tasks are the data sets that the pair names. The rows of a task are in
``runs/<name of the pair's file>/<task or name of the prompts' file>``, for ``mdsd table`` and
``mdsd figure``. Options that are not listed go to ``mdsd capture`` as they stand; a run that was cut
short goes on where it was.
"""

import gc
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import terminal
import typer

from mdsd_theory import cli
from mdsd_theory.capture.datasets_by_name import PREFIX
from mdsd_theory.capture.prompts import load_prompts
from mdsd_theory.errors import DataFileError, InputError
from mdsd_theory.models.checkpoint import require_found
from mdsd_theory.models.packages import require
from mdsd_theory.models.pairs import Pair, read_pair
from mdsd_theory.models.skipped import PREFIX as SKIP

PAPER = 1024
"""Samples of each task of Hu et al. (2025)."""

app = typer.Typer(add_completion=False, help=__doc__)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run_pair(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="PAIR.yaml")],
    out: Annotated[Path, typer.Option(help="Folder that gets a folder for the pair.")],
    prompts: Annotated[
        list[str] | None, typer.Option(help="FILE.jsonl or hf:NAME in place of the pair's; repeatable.")
    ] = None,
    task: Annotated[
        list[str] | None, typer.Option(help="Only these tasks: of the pair, or in --prompts; repeatable.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most prompts of a task.")] = PAPER,
    target: Annotated[str | None, typer.Option(help="In place of the pair's.")] = None,
    draft: Annotated[str | None, typer.Option(help="In place of the pair's.")] = None,
    temperature: Annotated[str | None, typer.Option(help="In place of the pair's; with commas.")] = None,
    n: Annotated[str | None, typer.Option("--n", help="In place of the pair's; with commas.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="In place of the pair's.")] = None,
    dtype: Annotated[str | None, typer.Option(help="In place of the pair's.")] = None,
) -> None:
    """Capture a pair on its tasks; options that are not listed go to mdsd capture as they stand."""
    pair = read_pair(file)
    pair = replace(pair, target=target or pair.target, draft=draft or pair.draft)
    sources = sources_of(pair, prompts, task)
    for side, spec in (("target", pair.target), ("draft", pair.draft)):
        require_had(side, spec)
    for spec in sources.values():
        load_prompts(spec, limit=1)
    settings = {
        "--target": pair.target,
        "--draft": pair.draft,
        "--temperature": temperature or listed(pair.temperature),
        "--n": n or listed(pair.n),
        "--max-tokens": str(max_tokens or pair.max_tokens),
        "--dtype": dtype or pair.dtype,
        "--limit": str(limit),
    }
    if pair.chat_template:
        settings["--chat-template"] = pair.chat_template
    chosen = [x for name in task or () for x in ("--task", name)] if prompts else []
    for name, spec in sources.items():
        folder = out / file.stem / name
        terminal.say(f"{pair.name}: {spec} to {folder}", stderr=True)
        options = settings | {"--prompts": spec, "--output": str(folder)}
        code = capture([*(x for item in options.items() for x in item), *chosen, *context.args])
        if code:
            raise typer.Exit(code)


def sources_of(
    pair: Pair, prompts: Sequence[str] | None, tasks: Sequence[str] | None
) -> Mapping[str, str]:
    """Return where the prompts of each folder come from, by the folder's name.

    Raises
    ------
    InputError
        For a task that the pair has not, or two sources of one name.
    """
    if prompts:
        names = [folder_name(spec) for spec in prompts]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise InputError(f"two --prompts would write the folder {twice[0]}; give them other names")
        return dict(zip(names, prompts, strict=True))
    unknown = [name for name in tasks or () if name not in pair.tasks]
    if unknown:
        raise InputError(f"--task is {unknown[0]!r}; the pair has {', '.join(pair.tasks)}")
    return {folder_name(PREFIX + name): PREFIX + name for name in tasks or pair.tasks}


def folder_name(spec: str) -> str:
    """Return the name of a data set, or of a file without its ending."""
    if spec.startswith(PREFIX):
        return Path(spec.removeprefix(PREFIX).split(":")[0]).name
    return Path(spec).stem


def require_had(side: str, spec: str) -> None:
    """Raise for a model that is neither here nor on a hub that can be reached.

    Raises
    ------
    DataFileError
    """
    if spec.startswith(SKIP):
        return
    require_found(spec)
    if Path(spec).exists():
        return
    require("an id of a hub", "huggingface_hub")
    from huggingface_hub import hf_hub_download

    try:
        hf_hub_download(spec, "config.json")
    except (OSError, ValueError) as error:
        raise DataFileError(
            f"the {side} {spec!r} cannot be had: no folder or file of that name, none in the cache, and "
            f"no hub that has it was reached ({type(error).__name__}); fetch it once where there is a "
            f"hub, or pass --{side} with a folder or a .gguf file"
        ) from None


def capture(options: Sequence[str]) -> int:
    """Run ``mdsd capture`` here and return its exit code; the manifest gets that command."""
    before, sys.argv = sys.argv, ["mdsd", "capture", *options]
    try:
        cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    finally:
        sys.argv = before
        gc.collect()  # a model is full of cycles: its memory is wanted by the next task
    return 0


def listed(numbers: Sequence[float]) -> str:
    """Return numbers as an option takes them."""
    return ",".join(map(str, numbers))


def main() -> None:
    """Run the script."""
    terminal.run(app)


if __name__ == "__main__":
    main()
