"""Training of drafts, from conversations to curves, on a target small enough to test with."""

from __future__ import annotations

import importlib
import json
import math
import sys
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from typer.testing import CliRunner

import mdsd_theory
from mdsd_theory.errors import DataFileError, InputError
from mdsd_theory.models.base import Scope, Target
from mdsd_theory.models.eagle import load_eagle
from mdsd_theory.models.resolve import load_draft
from mdsd_theory.models.target import load_target

FOLDER = Path(__file__).parents[2] / "experiments"
V, STOP = 64, 3
OPENING, BRIDGE = (1, 5, 6), (STOP, 7, 8)


@pytest.fixture(scope="module")
def parts():
    """The modules, imported as the script imports them."""
    sys.path.insert(0, str(FOLDER))
    names = (
        "corpus",
        "decoding",
        "learners",
        "loop",
        "loss",
        "measuring",
        "remembered",
        "report",
        "starting",
        "template",
        "writing",
    )
    try:
        found = {name: importlib.import_module(f"training.{name}") for name in names}
        yield SimpleNamespace(script=importlib.import_module("train_draft"), **found)
    finally:
        sys.path.remove(str(FOLDER))
        for name in [x for x in sys.modules if x.split(".")[0] in ("training", "train_draft")]:
            del sys.modules[name]


@pytest.fixture(scope="module")
def target() -> Target:
    """A random Llama whose laws are far from flat."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=V, hidden_size=16, intermediate_size=32, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64,
        tie_word_embeddings=True, initializer_range=0.3,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval().requires_grad_(False)
    return Target(model, None, {"name": "tiny", "licence": "Apache-2.0"}, 64, frozenset({STOP}))


def order(parts, **changes):
    given = {
        "openings": (OPENING,) * 32, "bridge": BRIDGE, "stop": frozenset({STOP}), "length": 24,
        "asking_length": 6, "seed": 1,
    }  # fmt: skip
    return parts.writing.Order(**(given | changes))


@pytest.fixture(scope="module")
def corpus(parts, target):
    return parts.writing.write(target.model, order(parts), 120)


def test_generation_steps_through_llamas_only(parts, target):
    model = SimpleNamespace(config=SimpleNamespace(model_type="gemma2"))
    with pytest.raises(InputError, match="steps through a Llama; the target is a 'gemma2'"):
        parts.decoding.Decoder(model, 1, 4)


@pytest.mark.parametrize("most", [0, 1, 3, 7, 50, 51, 99])
def test_positions_of_the_optimum_are_spread_over_all(parts, most):
    lengths = np.full(10, 8, np.int32)
    corpus = parts.corpus.Corpus(np.zeros(80, np.int32), lengths, lengths - 5, np.ones(10, np.float32))
    spread, chosen = parts.measuring.Spread(corpus, most), []
    for first in range(0, 50, 4):
        rows = min(4, 50 - first)
        chosen += [first + i for i in range(rows)[spread.next(rows)]]
    step = -(-50 // most) if most else 50
    assert chosen == list(range(0, 50, step)) if most else not chosen


def test_steps_agree_with_the_model(parts, target):
    """Rows at places of their own, one of which goes back and says something else."""
    torch.manual_seed(1)
    tokens = torch.randint(V, (3, 12))
    decoder = parts.decoding.Decoder(target.model, 3, 12)
    whole = target.model(tokens).logits
    begins = (0, 2, 4)
    for step in range(12 + max(begins)):
        place = torch.tensor([min(max(step - begin, 0), 11) for begin in begins])
        logits = decoder.step(tokens[torch.arange(3), place], place)
        torch.testing.assert_close(logits, whole[torch.arange(3), place], rtol=1e-4, atol=1e-5)
    changed = tokens.clone()
    changed[:, 5:] = (tokens[:, 5:] + 1) % V
    again = target.model(changed).logits
    for at in range(5, 12):
        logits = decoder.step(changed[:, at], torch.full((3,), at))
        torch.testing.assert_close(logits, again[:, at], rtol=1e-4, atol=1e-5)


class Unasked(TorchDispatchMode):
    """Refuses what a CUDA graph cannot hold: the host asking for numbers, sizes that depend on them."""

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        name = op.overloadpacket.__name__
        assert name not in ("_local_scalar_dense", "nonzero", "masked_select", "equal", "lift_fresh"), op
        if name in ("index", "index_put_"):
            assert all(x is None or x.dtype == torch.int64 for x in args[1]), op
        return op(*args, **(kwargs or {}))


def test_a_step_never_asks_for_a_number(parts, target):
    writer = parts.writing.Writer(target.model, order(parts), 5)
    with Unasked():
        writer.step()
        with pytest.raises(AssertionError):
            int(writer.clock)


def test_a_checkout_that_is_not_installed_knows_its_version(parts, monkeypatch):
    def lacking(name):
        raise PackageNotFoundError(name)

    assert parts.report.version_of("torch") == version("torch")
    monkeypatch.setattr(parts.report, "version", lacking)
    assert parts.report.version_of("mdsd-theory") == mdsd_theory.__version__
    assert parts.report.version_of("torch") == "unknown"


def test_conversations_have_the_form_of_a_chat(corpus):
    assert len(corpus.lengths) > 100
    for tokens, start in zip(corpus.sequences(), corpus.starts.tolist(), strict=True):
        said = tokens.tolist()
        assert said[:3] == list(OPENING)
        assert tuple(said[start - len(BRIDGE) : start]) == BRIDGE
        question, answer = said[3 : start - len(BRIDGE)], said[start:]
        assert STOP not in question
        assert len(question) <= 6
        assert STOP not in answer[:-1]
        assert len(answer) >= 1
        assert len(said) <= 24
    ended = sum(tokens[-1] == STOP for tokens in corpus.sequences())
    cut = sum(len(tokens) == 24 for tokens in corpus.sequences())
    assert len(corpus.lengths) - ended - cut <= 32  # those being written when the last step was taken
    assert set(corpus.temperatures.astype(str).tolist()) == {"0.7", "1.0"}


def test_what_is_written_follows_the_targets_law(parts, target):
    """The first tokens of the answers to one prompt, at temperature 0.7, against the exact law."""
    prompt = (1, 9, 20, 4)
    wanted = order(parts, openings=(prompt,) * 64, bridge=(), temperatures=(0.7,), length=5, seed=3)
    found = parts.writing.write(target.model, wanted, 164)
    firsts = Counter(int(x[4]) for x in found.sequences())
    count = sum(firsts.values())
    assert count > 8000
    law = (target.model(torch.tensor([prompt])).logits[0, -1] / 0.7).softmax(-1)
    for token, p in enumerate(law.tolist()):
        assert abs(firsts[token] - count * p) < 5 * math.sqrt(count * p * (1 - p)) + 3


def test_writing_is_seeded(parts, target):
    one, two = (parts.writing.write(target.model, order(parts), 40) for _ in range(2))
    other = parts.writing.write(target.model, order(parts, seed=2), 40)
    assert np.array_equal(one.tokens, two.tokens)
    assert not np.array_equal(one.tokens[:200], other.tokens[:200])


def test_answers_to_prompts_of_different_lengths(parts, target):
    prompts = tuple((1, *range(10, 10 + n)) for n in (2, 7, 4))
    wanted = order(parts, openings=prompts, bridge=(), length=20)
    found = parts.writing.write(target.model, wanted, 60).first_answers(5)
    assert [tuple(x[:n].tolist()) for x, n in zip(found.sequences(), found.starts, strict=True)] == list(
        prompts
    )
    assert ((found.lengths - found.starts) <= 5).all()


def test_corpus_file_and_division(parts, corpus, tmp_path):
    corpus.save(tmp_path / "corpus.safetensors")
    read = parts.corpus.Corpus.load(tmp_path / "corpus.safetensors")
    assert np.array_equal(read.tokens, corpus.tokens)
    learnt, apart = parts.corpus.divide(read, 20, 0)
    questions = [
        {x[:n].tobytes() for x, n in zip(c.sequences(), c.starts, strict=True)} for c in (learnt, apart)
    ]
    assert not questions[0] & questions[1]
    assert 1 <= len(apart.lengths) <= 20
    assert len(learnt.lengths) == len(corpus.lengths) - 20
    with pytest.raises(InputError, match="leave none to hold out"):
        parts.corpus.divide(corpus.take(np.arange(3)), 20, 0)
    (tmp_path / "bad").write_bytes(b"x")
    with pytest.raises(DataFileError, match="not a file of conversations"):
        parts.corpus.Corpus.load(tmp_path / "bad")


def test_batches_hold_every_answer_once(parts, corpus):
    dealer = parts.corpus.Dealer(corpus, 200, "cpu")
    batches = dealer.epoch(0, 0)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(corpus.lengths)))
    for which in batches:
        batch = dealer.deal(which)
        assert batch.tokens.numel() <= 200
        length = batch.tokens.shape[1]
        expected = []
        for row, i in enumerate(which.tolist()):
            sequence = corpus.sequences()[i]
            assert batch.tokens[row, : len(sequence)].tolist() == sequence.tolist()
            expected += [row * length + t for t in range(corpus.starts[i] - 1, len(sequence) - 1)]
        assert batch.rows.tolist() == expected
    stream, later = dealer.endless(0, 0), dealer.endless(0, len(batches) + 2)
    passed = [next(stream) for _ in range(len(batches) + 3)]
    assert torch.equal(passed[-1].tokens, next(later).tokens)


def test_loss_and_its_gradients(parts):
    torch.manual_seed(2)
    own, wise = (torch.randn(11, 6, dtype=torch.float64) for _ in range(2))
    first, second = (torch.randn(9, 6, dtype=torch.float64) for _ in range(2))
    mix = torch.tensor([0.3, 0.8, 0.5], dtype=torch.float64)
    own.requires_grad_()
    first.requires_grad_()

    def plainly():
        z, y = own @ first.T, wise @ second.T
        loss = mix[0] * -(y.softmax(-1) * z.log_softmax(-1)).sum(-1)
        for weight, t in zip(mix[1:], (0.7, 1.0), strict=True):
            p, q = (y / t).softmax(-1), (z / t).softmax(-1)
            loss = loss + weight * (1 - torch.minimum(p, q).sum(-1))
        return loss.mean()

    expected = torch.autograd.grad(plainly(), (own, first))
    for chunk in (4, 100):
        distil = parts.loss.Distillation(chunk=chunk)
        loss, _ = distil(own, first, wise, second, mix)
        # The chunks go through float32.
        torch.testing.assert_close(loss, plainly(), rtol=1e-5, atol=1e-6)
        for found, wanted in zip(torch.autograd.grad(2 * loss, (own, first)), expected, strict=True):
            torch.testing.assert_close(found, 2 * wanted, rtol=1e-4, atol=1e-6)


def test_a_head_in_its_own_units_is_the_head_that_is_saved(parts, target, corpus, tmp_path):
    torch.manual_seed(3)
    learner = parts.learners.new_head(target, 24, 2.5, "bfloat16")
    for weight in learner.module.parameters():
        weight.data = weight.data.bfloat16().float()
    learner.units = (0.25, 2.0)  # powers of two: nothing is rounded in bfloat16
    batch = parts.corpus.Dealer(corpus, 200, "cpu").deal(np.arange(6))
    hidden = target.model.model(batch.tokens).last_hidden_state
    states = learner.states(batch.tokens, hidden)
    draft = load_eagle(learner.save(tmp_path / "head", {}).parent, target)
    everywhere = torch.ones_like(batch.tokens, dtype=torch.bool)
    everywhere[:, 0] = False
    found = draft.logits(Scope(batch.tokens, everywhere, everywhere), hidden)
    expected = states[everywhere] @ learner.output.T
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_a_head_begins_as_the_ridge_regression(parts, target, corpus):
    few = corpus.take(np.arange(20))
    learner = parts.learners.new_head(target, 24, 1.3)
    parts.starting.begin_linear(learner, target, few)
    x, y = [], []
    for tokens, start in zip(few.sequences(), few.starts.tolist(), strict=True):
        ids = torch.from_numpy(tokens)[None].long()
        hidden, embedded = target.model.model(ids).last_hidden_state[0], learner.embedding(ids)[0]
        at = torch.arange(start - 1, len(tokens) - 1)
        x.append(
            torch.cat([embedded[at] / learner.units[0], hidden[at - 1] / 1.3, torch.ones(len(at), 1)], 1)
        )
        y.append(hidden[at] / 1.3)
    x, y = torch.cat(x).double(), torch.cat(y).double()
    penalty = (parts.starting.SHRINKAGE * len(x)) ** 0.5 * torch.eye(33)[:32].double()
    stacked = torch.cat([x, penalty]), torch.cat([y, torch.zeros(32, 16)])
    best = torch.linalg.lstsq(*stacked).solution.float()
    torch.testing.assert_close(learner.module.fc.weight, best[:-1].T, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(learner.module.fc.bias, best[-1], rtol=1e-3, atol=1e-4)
    batch = parts.corpus.Dealer(few, 10_000, "cpu").deal(np.arange(20))
    hidden = target.model.model(batch.tokens).last_hidden_state
    said = learner.states(batch.tokens, hidden).flatten(0, 1)[batch.rows]
    assert ((said - 1.3 * (x @ best.double()).float()).abs().max()) < 1e-3
    size = parts.starting.hidden_size(target, few)
    assert size == pytest.approx(1.3 * float(y.square().mean().sqrt()), rel=1e-4)


def test_a_student_of_all_layers_is_the_target(parts, target):
    learner = parts.learners.new_student(target, (0, 1, 2))
    tokens = torch.randint(V, (2, 9))
    torch.testing.assert_close(
        learner.states(tokens, tokens), target.model.model(tokens).last_hidden_state, rtol=1e-5, atol=1e-5
    )
    assert not learner.output.requires_grad
    assert parts.learners.new_student(target, (0,), train_embeddings=True).output.requires_grad
    with pytest.raises(InputError, match="not among the target's 0 to 2"):
        parts.learners.new_student(target, (0, 3))


def learner_of(parts, target, kind):
    torch.manual_seed(4)
    if kind == "head":
        return parts.learners.new_head(target, 48, 1.0)
    return parts.learners.new_student(target, (0, 2), train_embeddings=kind == "student, all")


def trained(parts, target, corpus, folder, kind="head", **changes):
    recipe = parts.loop.Recipe(
        **(
            {"steps": 30, "tokens": 600, "rate": 1e-2, "every": 3, "optimal": 4, "compiled": False}
            | changes
        )
    )
    learner = learner_of(parts, target, kind)
    learnt, apart = parts.corpus.divide(corpus, 30, 0)
    return learner, parts.loop.train(target, learner, learnt, {"held out": apart}, recipe, folder)


@pytest.mark.parametrize("kind", ["head", "student", "student, all"])
def test_a_few_steps_lower_the_loss(parts, target, corpus, tmp_path, kind):
    before = parts.measuring.measure_learner(
        target, learner_of(parts, target, kind), corpus, tokens=600, optimal=4
    )
    learner, lines = trained(parts, target, corpus, tmp_path, kind, cross_entropy=0.5)
    steps = [line for line in lines if "loss" in line]
    early = [line["cross_entropy"] for line in steps]
    assert early[-1] < early[0] - 0.03
    after = parts.measuring.measure_learner(target, learner, corpus, tokens=600, optimal=4)
    for name in ("acceptance_0.7", "acceptance_1"):
        assert after[name] > before[name] + 0.01
    assert (tmp_path / "log.jsonl").read_text().count("\n") == len(lines)
    assert lines[-1]["alpha_0.7"] <= 1


def test_the_same_seed_gives_the_same_weights(parts, target, corpus, tmp_path):
    one, _ = trained(parts, target, corpus, tmp_path / "a", steps=4)
    two, _ = trained(parts, target, corpus, tmp_path / "b", steps=4)
    other, _ = trained(parts, target, corpus, tmp_path / "c", steps=4, seed=1)
    weights = [learner.module.fc.weight for learner in (one, two, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_run_cut_short_goes_on(parts, target, corpus, tmp_path, monkeypatch):
    straight, lines = trained(parts, target, corpus, tmp_path / "straight", every=1, steps=14)
    usual = parts.loop._Run._one

    def fails(run, batch):
        if run.step == 12:
            raise KeyboardInterrupt
        return usual(run, batch)

    monkeypatch.setattr(parts.loop._Run, "_one", fails)
    with pytest.raises(KeyboardInterrupt):
        trained(parts, target, corpus, tmp_path / "cut", every=1, steps=14)
    monkeypatch.undo()
    seen = []
    monkeypatch.setattr(
        parts.loop._Run, "_one", lambda run, batch: seen.append(run.step) or usual(run, batch)
    )
    resumed, again = trained(parts, target, corpus, tmp_path / "cut", every=1, steps=14)
    assert seen == [10, 11, 12, 13]
    for name, tensor in straight.module.state_dict().items():
        assert torch.equal(tensor, resumed.module.state_dict()[name])
    timeless = [
        [{x: y for x, y in line.items() if x not in ("seconds", "positions_per_second")} for line in run]
        for run in (lines, again)
    ]
    assert timeless[0] == timeless[1]
    with pytest.raises(InputError, match="another recipe"):
        trained(parts, target, corpus, tmp_path / "cut", every=1, steps=15)


def test_schedule(parts):
    recipe = parts.loop.Recipe(steps=100, rate=1.0, warm=0.1, cross_entropy=0.3, mix=(0.1, 1.0, 0.5))
    rates = [recipe.rate_at(i) for i in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[10] == 1.0
    assert rates[-1] < 0.01
    assert (recipe.early(29), recipe.early(30)) == (True, False)


def test_settings(parts):
    recipe = parts.script.read_recipe(
        ["rate=0.003", "steps=7", "mix=0,1,0", "compiled=true"], parts.loop.Recipe()
    )
    assert (recipe.rate, recipe.steps, recipe.mix, recipe.compiled) == (0.003, 7, (0.0, 1.0, 0.0), True)
    with pytest.raises(InputError, match="expected one of steps, tokens, rate"):
        parts.script.read_recipe(["speed=3"], parts.loop.Recipe())
    with pytest.raises(InputError, match="'many' is not of type int"):
        parts.script.read_recipe(["steps=many"], parts.loop.Recipe())


@pytest.fixture(scope="module")
def folder(target, tmp_path_factory):
    """The target as a folder, with a chat template."""
    words = {"<pad>": 0, "<s>": 1, "<user>": 2, "<end>": 3, "<answer>": 4}
    words |= {f"w{i}": i for i in range(5, V)}
    bare = Tokenizer(models.WordLevel(words, unk_token="w5"))
    bare.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bare, eos_token="<end>", bos_token="<s>")
    tokenizer.chat_template = (
        "{% for m in messages %}<s> <user> {{ m.content }} <end>{% endfor %}"
        "{% if add_generation_prompt %} <answer>{% endif %}"
    )
    where = tmp_path_factory.mktemp("model") / "tiny"
    target.model.save_pretrained(where)
    tokenizer.save_pretrained(where)
    return where


@pytest.mark.parametrize("kind", ["head", "student"])
def test_commands_from_prompts_to_card(parts, folder, tmp_path, kind):
    def run(*words):
        done = CliRunner().invoke(parts.script.app, [str(x) for x in words], catch_exceptions=False)
        assert done.exit_code == 0, done.output

    corpus, answers, out = (tmp_path / x for x in ("corpus.safetensors", "alpaca.safetensors", "out"))
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"prompt": "w9 w10"}\n{"turns": ["w7", "w8"]}\n{"prompt": "w9 w10"}\n')
    run(
        "generate", "--target", folder, "--out", corpus, "--tokens", 2000, "--batch", 16, "--length", 24,
        "--device", "cpu",
    )  # fmt: skip
    run(
        "answer",
        "--target",
        folder,
        "--prompts",
        prompts,
        "--out",
        answers,
        "--most",
        9,
        "--device",
        "cpu",
    )
    answered = parts.corpus.Corpus.load(answers)
    assert [x[:n].tolist() for x, n in zip(answered.sequences(), answered.starts, strict=True)] == [
        [1, 2, 9, 10, 3, 4], [1, 2, 7, 3, 4],
    ]  # fmt: skip
    chosen = ("--width", 24) if kind == "head" else ("--layers", "0,2")
    settings = [x for pair in ("steps=6", "tokens=300", "every=1", "optimal=4") for x in ("--set", pair)]
    run(
        kind, "--target", folder, "--corpus", corpus, "--measure", answers, "--out", out, *chosen,
        "--optimal", 8, "--device", "cpu", *settings,
    )  # fmt: skip
    made = json.loads((out / "figures.json").read_text())
    assert set(made["figures"]) == {"held out", "alpaca"}
    assert 0 < made["figures"]["alpaca"]["acceptance_0.7"] < made["figures"]["alpaca"]["alpha_0.7"] + 0.5
    assert (out / "curves.png").read_bytes()[:4] == b"\x89PNG"
    card = (out / "README.md").read_text()
    assert "license: apache-2.0" in card
    assert str(tmp_path) not in card
    assert f"{made['figures']['held out']['acceptance_0.7']:.4f}" in card
    loaded = load_target(str(folder), device="cpu")
    draft = load_draft(str(out), loaded)
    again = parts.measuring.measure_draft(loaded, draft, answered, tokens=300, optimal=8)
    assert again == pytest.approx(made["figures"]["alpaca"], abs=2e-4)
    if kind == "head":
        assert draft.info["licence"] == "Apache-2.0"
        assert draft.info["target"]["name"] == "tiny"


def test_remembered_states_are_those_of_the_target(parts, target, corpus):
    dealer = parts.corpus.Dealer(corpus, 256, target.device)
    needed = len(corpus.tokens) * target.model.config.hidden_size * target.model.dtype.itemsize
    kept, fresh = (
        parts.remembered.HiddenStates.of(target, dealer, room) for room in (needed, needed - 1)
    )
    assert kept.kept is not None
    assert fresh.kept is None
    for which in dealer.epoch(3, 1):
        batch = dealer.deal(which)
        mine, theirs = (x(batch).flatten(0, 1)[batch.rows] for x in (kept, fresh))
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
    first = fresh(parts.corpus.Batch(torch.tensor(corpus.sequences()[0])[None].long(), None, None))[0]
    torch.testing.assert_close(kept.kept[: len(first)], first, rtol=1e-4, atol=1e-5)
