r"""Trees with real models: lossless, how long the accepted paths are, how fast, and which tree to take.

::

    python experiments/trees.py lossless TARGET --draft HEAD --prompts PROMPTS
    python experiments/trees.py count TARGET --draft HEAD --prompts PROMPTS -o count.csv
    python experiments/trees.py speed TARGET --draft HEAD --prompts PROMPTS -o speed.csv
    python experiments/trees.py choose TARGET --draft HEAD --prompts PROMPTS -o choose.csv
    python experiments/trees.py overhead TARGET --draft HEAD --prompts PROMPTS -o overhead.csv

PROMPTS is a file of JSON lines as ``mdsd capture`` takes it (MT-Bench: ``--task chat``); each prompt's
first turn is put into the chat template. Prompts are continued side by side where tokens are counted, one
after the other where they are timed.
"""

import csv
import math
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import terminal
import torch
import typer
from rich.table import Table
from scipy.stats import chisquare

from mdsd_theory.capture.prompts import load_prompts
from mdsd_theory.errors import InputError
from mdsd_theory.models.base import Target
from mdsd_theory.models.pretrained import ModelDraft
from mdsd_theory.models.resolve import load_draft
from mdsd_theory.models.target import load_target
from mdsd_theory.tables import console
from mdsd_theory.tree.choose import choose_tree
from mdsd_theory.tree.decode import Decoded, acceptance_table, multidraft_decode
from mdsd_theory.tree.decoding.reader import Reader
from mdsd_theory.tree.topology import Tree, from_paths, parse_tree, sparse

RULES = (
    ("without_replacement", "rrs_without_replacement"),
    ("greedy", "greedy"),
    ("with_replacement", "optimal"),
    ("with_replacement", "k_seq"),
)
"""The paper's four: scheme and verifier."""

WHOLE_PATH = (("without_replacement", "traversal"),)
"""Counted beside them."""

LITTLE = from_paths([[0], [1], [0, 0], [0, 1], [1, 0], [0, 0, 0]])

LAWS = (
    ("greedy", "optimal", "2x2"),
    ("with_replacement", "optimal", "2x2"),
    ("with_replacement", "k_seq", "2x2"),
    ("without_replacement", "rrs_without_replacement", "little"),
    ("without_replacement", "traversal", "little"),
    ("top_k", "optimal", "2x2"),
    ("with_replacement", "block", "chain:3"),
)
"""What is tested for its law: scheme, rule, tree."""

SHORT = ("The capital of France is", "Once upon a time", "2 + 2 =", "My favourite animal is the")

Drafts = Annotated[list[str], typer.Option("--draft", help="As mdsd capture takes it; can be repeated.")]
Prompts = Annotated[Path, typer.Option(help="JSON lines.")]
Task = Annotated[str, typer.Option(help="Task of the prompts; empty for all.")]
Count = Annotated[int, typer.Option(min=1, help="Prompts.")]
New = Annotated[int, typer.Option("--tokens", min=2, help="Most new tokens of a text.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="CSV file for the rows.")]
Seed = Annotated[int, typer.Option(min=0)]
Device = Annotated[str, typer.Option()]
Dtype = Annotated[str, typer.Option()]
Temperatures = Annotated[str, typer.Option(help="With commas between.")]
Trees = Annotated[str, typer.Option(help="With commas between.")]

app = typer.Typer(add_completion=False, help=__doc__)


def read_prompts(path: Path, task: str, count: int, target: Target) -> list[list[int]]:
    """Return the first turns of prompts as tokens, in the chat template where there is one."""
    found = []
    for prompt in load_prompts(path, limit=count, tasks=[task] if task else None):
        text = prompt.turns[0]
        if target.tokenizer.chat_template:
            turn = [{"role": "user", "content": text}]
            text = target.tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
        found.append(list(target.tokenizer(text, add_special_tokens=False).input_ids))
    return found


class Mean(NamedTuple):
    """A ratio of sums over texts, with its standard error by the delta method."""

    value: float
    error: float


def ratio(above: Sequence[float], below: Sequence[float]) -> Mean:
    """Return Σ above / Σ below, texts being independent."""
    a, b = np.array(above, dtype=float), np.array(below, dtype=float)
    value = float(a.sum() / b.sum())
    if len(a) < 2:
        return Mean(value, math.nan)
    error = math.sqrt(len(a) * float(np.var(a - value * b, ddof=1))) / float(b.sum())
    return Mean(value, error)


def per_call(texts: Sequence[Decoded]) -> Mean:
    """Return accepted drafts and the token after them per call; what a limit cut off counts."""
    return ratio([sum(x.accepted) + x.steps for x in texts], [x.steps for x in texts])


def wait(target: Target) -> None:
    """Wait for the device."""
    if target.device.type == "cuda":
        torch.cuda.synchronize(target.device)


def generate(target: Target, prompt: list[int], temperature: float, new: int, **options: Any) -> int:
    """Return how many tokens the model's own ``generate`` adds."""
    ids = torch.tensor([prompt], device=target.device)
    sampled = {"do_sample": False} if temperature == 0 else {
        "do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0,
    }  # fmt: skip
    said = target.model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=new,
        pad_token_id=min(target.stop, default=0),
        eos_token_id=sorted(target.stop) or None,
        **sampled,
        **options,
    )
    return int(said.shape[1]) - len(prompt)


class Rows:
    """Rows of a table, written as they come."""

    def __init__(self, columns: Sequence[str], output: Path | None) -> None:
        self.columns, self.output = list(columns), output
        self.table = Table(*self.columns, box=None)
        if output is not None:
            output.parent.mkdir(parents=True, exist_ok=True)
            with output.open("w", newline="", encoding="utf-8") as stream:
                csv.writer(stream).writerow(self.columns)

    def add(self, *values: Any) -> None:
        """Add a row, and print it."""
        shown = [f"{x:.4g}" if isinstance(x, float) else str(x) for x in values]
        self.table.add_row(*shown)
        terminal.say("  ".join(shown), stderr=True)
        if self.output is not None:
            with self.output.open("a", newline="", encoding="utf-8") as stream:
                csv.writer(stream).writerow(values)

    def show(self) -> None:
        """Print the table."""
        console().print(self.table)


@app.command()
def count(
    target: str,
    draft: Drafts,
    prompts: Prompts,
    task: Task = "chat",
    count: Count = 80,
    new: New = 128,
    temperature: Temperatures = "0,0.6,1",
    trees: Trees = "2x4,4x3,sparse",
    batch: Annotated[int, typer.Option(min=1, help="Texts side by side.")] = 80,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Dtype = "auto",
    output: Output = None,
) -> None:
    """Mean accepted length and tokens per call of the target, by tree, scheme and verifier."""
    large = load_target(target, device=device, dtype=dtype)
    asked = read_prompts(prompts, task, count, large)
    rows = Rows(
        ("draft", "T", "tree", "scheme", "verifier", "accepted", "tokens_per_call", "error"), output
    )
    for name, heat in product(draft, map(float, temperature.split(","))):
        small = load_draft(name, large)
        for options in configurations(heat, trees, seed):
            texts = decode_all(asked, large, small, batch, max_new_tokens=new, **options)
            found = per_call(texts)
            what = (options["tree"], options["scheme"], options["verifier"])
            rows.add(Path(name).name, heat, *what, found.value - 1, *found)
    rows.show()


def configurations(heat: float, trees: str, seed: int) -> list[dict[str, Any]]:
    """Return what ``multidraft_decode`` is called with."""
    return [
        {"tree": tree, "scheme": scheme, "verifier": rule, "temperature": heat, "seed": seed}
        for tree, (scheme, rule) in product(trees.split(","), RULES + WHOLE_PATH)
    ]


@app.command()
def speed(
    target: str,
    draft: Drafts,
    prompts: Prompts,
    task: Task = "chat",
    count: Count = 8,
    new: New = 48,
    temperature: Temperatures = "0,0.6,1",
    trees: Trees = "2x4,4x3,sparse",
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Dtype = "auto",
    output: Output = None,
) -> None:
    """Tokens a second at batch 1 and speed-up over ``generate``, on every k-th prompt.

    All ways to decode take turns on each prompt, so that a machine that is slow for a while is slow for
    all. Each first adds 8 tokens to each prompt, untimed: a device loads kernels for shapes that are new
    to it, which would count against the way that comes first. ``plain`` is this decoder without drafts.
    """
    large = load_target(target, device=device, dtype=dtype)
    every = read_prompts(prompts, task, 10**6, large)
    asked = every[:: max(1, len(every) // count)][:count]
    columns = ("draft", "T", "tree", "scheme", "verifier", "tokens_per_second", "speed_up", "error")
    rows = Rows(columns, output)
    for name, heat in product(draft, map(float, temperature.split(","))):
        small = load_draft(name, large)
        ways = ways_of(large, small, heat, trees, seed)
        torch.manual_seed(seed)
        seconds = in_turns(large, ways, asked, new)
        plain = seconds["-", "-", "generate"]
        for way, taken in seconds.items():
            rate = len(taken) / sum(taken)
            rows.add(Path(name).name, heat, *way, rate, *ratio(plain, taken))
    rows.show()


Way = tuple[str, str, str]
"""Tree, scheme, verifier."""

Work = Callable[[list[int], int], int]
"""Continues a prompt by at most so many tokens; returns how many it added."""

WARM = 8
"""New tokens of an untimed round."""


def ways_of(large: Target, small: Any, heat: float, trees: str, seed: int) -> dict[Way, Work]:
    """Return the ways to continue a prompt."""
    ways: dict[Way, Work] = {("-", "-", "generate"): lambda x, new: generate(large, x, heat, new)}
    if isinstance(small, ModelDraft):
        ways["-", "-", "assisted generate"] = lambda x, new: generate(
            large, x, heat, new, assistant_model=small.model
        )

    def decoder(options: dict[str, Any]) -> Work:
        return lambda x, new: len(
            multidraft_decode(x, large, small, max_new_tokens=new, **options).tokens
        )

    plain = {"tree": Tree(()), "temperature": heat, "seed": seed}
    ways["-", "-", "plain"] = decoder(plain)
    for options in configurations(heat, trees, seed):
        ways[options["tree"], options["scheme"], options["verifier"]] = decoder(options)
    return ways


def in_turns(
    large: Target, ways: dict[Way, Work], asked: list[list[int]], new: int
) -> dict[Way, list[float]]:
    """Return seconds a token of each way on each prompt."""
    for prompt, work in product(asked, ways.values()):
        work(prompt, min(WARM, new))
    seconds: dict[Way, list[float]] = {way: [] for way in ways}
    for prompt in asked:
        for way, work in ways.items():
            wait(large)
            start = time.perf_counter()
            tokens = work(prompt, new)
            wait(large)
            seconds[way].append((time.perf_counter() - start) / tokens)
    return seconds


def decode_all(
    prompts: Sequence[list[int]], target: Target, draft: Any, batch: int, *, seed: int, **options: Any
) -> list[Decoded]:
    """Return all texts, some at a time."""
    found: list[Decoded] = []
    for start in range(0, len(prompts), batch):
        part = list(prompts[start : start + batch])
        found += multidraft_decode(part, target, draft, seed=seed + start, **options)
    return found


@app.command()
def choose(
    target: str,
    draft: Drafts,
    prompts: Prompts,
    task: Task = "chat",
    count: Count = 80,
    new: New = 128,
    temperature: Temperatures = "0.6,1",
    trees: Trees = "2x4,4x3,sparse",
    depth: Annotated[int, typer.Option(min=1, help="Largest depth of a chosen tree.")] = 8,
    batch: Annotated[int, typer.Option(min=1)] = 40,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Dtype = "auto",
    output: Output = None,
) -> None:
    """Predicted against measured block efficiency, of fixed trees and of those that are chosen.

    Acceptance is measured on every other prompt, with 1 to 4 drafts a node; the rest is predicted.
    """
    large = load_target(target, device=device, dtype=dtype)
    asked = read_prompts(prompts, task, count, large)
    rows = Rows(
        ("draft", "T", "scheme", "verifier", "tree", "drafts", "depth", "predicted", "measured", "error"),
        output,
    )
    for name, heat in product(draft, map(float, temperature.split(","))):
        small = load_draft(name, large)
        for scheme, rule in RULES:
            options = {"scheme": scheme, "verifier": rule, "temperature": heat, "max_new_tokens": new}
            texts = []
            for place, tree in enumerate(("chain:6", "2x5", "3x4", "4x3")):
                texts += decode_all(
                    asked[::2], large, small, batch, tree=tree, seed=seed + 1000 * (place + 1), **options
                )
            table = acceptance_table(texts)
            fixed = {tree: parse_tree(tree) for tree in trees.split(",")}
            tried = list(fixed.items())
            for tree in fixed.values():
                best = choose_tree(table, tree.drafts, depth=depth).tree
                tried.append((f"chosen for {tree.drafts}", best))
            for label, tree in tried:
                found = per_call(
                    decode_all(asked[1::2], large, small, batch, tree=tree, seed=seed, **options)
                )
                rows.add(
                    Path(name).name, heat, scheme, rule, label, tree.drafts, tree.depth,
                    table.expected_tokens(tree), *found,
                )  # fmt: skip
    rows.show()


@app.command()
def overhead(
    target: str,
    draft: Drafts,
    prompts: Prompts,
    task: Task = "chat",
    count: Count = 4,
    new: New = 64,
    temperature: Temperatures = "0,0.6",
    trees: Trees = "2x4,4x3,sparse",
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Dtype = "auto",
    output: Output = None,
) -> None:
    """Median milliseconds of each part of a step at batch 1, against a call of the target; memory."""
    large = load_target(target, device=device, dtype=dtype)
    asked = read_prompts(prompts, task, count, large)
    columns = ("draft", "T", "tree", "scheme", "verifier", "draft_ms", "target_ms", "verify_ms",
               "commit_ms", "verify_per_cent", "peak_MB")  # fmt: skip
    rows = Rows(columns, output)
    for name, heat in product(draft, map(float, temperature.split(","))):
        small = load_draft(name, large)
        for tree, (scheme, rule) in product(["none", *trees.split(",")], RULES + WHOLE_PATH):
            if tree == "none" and rule != "greedy":
                continue
            shape = Tree(()) if tree == "none" else parse_tree(tree)
            options: dict[str, Any] = {
                "tree": shape, "scheme": scheme, "verifier": rule, "temperature": heat,
                "max_new_tokens": new, "seed": seed, "timed": True,
            }  # fmt: skip
            multidraft_decode(asked[0], large, small, **options)
            if large.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(large.device)
            texts = [multidraft_decode(x, large, small, **options) for x in asked]
            part = {
                k: 1000 * float(np.median([s for x in texts for s in x.seconds[k]]))
                for k in texts[0].seconds
            }
            peak = (
                torch.cuda.max_memory_allocated(large.device) / 2**20
                if large.device.type == "cuda"
                else ""
            )
            rows.add(
                Path(name).name, heat, tree, scheme, rule, part["draft"], part["target"], part["verify"],
                part["commit"], 100 * part["verify"] / part["target"], peak,
            )  # fmt: skip
    rows.show()


@app.command()
def lossless(
    target: str,
    draft: Drafts,
    prompts: Prompts,
    task: Task = "",
    count: Count = 50,
    new: New = 64,
    samples: Annotated[int, typer.Option(min=1000, help="Texts of three tokens.")] = 20_000,
    temperature: Temperatures = "0.7,1",
    batch: Annotated[int, typer.Option(min=1)] = 500,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Dtype = "float32",
    level: Annotated[float, typer.Option(min=0, max=1, help="Chance of a false alarm in all.")] = 1e-3,
) -> None:
    """Greedy decoding word for word, the law of three tokens, logits in a tree. Exit code 1 if off."""
    large = load_target(target, device=device, dtype=dtype)
    asked = read_prompts(prompts, task, count, large)
    wrong = False
    for name in draft:
        small = load_draft(name, large)
        shown = Path(name).name
        wrong |= greedy_texts(large, small, shown, asked, new)
        chances = []
        for heat, (place, (scheme, rule, tree)) in product(
            map(float, temperature.split(",")), enumerate(LAWS)
        ):
            prompt = list(large.tokenizer(SHORT[place % len(SHORT)]).input_ids)
            shape = LITTLE if tree == "little" else parse_tree(tree)
            options = {"tree": shape, "scheme": scheme, "verifier": rule, "temperature": heat}
            bins = Bins(large, prompt, heat)
            drawn = bins.count(three_tokens(large, small, prompt, samples, batch, seed, options))
            chance, degrees = bins.chance(drawn)
            chances.append(chance)
            terminal.say(
                f"{shown}, T = {heat:g}, {scheme}, {rule}, {tree}: {samples:,} texts of 3 tokens, "
                f"{degrees} degrees of freedom, p = {chance:.3g}"
            )
        least = min(chances) * len(chances)
        wrong |= least < level
        terminal.say(f"{shown}: the smallest of {len(chances)} chances is {least:.2g} after Bonferroni")
    tree_logits(large, asked[0], seed)
    if wrong:
        raise typer.Exit(1)


def greedy_texts(large: Target, small: Any, name: str, asked: list[list[int]], new: int) -> bool:
    """Compare texts at temperature 0 with the model's own; tell whether one differs beyond a tie."""
    alone = own_greedy(large, asked, new)
    bad = False
    for tree, scheme in (("4x3", "greedy"), ("sparse", "without_replacement"), ("chain:4", "top_k")):
        texts = multidraft_decode(asked, large, small, tree, scheme, temperature=0, max_new_tokens=new)
        same = 0
        for prompt, text, own in zip(asked, texts, alone, strict=True):
            if text.tokens == own:
                same += 1
                continue
            at = next(
                (k for k, (a, b) in enumerate(zip(text.tokens, own, strict=False)) if a != b),
                min(len(text.tokens), len(own)),
            )
            gap = tie(large, [*prompt, *own[:at]])
            bad |= gap > 1e-3
            terminal.say(
                f"  a text differs at token {at}, where the two largest logits differ by {gap:.2g}"
            )
        rate = per_call(texts)
        terminal.say(
            f"{name}, T = 0, {tree}, {scheme}: {same} of {len(asked)} texts of {new} tokens are the "
            f"model's own word for word; {rate.value:.3f} tokens per call"
        )
    return bad


def own_greedy(large: Target, asked: list[list[int]], new: int) -> list[list[int]]:
    """Return what the model's ``generate`` says without sampling, prompts padded on the left."""
    most, pad = max(map(len, asked)), min(large.stop, default=0)
    ids = torch.tensor([[pad] * (most - len(x)) + x for x in asked], device=large.device)
    mask = torch.tensor([[0] * (most - len(x)) + [1] * len(x) for x in asked], device=large.device)
    said = large.model.generate(
        ids,
        attention_mask=mask,
        max_new_tokens=new,
        do_sample=False,
        pad_token_id=pad,
        eos_token_id=sorted(large.stop) or None,
    )
    found = []
    for row in said[:, most:].tolist():
        ends = [k for k, token in enumerate(row) if token in large.stop]
        found.append(row[: ends[0] + 1] if ends else row)
    return found


def tie(large: Target, tokens: list[int]) -> float:
    """Return by how much the two largest logits after some tokens differ."""
    with torch.inference_mode():
        logits = large.model(input_ids=torch.tensor([tokens], device=large.device)).logits[0, -1]
    top = logits.float().topk(2).values
    return float(top[0] - top[1])


def three_tokens(
    large: Target, small: Any, prompt: list[int], samples: int, batch: int, seed: int, options: Any
) -> Iterator[list[int]]:
    """Yield the first three tokens of many texts."""
    for start in range(0, samples, batch):
        some = [prompt] * min(batch, samples - start)
        for text in multidraft_decode(
            some, large, small, **options, max_new_tokens=3, stop=(), seed=seed + start
        ):
            yield text.tokens


class Bins:
    """Bins of three tokens with their exact chances: the likeliest paths, and the rest at each depth."""

    KEPT = (40, 15, 8)
    LEAST = 10.0

    def __init__(self, large: Target, prompt: list[int], temperature: float) -> None:
        self.chances: dict[tuple[int, ...], float] = {}
        paths: list[tuple[tuple[int, ...], float]] = [((), 1.0)]
        for depth, kept in enumerate(self.KEPT):
            found = []
            for start in range(0, len(paths), 100):
                some = paths[start : start + 100]
                ids = torch.tensor([[*prompt, *path] for path, _ in some], device=large.device)
                with torch.inference_mode():
                    logits = large.model(input_ids=ids).logits[:, -1].double()
                law = torch.softmax(logits / temperature, -1)
                top = law.topk(kept)
                for (path, weight), chances, tokens in zip(
                    some, top.values.tolist(), top.indices.tolist(), strict=True
                ):
                    self.chances[(*path, -1)] = weight * (1 - sum(chances))
                    found += [((*path, x), weight * c) for x, c in zip(tokens, chances, strict=True)]
            paths = found
            if depth + 1 == len(self.KEPT):
                self.chances.update(paths)
        self.prefixes = {key[:k] for key in self.chances for k in range(len(key))}

    def count(self, texts: Iterator[list[int]]) -> dict[tuple[int, ...], int]:
        """Return how many texts are in each bin."""
        found: dict[tuple[int, ...], int] = {}
        for tokens in texts:
            key: tuple[int, ...] = ()
            for x in tokens:
                key = (*key, x)
                if key not in self.prefixes and key not in self.chances:
                    key = (*key[:-1], -1)
                    break
            found[key] = found.get(key, 0) + 1
        return found

    def chance(self, drawn: dict[tuple[int, ...], int]) -> tuple[float, int]:
        """Return the p-value of chi-square and its degrees of freedom, rare bins taken together."""
        total = sum(drawn.values())
        seen: list[float] = []
        expected: list[float] = []
        rare = [0.0, 0.0]
        for key, chance in self.chances.items():
            if chance * total < self.LEAST:
                rare[0] += drawn.get(key, 0)
                rare[1] += chance * total
            else:
                seen.append(drawn.get(key, 0))
                expected.append(chance * total)
        if rare[1] >= self.LEAST:
            seen.append(rare[0])
            expected.append(rare[1])
        scale = sum(seen) / sum(expected)
        return float(chisquare(seen, np.array(expected) * scale).pvalue), len(seen) - 1


def tree_logits(large: Target, prompt: list[int], seed: int) -> None:
    """Compare logits in EAGLE's tree with those of each path by itself."""
    tree, draw = sparse(), torch.Generator().manual_seed(seed)
    nodes = torch.randint(large.vocabulary, (1, tree.drafts + 1), generator=draw)
    seen = torch.zeros(tree.drafts + 1, tree.drafts + 1, dtype=torch.bool)
    for node in range(tree.drafts + 1):
        seen[node, list(tree.ancestors(node))] = True
    size, device = len(prompt), large.device
    reader = Reader(large.model, 1, size + tree.drafts + 1)
    with torch.inference_mode():
        causal = torch.ones(size, size, dtype=torch.bool, device=device).tril()[None]
        places = torch.arange(size, device=device)[None]
        reader.read(torch.tensor([prompt], device=device), places, causal, slice(0, 0))
        reader.commit([list(range(size))])
        depths = torch.tensor([tree.depths], device=device)
        together = reader.read(nodes.to(device), size + depths, seen[None].to(device)).logits[0].double()
        off, scale = 0.0, 0.0
        for node in range(tree.drafts + 1):
            path = [*prompt, *nodes[0, list(tree.ancestors(node))].tolist()]
            alone = large.model(input_ids=torch.tensor([path], device=device)).logits[0, -1].double()
            off = max(off, float((alone - together[node]).abs().max()))
            scale = max(scale, float(alone.abs().max()))
    if not math.isfinite(off):
        raise InputError("logits are not finite")
    terminal.say(
        f"{tree.drafts + 1} nodes of EAGLE's tree, {large.model.dtype}: logits differ from those of each "
        f"path alone by {off:.2g} at most; the largest is {scale:.3g}"
    )


if __name__ == "__main__":
    terminal.run(app)
