"""``mdsd tree`` and ``mdsd decode``."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("transformers")

from tiny_checkpoints import save_tiny, save_tiny_eagle


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("decode-cli")
    save_tiny_eagle(folder / "head")
    return save_tiny(folder / "target", "llama"), str(folder / "head")


def test_a_tree_is_drawn(run):
    code, out, err = run("tree", "2x2")
    assert (code, err) == (0, "")
    assert out.count("── ") == 6
    assert "tree of 6 drafts, depth 2" in out


def test_large_trees_are_only_counted(run):
    code, out, _ = run("tree", "4x5")
    assert (code, out) == (0, "tree of 1364 drafts, depth 5, up to 4 drafts a node\n")


def test_expected_tokens(run):
    _, out, _ = run("tree", "2x2", "--acceptance", "0.6,0.2")
    assert "expected tokens a call: 2.4400" in out
    said = json.loads(run("tree", "2x2", "--acceptance", "0.6,0.2", "--json")[1])
    assert said["paths"][-1] == [1, 1]
    assert said["expected_tokens"] == pytest.approx(2.44)


def test_a_picture(run, tmp_path):
    pytest.importorskip("matplotlib")
    file = tmp_path / "tree.svg"
    assert run("tree", "sparse", "--acceptance", "0.6,0.2,0.1,0.05", "-o", file)[0] == 0
    assert file.read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["4y"], "tree is '4y'"),
        (["2x2", "--acceptance", "0.6"], "has 1 chances"),
        (["2x2", "--acceptance", "a,b"], "expected numbers"),
        (["2x2", "--acceptance", "0.9,0.9"], "sum"),
        (["2x2", "-o", "/nowhere/tree.png"], "cannot write"),
    ],
)
def test_mistakes_are_one_line(run, arguments, message):
    code, _, err = run("tree", *arguments)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1


def test_decoding_writes_the_text_and_a_summary(run, models):
    target, head = models
    options = [
        "--target",
        target,
        "--draft",
        head,
        "--tree",
        "2x2",
        "--max-new-tokens",
        "8",
        "--device",
        "cpu",
    ]
    code, out, err = run("decode", "w5 w9", *options)
    assert code == 0
    assert out.strip()
    assert "calls of the target" in err
    said = json.loads(run("decode", "w5 w9", *options, "--json")[1])
    assert said["text"] == out.rstrip("\n")
    assert sum(said["accepted"]) + len(said["accepted"]) >= len(said["tokens"])


def test_decoding_refuses_in_one_line(run, models):
    target, head = models
    code, _, err = run("decode", "w5", "--target", target, "--draft", head, "--verifier", "k_seq")
    assert code == 2
    assert "is for with_replacement, not for greedy" in err
