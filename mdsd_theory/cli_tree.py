"""The commands ``mdsd tree`` and ``mdsd decode``: a tree drawn, a prompt continued. No mathematics."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mdsd_theory.cli_commands import app

if TYPE_CHECKING:
    from mdsd_theory.tree.decode import Decoded
    from mdsd_theory.tree.topology import Tree

TreeName = Annotated[str, typer.Argument(help="4x3: 4 drafts a node, depth 3; chain:5; or sparse.")]


@app.command("tree")
def show_tree(
    tree: TreeName,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="Draw it to a .png, .svg or .pdf.")
    ] = None,
    acceptance: Annotated[
        str | None,
        typer.Option(help="Chance of each rank, with commas: 0.6,0.2; for all nodes of so many drafts."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: paths of ranks.")] = False,
) -> None:
    """Draw a tree of drafts; with acceptance, say how many tokens a call is expected to emit."""
    from mdsd_theory.tree.topology import parse_tree

    shape = parse_tree(tree)
    reached = None if acceptance is None else _reached(shape, acceptance)
    if as_json:
        said: dict[str, Any] = {"drafts": shape.drafts, "depth": shape.depth, "width": shape.width}
        said["paths"] = [list(path) for path in shape.paths[1:]]
        if reached is not None:
            said["expected_tokens"] = sum(reached)
        typer.echo(json.dumps(said))
    else:
        from mdsd_theory.tables import console

        if shape.drafts <= 100:
            console().print(shape.draw())
        typer.echo(str(shape))
        if reached is not None:
            typer.echo(f"expected tokens a call: {sum(reached):.4f}")
    if output is not None:
        from mdsd_theory.plots import plot_tree, save

        save(plot_tree(shape, reached), output)


def _reached(tree: Tree, acceptance: str) -> list[float]:
    """Return the chance that each node is accepted, the root's one first."""
    from mdsd_theory.errors import InputError
    from mdsd_theory.tree.block_efficiency import AcceptanceTable

    try:
        rates = [float(x) for x in acceptance.split(",")]
    except ValueError:
        raise InputError(
            f"--acceptance is {acceptance!r}; expected numbers with commas between"
        ) from None
    if len(rates) < tree.width:
        raise InputError(
            f"--acceptance has {len(rates)} chances; the tree has up to {tree.width} drafts a node"
        )
    table = AcceptanceTable({(0, n): rates[:n] for n in range(1, tree.width + 1)})
    return table.reached(tree)


@app.command()
def decode(
    prompt: Annotated[str, typer.Argument(help="Text to continue, or a question.")],
    target: Annotated[str, typer.Option(help="Hugging Face id, folder, or GGUF file.")],
    draft: Annotated[str, typer.Option(help="Likewise; skip:14-18; or an EAGLE-style head.")],
    tree: Annotated[str, typer.Option(help="4x3, chain:5, or sparse.")] = "4x3",
    scheme: Annotated[str, typer.Option(help="How the drafts at each node are drawn.")] = "greedy",
    verifier: Annotated[
        str, typer.Option(help="A verifier of one position, traversal, or block for chains.")
    ] = "optimal",
    temperature: Annotated[float, typer.Option(min=0, help="0 takes the likeliest token.")] = 0.7,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Most new tokens.")] = 128,
    top_k: Annotated[int | None, typer.Option(min=1, help="Truncate both laws.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Likewise.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides all that is drawn.")] = 0,
    raw: Annotated[bool, typer.Option("--raw", help="Do not use the chat template.")] = False,
    dtype: Annotated[str, typer.Option(help="auto: bfloat16 on CUDA, else float32.")] = "auto",
    device: Annotated[str, typer.Option(help="auto: CUDA where there is one.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, when all is done.")] = False,
) -> None:
    """Continue a prompt with drafts; accepted ones are shown as they come, and how many each step had."""
    from mdsd_theory.models.resolve import load_draft
    from mdsd_theory.models.target import load_target
    from mdsd_theory.tree.decode import multidraft_decode

    large = load_target(target, dtype=dtype, device=device)
    small = load_draft(draft, large)
    chat = not raw and bool(getattr(large.tokenizer, "chat_template", None))
    display = _Quiet() if as_json else _Display(large.tokenizer)
    start = time.perf_counter()
    with display:
        found = multidraft_decode(
            prompt, large, small, tree, scheme, verifier, temperature, max_new_tokens=max_new_tokens,
            top_k=top_k, top_p=top_p, seed=seed, chat=chat, on_step=display.step,
        )  # fmt: skip
    seconds = time.perf_counter() - start
    if as_json:
        typer.echo(json.dumps(_record(found, seconds)))
    else:
        typer.echo(_summary(found, seconds), err=True)


def _record(found: Decoded, seconds: float) -> dict[str, Any]:
    return {
        "text": found.text,
        "tokens": found.tokens,
        "accepted": found.accepted,
        "reason": found.reason,
        "tokens_per_call": found.tokens_per_call,
        "seconds": seconds,
    }


def _summary(found: Decoded, seconds: float) -> str:
    return (
        f"{len(found.tokens)} tokens in {found.steps} calls of the target, {found.tokens_per_call:.2f} a "
        f"call, {len(found.tokens) / seconds:.1f} a second; ended by {found.reason}"
    )


class _Quiet:
    """No display."""

    def __enter__(self) -> _Quiet:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def step(self, step: Any) -> None:
        """Show nothing."""


class _Display(_Quiet):
    """The text so far, accepted drafts in colour, and the number accepted in each step.

    Where standard output is no terminal the text is written as it comes, and nothing else.
    """

    def __init__(self, tokenizer: Any) -> None:
        from rich.live import Live
        from rich.text import Text

        from mdsd_theory.tables import console

        self.tokenizer, self.tokens = tokenizer, list[int]()
        self.said, self.text, self.lengths = "", Text(), list[int]()
        self.live = None
        if sys.stdout is not None and sys.stdout.isatty():
            self.live = Live(console=console(), auto_refresh=False, vertical_overflow="visible")

    def __enter__(self) -> _Display:
        if self.live is not None:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()
        else:
            typer.echo("")

    def step(self, step: Any) -> None:
        """Show the tokens of a step."""
        count = len(step.verdict.path)
        accepted = self._next(step.tokens[:count], last=False)
        other = self._next(step.tokens[count:], last=bool(step.reason))
        self.lengths.append(count)
        if self.live is None:
            typer.echo(accepted + other, nl=False)
            return
        self.text.append(accepted, style="green")
        self.text.append(other)
        self.live.update(self._shown(), refresh=True)

    def _next(self, tokens: list[int], last: bool) -> str:
        """Return the text that tokens add; characters that are not whole yet are held back."""
        self.tokens += tokens
        text = self.tokenizer.decode(self.tokens, skip_special_tokens=True)
        if text.endswith("\ufffd") and not last:
            return ""
        new, self.said = text[len(self.said) :], text
        return str(new)

    def _shown(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        mean = sum(self.lengths) / len(self.lengths)
        last = " ".join(map(str, self.lengths[-24:]))
        return Group(self.text, Text(f"accepted: {last}   mean {mean:.2f}", style="dim"))
