"""Multi-draft speculative decoding of Hugging Face causal models: lossless, one target call a step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mdsd_theory.errors import InputError, InputTypeError
from mdsd_theory.models.base import Draft, Target
from mdsd_theory.models.packages import require
from mdsd_theory.schemes import resolve_scheme
from mdsd_theory.schemes.base import Scheme
from mdsd_theory.tree.block_efficiency import AcceptanceTable, table_of
from mdsd_theory.tree.rules import TreeRule, resolve_rule, setting_of
from mdsd_theory.tree.topology import Tree, resolve_tree

if TYPE_CHECKING:
    from mdsd_theory.tree.decoding.engine import Engine, Step

Tokens = Sequence[int]


@dataclass(frozen=True)
class Decoded:
    """A text that was continued.

    Attributes
    ----------
    prompt : list of int
    tokens : list of int
        New ones, the stop token included.
    text : str
        The new tokens as text, special ones left out.
    accepted : list of int
        Drafts accepted in each step.
    reason : {"stop", "length", "context"}
        Why it ended: a stop token, ``max_new_tokens``, or the end of the context.
    visits : Counter
        (Depth, number of drafts n, rank of the accepted draft or −1) → nodes that node-wise
        verification came to.
    seconds : dict of str to list of float
        Of each part of each step of the whole batch; empty unless ``timed``.
    """

    prompt: list[int]
    tokens: list[int]
    text: str
    accepted: list[int]
    reason: str
    visits: Counter[tuple[int, int, int]] = field(repr=False)
    seconds: dict[str, list[float]] = field(repr=False)

    @property
    def steps(self) -> int:
        """Calls of the target, that on the prompt left out."""
        return len(self.accepted)

    @property
    def tokens_per_call(self) -> float:
        """Measured block efficiency: new tokens per call of the target."""
        return len(self.tokens) / len(self.accepted)

    @property
    def mean_accepted(self) -> float:
        """Drafts accepted per step, the mean accepted length."""
        return sum(self.accepted) / len(self.accepted)


def acceptance_table(texts: Collection[Decoded]) -> AcceptanceTable:
    """Return how often each draft of a node was the one emitted, by depth and number of drafts.

    Parameters
    ----------
    texts : collection of Decoded
        Of node-wise verification; of trees with several numbers of drafts, so that a tree can be chosen.
    """
    counts: Counter[tuple[int, int, int]] = Counter()
    for text in texts:
        counts.update(text.visits)
    visits: Counter[tuple[int, int]] = Counter()
    accepted: dict[tuple[int, int], list[int]] = {}
    for (depth, n, rank), count in counts.items():
        visits[depth, n] += count
        row = accepted.setdefault((depth, n), [0] * n)
        if rank >= 0:
            row[rank] += count
    return table_of(visits, accepted)


def multidraft_decode(
    prompt: str | Tokens | Sequence[str] | Sequence[Tokens],
    target: Target | str,
    draft: Draft | str,
    tree: Tree | str = "4x3",
    scheme: str | Scheme = "greedy",
    verifier: str | TreeRule | Any = "optimal",
    temperature: float = 1.0,
    *,
    max_new_tokens: int = 128,
    top_k: int | None = None,
    top_p: float | None = None,
    draft_temperature: float | None = None,
    stop: Collection[int] | None = None,
    seed: int = 0,
    chat: bool = False,
    timed: bool = False,
    on_step: Callable[[Step], None] | None = None,
) -> Any:
    """Continue a prompt, or several side by side, with the law of the target alone.

    Each step the draft model grows a tree, the target reads all of it in one call with a tree attention
    mask, a rule verifies it, and both caches keep the accepted path.

    Parameters
    ----------
    prompt : str, sequence of int, or a sequence of these
        Text, or tokens; several are a batch. An empty one is the beginning of a text where the tokenizer
        has a token for it.
    target : Target or str
        Of :func:`~mdsd_theory.models.target.load_target`, or what that takes.
    draft : Draft or str
        Of :func:`~mdsd_theory.models.resolve.load_draft`, or what that takes: another model with the
        target's tokenizer, ``skip:14-18``, or an EAGLE-style head.
    tree : Tree or str
        ``"4x3"``, ``"chain:5"``, ``"sparse"``, or a :class:`~mdsd_theory.tree.topology.Tree`.
    scheme : str or Scheme
        How the drafts at each node are drawn.
    verifier : str, Verifier or TreeRule
        A verifier of one position, used at every node, ``"traversal"``, or ``"block"`` for chains.
    temperature : float
        Of the target; 0 takes the likeliest token.
    max_new_tokens : int
        Most new tokens of each text.
    top_k, top_p : optional
        Truncate the target's law, and the draft's with it.
    draft_temperature : float, optional
        Of the draft; the target's if left out.
    stop : collection of int, optional
        Tokens that end a text; those of the target if left out.
    seed : int
        Decides everything that is drawn, for one batch on one kind of device.
    chat : bool
        Put a text into the tokenizer's chat template.
    timed : bool
        Note the seconds of each part of each step; waits for the device after each.
    on_step : callable, optional
        Called with each :class:`~mdsd_theory.tree.decoding.engine.Step`, as soon as it is done.

    Returns
    -------
    Decoded, or list of Decoded for several prompts

    Raises
    ------
    InputError, InputTypeError
        For models of different tokenizers, a prompt that leaves no room in the context, a scheme that the
        verifier is not defined for, attention that takes no tree mask.

    Notes
    -----
    Lossless: theorem 13.a in ``proofs/``, and the laws that models of different batch shapes give differ
    by rounding. A node has as many drafts as q has tokens of probability at least 1e-280, where the tree
    asks for more. Texts near ``max_new_tokens`` get lower trees, and no token beyond the context. At
    ``draft_temperature`` 0 each scheme drafts what it does in the limit: the likeliest tokens (with
    replacement, one token n times). Memory: both caches, and 16 V bytes for each node with drafts.

    Examples
    --------
    ::

        target = load_target("SmolLM2-135M-Instruct.Q4_1.gguf")
        draft = load_draft("skip:14-18", target)
        found = multidraft_decode("Why is the sky blue?", target, draft, "4x3", chat=True)
        print(found.text, found.tokens_per_call)
    """
    require("decoding", "torch", "transformers")
    job = _Job.of(
        prompt, target, draft, tree, scheme, verifier, temperature, max_new_tokens, top_k, top_p,
        draft_temperature, stop, seed, chat, timed,
    )  # fmt: skip
    accepted: list[list[int]] = [[] for _ in job.prompts]
    tokens: list[list[int]] = [[] for _ in job.prompts]
    visits: list[Counter[tuple[int, int, int]]] = [Counter() for _ in job.prompts]
    reasons = [""] * len(job.prompts)
    for steps in job.engine.run():
        for step in steps:
            tokens[step.number] += step.tokens
            accepted[step.number].append(len(step.verdict.path))
            visits[step.number].update(step.verdict.visits)
            reasons[step.number] = step.reason
            if on_step is not None:
                on_step(step)
    tokenizer = job.target.tokenizer
    found = [
        Decoded(
            job.prompts[k],
            tokens[k],
            tokenizer.decode(tokens[k], skip_special_tokens=True) if tokenizer is not None else "",
            accepted[k],
            reasons[k],
            visits[k],
            job.engine.seconds,
        )
        for k in range(len(job.prompts))
    ]
    return found if job.several else found[0]


def stream(
    prompt: str | Tokens, target: Target | str, draft: Draft | str, *args: Any, **options: Any
) -> Iterator[str]:
    """Yield the text of :func:`multidraft_decode` piece by piece, as steps are done.

    Parameters are those of :func:`multidraft_decode`, for one prompt. A character of several tokens is
    held back until it is whole.

    Examples
    --------
    ::

        for piece in stream("Why is the sky blue?", target, draft, "sparse", chat=True):
            print(piece, end="", flush=True)
    """
    require("decoding", "torch", "transformers")
    job = _Job.of(prompt, target, draft, *args, **options)
    if job.several:
        raise InputError(f"prompt holds {len(job.prompts)} prompts; a stream continues one")
    tokens: list[int] = []
    said = ""
    for steps in job.engine.run():
        for step in steps:
            tokens += step.tokens
            text = job.target.tokenizer.decode(tokens, skip_special_tokens=True)
            if text.endswith("\ufffd") and not step.reason:
                continue
            if len(text) > len(said):
                yield text[len(said) :]
                said = text


@dataclass(frozen=True)
class _Job:
    """What was asked for, checked."""

    prompts: list[list[int]]
    several: bool
    target: Target
    engine: Engine

    @classmethod
    def of(
        cls,
        prompt: Any,
        target: Any,
        draft: Any,
        tree: Any = "4x3",
        scheme: Any = "greedy",
        verifier: Any = "optimal",
        temperature: float = 1.0,
        max_new_tokens: int = 128,
        top_k: int | None = None,
        top_p: float | None = None,
        draft_temperature: float | None = None,
        stop: Collection[int] | None = None,
        seed: int = 0,
        chat: bool = False,
        timed: bool = False,
    ) -> _Job:
        import torch

        from mdsd_theory.tree.decoding.engine import Engine, Row, Settings
        from mdsd_theory.tree.decoding.laws import Warp
        from mdsd_theory.tree.decoding.verifying import verification_of

        large, small = _models(target, draft)
        shape, chosen, rule = resolve_tree(tree), resolve_scheme(scheme), resolve_rule(verifier)
        setting = setting_of(_no_law, _no_law, shape, chosen, rule)
        warp = Warp(temperature, top_k, top_p)
        drawn = Warp(temperature if draft_temperature is None else draft_temperature, top_k, top_p)
        prompts, several = _prompts(prompt, large, chat)
        if isinstance(max_new_tokens, bool) or not isinstance(max_new_tokens, int) or max_new_tokens < 1:
            raise InputError(f"max_new_tokens is {max_new_tokens!r}; expected a whole number >= 1")
        context = min(large.context, getattr(small, "context", large.context))
        rows = []
        for k, x in enumerate(prompts):
            left = context - len(x)
            if left < 1:
                raise InputError(
                    f"prompt {k} has {len(x)} tokens and the models read at most {context}; shorten it"
                )
            rows.append(Row(k, x, min(max_new_tokens, left), left < max_new_tokens))
        generator = torch.Generator(large.device).manual_seed(seed)
        settings = Settings(
            shape,
            chosen,
            verification_of(rule, setting, warp, drawn),
            drawn,
            large.stop if stop is None else frozenset(stop),
        )
        engine = Engine(large, small, rows, settings, generator, timed=timed)
        return cls(prompts, several, large, engine)


def _no_law(u: Any) -> list[float]:
    raise AssertionError("only checked, never asked")


def _models(target: Any, draft: Any) -> tuple[Target, Any]:
    from mdsd_theory.models.resolve import load_draft
    from mdsd_theory.models.target import load_target

    large = load_target(target) if isinstance(target, str) else target
    if not isinstance(large, Target):
        raise InputTypeError(
            f"target is a {type(target).__name__}; expected what load_target returns, or a name for it"
        )
    return large, load_draft(draft, large) if isinstance(draft, str) else draft


def _prompts(prompt: Any, target: Target, chat: bool) -> tuple[list[list[int]], bool]:
    """Return the tokens of each prompt, and whether there were several."""
    if isinstance(prompt, str):
        return [_tokens(prompt, target, chat)], False
    listed = prompt.tolist() if hasattr(prompt, "tolist") else list(prompt)
    if not listed or isinstance(listed[0], int):
        return [_tokens(listed, target, chat)], False
    return [_tokens(x, target, chat) for x in listed], True


def _tokens(prompt: Any, target: Target, chat: bool) -> list[int]:
    tokenizer = target.tokenizer
    if isinstance(prompt, str) and chat:
        if not getattr(tokenizer, "chat_template", None):
            raise InputError("the target's tokenizer has no chat template; pass chat=False")
        turn = [{"role": "user", "content": prompt}]
        text = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
        found = tokenizer(text, add_special_tokens=False).input_ids
    else:
        found = tokenizer(prompt).input_ids if isinstance(prompt, str) else [*map(int, prompt)]
    if not found:
        if tokenizer is None or tokenizer.bos_token_id is None:
            raise InputError("the prompt is empty and the tokenizer has no token for a text's beginning")
        found = [tokenizer.bos_token_id]
    if min(found) < 0 or max(found) >= target.vocabulary:
        raise InputError(
            f"the prompt holds token {max(found) if min(found) >= 0 else min(found)}; expected 0 … "
            f"{target.vocabulary - 1}"
        )
    return list(found)
