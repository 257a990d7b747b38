r"""Train a draft for a target on what the target writes itself.

First the conversations, both sides by the target, and answers to prompts of a file to measure on::

    python experiments/train_draft.py generate --target MODEL --out corpus.safetensors
    python experiments/train_draft.py answer --target MODEL --prompts FILE.jsonl --out alpaca.safetensors

then an EAGLE-style head (about 4 MB to 10 MB) or a student of some of the target's layers::

    python experiments/train_draft.py head --target MODEL --corpus corpus.safetensors \
        --measure alpaca.safetensors --out head/
    python experiments/train_draft.py student --target MODEL --corpus corpus.safetensors \
        --measure alpaca.safetensors --layers 0,1,2,3,28,29 --out student/

MODEL is a Hugging Face id, a folder or a GGUF file of a Llama. The output folder holds the draft as
``mdsd capture --draft`` reads it, ``log.jsonl``, ``curves.png``, ``figures.json`` and a model card; a run
that was cut short goes on where it was.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import terminal
import torch
import typer
from training.corpus import Corpus, command_of, divide
from training.learners import Learner, new_head, new_student
from training.loop import STATE, Recipe, train
from training.measuring import measure_draft
from training.report import command, facts, write_card, write_curves, write_figures
from training.starting import begin_linear, hidden_size
from training.template import chat_template, encode
from training.writing import Order, write

from mdsd_theory.capture.prompts import load_prompts
from mdsd_theory.errors import InputError
from mdsd_theory.models.base import Target
from mdsd_theory.models.resolve import load_draft
from mdsd_theory.models.target import load_target

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

Model = Annotated[str, typer.Option("--target", help="Hugging Face id, folder or GGUF file.")]
Out = Annotated[Path, typer.Option("--out", help="Where to write.")]
Seed = Annotated[int, typer.Option("--seed")]
Device = Annotated[str, typer.Option("--device", help="auto, cuda or cpu.")]


@app.command()
def generate(
    target: Model,
    out: Out,
    tokens: Annotated[int, typer.Option(help="Tokens to write, about.")] = 8_000_000,
    batch: Annotated[int, typer.Option(help="Conversations at a time.")] = 1024,
    length: Annotated[int, typer.Option(help="Most tokens of a conversation.")] = 256,
    temperatures: Annotated[str, typer.Option(help="Of the answers.")] = "0.7,1.0",
    asking: Annotated[float, typer.Option(help="Temperature of the questions.")] = 0.85,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Let the target write conversations."""
    model = load_target(target, device=device)
    template = chat_template(model.tokenizer)
    order = Order(
        openings=(template.opening,) * batch,
        bridge=template.bridge,
        stop=model.stop,
        temperatures=numbers(temperatures),
        asking_temperature=asking,
        length=length,
        seed=seed,
    )
    steps = len(template.opening) + -(-tokens // batch)
    corpus = write(model.model, order, steps, lambda n, s: say(f"{n * batch:,} tokens in {s:.0f} s"))
    corpus.save(out, command())
    say(f"{len(corpus.lengths):,} conversations, {corpus.answered:,} tokens of answers: {out}")
    for sequence in corpus.sequences()[:3]:
        say(repr(model.tokenizer.decode(sequence[len(template.opening) :])))


@app.command()
def answer(
    target: Model,
    prompts: Annotated[Path, typer.Option(help="JSON lines, as of mdsd capture; first turns.")],
    out: Out,
    limit: Annotated[int, typer.Option(help="Prompts, from the beginning of the file.")] = 256,
    most: Annotated[int, typer.Option(help="Tokens of an answer.")] = 128,
    temperature: Annotated[float, typer.Option(help="Of the answers.")] = 0.7,
    seed: Seed = 1,
    device: Device = "auto",
) -> None:
    """Let the target answer prompts of a file, to measure drafts on."""
    model = load_target(target, device=device)
    template = chat_template(model.tokenizer)
    openings = tuple(
        (*template.opening, *encode(model.tokenizer, text), *template.bridge)
        for text in dict.fromkeys(x.turns[0] for x in load_prompts(prompts, limit=limit))
    )
    steps = max(map(len, openings)) + most
    order = Order(openings, (), model.stop, (temperature,), length=steps, seed=seed)
    corpus = write(model.model, order, steps).first_answers(most)
    corpus.save(out, command())
    say(f"{len(corpus.lengths):,} answers, {corpus.answered:,} tokens: {out}")


Conversations = Annotated[Path, typer.Option("--corpus", help="What generate wrote.")]
Measure = Annotated[list[Path] | None, typer.Option("--measure", help="What answer wrote; repeatable.")]
Held = Annotated[int, typer.Option("--held-out", help="Conversations not learnt from.")]
Final = Annotated[int, typer.Option("--optimal", help="Positions of which α* is worked out at the end.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="A field of the recipe, such as rate=1e-3 or mix=0.1,1,0.5; repeatable."),
]


@app.command()
def head(
    target: Model,
    corpus: Conversations,
    out: Out,
    measure: Measure = None,
    width: Annotated[
        int, typer.Option(help="Of the MLP: 4608 is 9.6 MB in int8 for SmolLM2-135M.")
    ] = 4608,
    storage: Annotated[str, typer.Option(help="int8 or bfloat16.")] = "int8",
    held_out: Held = 256,
    optimal: Final = 2048,
    settings: Set = None,
    device: Device = "auto",
) -> None:
    """Train an EAGLE-style head: one decoder layer over embedding and hidden state."""
    job = Job.of(load_target(target, device=device), corpus, out, measure, settings, Recipe(), held_out)
    size = hidden_size(job.target, job.learnt)
    learner = new_head(job.target, width, size, storage)  # type: ignore[arg-type]
    if not (out / STATE).is_file():
        begin_linear(learner, job.target, job.learnt)
    job.run(learner, f"An EAGLE-style head: one Llama layer with an MLP of {width}, {storage}.", optimal)


@app.command()
def student(
    target: Model,
    corpus: Conversations,
    out: Out,
    measure: Measure = None,
    layers: Annotated[str, typer.Option(help="Of the target, in order.")] = "0,1,2,3,28,29",
    train_embeddings: Annotated[bool, typer.Option(help="Else the target's, frozen.")] = False,
    held_out: Held = 256,
    optimal: Final = 2048,
    settings: Set = None,
    device: Device = "auto",
) -> None:
    """Train a student that begins as some of the target's layers."""
    base = Recipe(rate=2e-3, steps=3000)
    job = Job.of(load_target(target, device=device), corpus, out, measure, settings, base, held_out)
    learner = new_student(job.target, tuple(int(x) for x in layers.split(",")), train_embeddings)
    job.run(learner, f"A Llama that began as layers {layers} of its target.", optimal)


def say(text: str) -> None:
    """Tell the person at the terminal."""
    terminal.say(text, stderr=True)


@dataclass(frozen=True)
class Job:
    """A training: its target and recipe, what is learnt and what is held out, where results go.

    Attributes
    ----------
    target : Target
    recipe : Recipe
    source, out : Path
        File of conversations, and folder of the draft.
    learnt : Corpus
    held_out : dict of str to Corpus
        By name: conversations not learnt from, and what is measured on besides.
    """

    target: Target
    recipe: Recipe
    source: Path
    out: Path
    learnt: Corpus
    held_out: dict[str, Corpus]

    @classmethod
    def of(
        cls,
        target: Target,
        source: Path,
        out: Path,
        measure: list[Path] | None,
        settings: list[str] | None,
        base: Recipe,
        apart: int,
    ) -> "Job":
        """Read conversations and settings, and seed torch for the draft that is made next."""
        recipe = read_recipe(settings, base)
        learnt, held_out = divide(Corpus.load(source), apart, recipe.seed)
        torch.manual_seed(recipe.seed)
        measured = {path.stem: Corpus.load(path) for path in measure or []}
        return cls(target, recipe, source, out, learnt, {"held out": held_out, **measured})

    def run(self, learner: Learner, what: str, optimal: int) -> None:
        """Train, save, measure what was saved, and write card and curves."""
        title, learnt = self.out.name, self.learnt
        parameters = sum(x.numel() for x in learner.module.parameters() if x.requires_grad)
        say(f"{learnt.answered:,} positions to learn from; {parameters:,} parameters")
        lines = train(self.target, learner, learnt, self.held_out, self.recipe, self.out, report=say)
        made = facts(
            self.target.info,
            asdict(self.recipe),
            conversations=len(learnt.lengths),
            answered=learnt.answered,
            temperatures=sorted({round(float(x), 4) for x in learnt.temperatures}),
            corpus_command=command_of(self.source),
            seconds=lines[-1]["seconds"],
            device=torch.cuda.get_device_name() if self.target.device.type == "cuda" else "CPU",
            title=title,
            what=what,
        )
        weights = learner.save(self.out, made)
        draft = load_draft(str(self.out), self.target)
        figures = {
            on: measure_draft(self.target, draft, other, tokens=4096, optimal=optimal)
            for on, other in self.held_out.items()
        }
        size = weights.stat().st_size
        write_figures(self.out / "figures.json", made | {"bytes": size, "figures": figures})
        write_curves(self.out / "curves.png", lines, title)
        write_card(self.out / "README.md", made, figures)
        (self.out / STATE).unlink(missing_ok=True)
        say(f"{size:,} bytes: {weights}")
        say(json.dumps(figures, indent=1))


def read_recipe(settings: list[str] | None, base: Recipe) -> Recipe:
    """Return a recipe with some fields set, each in the type of its default."""
    fields = asdict(base)
    for text in settings or []:
        name, _, value = text.partition("=")
        if name not in fields or not value:
            raise InputError(f"--set {text}: expected one of {', '.join(fields)}, then = and a value")
        kind = type(fields[name])
        try:
            fields[name] = (
                numbers(value) if kind is tuple else json.loads(value) if kind is bool else kind(value)
            )
        except ValueError:
            raise InputError(f"--set {text}: {value!r} is not of type {kind.__name__}") from None
    return Recipe(**fields)


def numbers(text: str) -> tuple[float, ...]:
    """Return numbers from a list with commas."""
    try:
        return tuple(float(x) for x in text.split(","))
    except ValueError:
        raise InputError(f"{text!r} is not a list of numbers with commas") from None


def main() -> None:
    """Run the script."""
    terminal.run(app)


if __name__ == "__main__":
    main()
