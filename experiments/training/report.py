"""What is left of a run for people: curves, and a model card."""

import json
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import mdsd_theory

PACKAGES = ("torch", "transformers", "mdsd-theory", "numpy")

CARD = """---
license: apache-2.0
base_model: {target}
pipeline_tag: text-generation
---

# {title}

{what}

A draft model for speculative decoding with {target} as the target, measured with `mdsd-theory`.

## Data

{conversations:,} conversations ({answered:,} tokens of answers) that the target wrote itself: the user's
turn sampled from the opening of its chat template, then its answer at temperatures {temperatures}.
No text of anybody else was used, so that no data licence attaches to the weights.
The target's licence ({licence}) applies to what derives from it; the weights here are Apache-2.0.

## Training

{steps:,} steps of {tokens:,} tokens in {minutes:.1f} minutes on {device}: AdamW, learning rate {rate:g},
cross-entropy with the target's full distribution, then one less the acceptance Σ min(p, q).

![Loss and acceptance](curves.png)

## Figures

Means over all positions of answers; α* is of 3 drafts with replacement, on part of the positions.

{table}

## How to make it again

{commands}

Seed {seed}; {versions}.
The same commands on the same machine give the same conversations and weights, up to the order in which
a GPU adds.

## Read it

    mdsd capture --target TARGET --draft FOLDER ...
"""


def facts(target: Mapping[str, Any], recipe: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return what a draft's file says of how it was made."""
    known = {name: target[name] for name in ("name", "sha256", "revision", "licence") if target.get(name)}
    return {
        "licence": "Apache-2.0",
        "target": known,
        "recipe": dict(recipe),
        "versions": {name: version_of(name) for name in PACKAGES},
        "command": command(),
        **more,
    }


def version_of(package: str) -> str:
    """Return the version of a package; of a checkout that is not installed what it says itself."""
    try:
        return version(package)
    except PackageNotFoundError:
        return mdsd_theory.__version__ if package == "mdsd-theory" else "unknown"


def command() -> str:
    """Return the command of this run, without the folders of this machine."""
    words = ["python", "experiments/train_draft.py"]
    return " ".join(words + [Path(x).name if x.startswith("/") else x for x in sys.argv[1:]])


def write_curves(path: Path, lines: Iterable[Mapping[str, Any]], title: str) -> None:
    """Draw loss and acceptance against steps."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    lines = list(lines)
    trained = [line for line in lines if "loss" in line]
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    steps = [line["step"] for line in trained]
    left.plot(steps, [line["loss"] for line in trained], label="loss")
    left.plot(steps, [line["cross_entropy"] for line in trained], label="cross-entropy (nats)")
    for name, style in (("acceptance_0.7", "-"), ("acceptance_1", "--")):
        label = f"T = {name.split('_')[1]}"
        right.plot(steps, [line[name] for line in trained], style, color="C7", label=f"training, {label}")
        for i, on in enumerate(dict.fromkeys(line["on"] for line in lines if "on" in line)):
            at = [(x["step"], x[name]) for x in lines if x.get("on") == on]
            right.plot(*zip(*at, strict=True), style, marker=".", color=f"C{i}", label=f"{on}, {label}")
    left.set(xlabel="step", ylabel="mean over positions", title="Loss")
    right.set(xlabel="step", ylabel="Σ min(p, q)", title="One-draft acceptance")
    for axes in (left, right):
        axes.legend(fontsize="small")
        axes.grid(alpha=0.3)
    figure.suptitle(title)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def table(figures: Mapping[str, Mapping[str, float]]) -> str:
    """Return measured figures as Markdown."""
    names = list(dict.fromkeys(name for one in figures.values() for name in one))
    rows = [["prompts", *names], ["---"] * (1 + len(names))]
    rows += [
        [on, *(f"{one[name]:.4f}" if name in one else "" for name in names)]
        for on, one in figures.items()
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def write_card(path: Path, made: Mapping[str, Any], figures: Mapping[str, Mapping[str, float]]) -> None:
    """Write the model card of what :func:`facts` describes."""
    recipe, target = made["recipe"], made["target"]
    commands = [made["corpus_command"], made["command"]]
    text = CARD.format(
        target=target["name"],
        licence=target.get("licence", "see its own card"),
        title=made["title"],
        what=made["what"],
        conversations=made["conversations"],
        answered=made["answered"],
        temperatures=", ".join(f"{x:g}" for x in made["temperatures"]),
        steps=recipe["steps"],
        tokens=recipe["tokens"],
        rate=recipe["rate"],
        minutes=made["seconds"] / 60,
        device=made["device"],
        table=table(figures),
        commands="\n".join(f"    {line}" for line in commands),
        seed=recipe["seed"],
        versions=", ".join(f"{name} {number}" for name, number in made["versions"].items()),
    )
    path.write_text(text, encoding="utf-8")


def write_figures(path: Path, figures: Mapping[str, Any]) -> None:
    """Write measured figures as JSON."""
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
