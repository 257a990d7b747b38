"""The stages of a capture as one object, and how real models make one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdsd_theory.capture.positions import Columns, Positions, Prompt, Questions, Response

if TYPE_CHECKING:
    import torch

    from mdsd_theory.capture.chat import Skipped


@dataclass(frozen=True)
class Stages:
    """What is done with prompts, step by step.

    Attributes
    ----------
    generate : callable
        Prompts to responses, and to the turns that were skipped.
    score : callable
        Responses to batches of positions.
    measure : callable
        Positions to columns.
    models : dict
        What the manifest says of target and draft.
    device : str
        Name of the device.
    cuda : bool
        Whether the device runs behind the program.
    """

    generate: Callable[[Sequence[Prompt]], tuple[Sequence[Response], Sequence[Skipped]]]
    score: Callable[[Sequence[Response]], Iterator[Positions]]
    measure: Callable[[Positions], Columns]
    models: dict[str, Any]
    device: str = "cpu"
    cuda: bool = False


Recipe = Callable[[], Stages]
"""Makes the stages where they are to run: in this process, or in a worker it is sent to."""


@dataclass(frozen=True)
class ModelRecipe:
    """Loads a target and a draft.

    Attributes
    ----------
    target, draft : str
        As of :func:`mdsd_theory.models.target.load_target` and
        :func:`mdsd_theory.models.resolve.load_draft`.
    questions : Questions
    temperature : float
        At which the target generates.
    max_tokens, seed : int
        As of :func:`mdsd_theory.capture.generation.respond`.
    dtype, device : str
    program_share : float
        As of :func:`mdsd_theory.capture.measures.measure`.
    batch, generation_batch : int or None
        Most tokens at once, when scoring and when generating.
    chat_template : str or None
        Jinja, in place of the tokenizer's own.
    """

    target: str
    draft: str
    questions: Questions
    temperature: float
    max_tokens: int
    seed: int
    dtype: str = "auto"
    device: str = "auto"
    program_share: float = 1.0
    batch: int | None = None
    generation_batch: int | None = None
    chat_template: str | None = None

    def settings(self) -> dict[str, Any]:
        """Return what a later run must repeat; the sizes of batches may change, and so may the device.

        Of a path only the last part, so that folders may move: the models say themselves what they are.
        """
        return {
            "target": _spec(self.target),
            "draft": _spec(self.draft),
            "generation_temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
            "dtype": self.dtype,
            "program_share": self.program_share,
            "chat_template": self.chat_template and sha256(self.chat_template.encode()).hexdigest(),
        }

    def __call__(self) -> Stages:
        """Load the models and tie them to the stages."""
        from mdsd_theory.capture import generation, scoring
        from mdsd_theory.capture.chat import use_chat_template
        from mdsd_theory.capture.measures import measure
        from mdsd_theory.models.resolve import load_draft
        from mdsd_theory.models.target import load_target

        target = load_target(self.target, dtype=self.dtype, device=self.device)
        if self.chat_template is not None:
            use_chat_template(target.tokenizer, self.chat_template)
        draft = load_draft(self.draft, target)
        target = replace(target, context=min(target.context, getattr(draft, "context", target.context)))
        at_once = self.batch or scoring.TOKENS_AT_ONCE
        generated_at_once = self.generation_batch or generation.tokens_that_fit(target)

        def generate(prompts: Sequence[Prompt]) -> tuple[Sequence[Response], Sequence[Skipped]]:
            return generation.respond(
                target,
                prompts,
                max_tokens=self.max_tokens,
                temperature=self.temperature,
                seed=self.seed,
                tokens_at_once=generated_at_once,
            )

        return Stages(
            generate=generate,
            score=lambda responses: scoring.score(target, draft, responses, tokens_at_once=at_once),
            measure=lambda positions: measure(
                positions, self.questions, program_share=self.program_share
            ),
            models={"target": target.info, "draft": draft.info},
            device=_name(target.device),
            cuda=target.device.type == "cuda",
        )


def _spec(text: str) -> str:
    return Path(text).resolve().name if Path(text).exists() else text


def _name(device: torch.device) -> str:
    if device.type != "cuda":
        return device.type
    import torch

    return torch.cuda.get_device_name(device)
