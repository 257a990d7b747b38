"""Manifests: what a later run must repeat, and what may change."""

from __future__ import annotations

import json

import pytest
from capture_fakes import prompts_of

from mdsd_theory.capture.manifest import (
    begin_run,
    digest,
    finish_run,
    open_manifest,
    read_manifest,
    require_same,
    write_manifest,
)
from mdsd_theory.capture.positions import Prompt
from mdsd_theory.errors import DataFileError, InputError

SETTINGS = {"target": "a", "seed": 0, "questions": {"temperatures": (0.7, 1.0), "drafts": (3,)}}


def begun(out):
    manifest = open_manifest(out, SETTINGS)
    begin_run(manifest, engine="local")
    write_manifest(out, manifest)
    return manifest


def test_a_manifest_comes_back_as_it_was_written(tmp_path):
    manifest = begun(tmp_path)
    assert read_manifest(tmp_path) == manifest == open_manifest(tmp_path, SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_runs_tell_when_and_with_what(tmp_path):
    manifest = begun(tmp_path)
    (run,) = manifest["runs"]
    assert run["engine"] == "local"
    assert run["finished"] is manifest["finished"] is None
    assert {"python", "numpy", "torch", "mdsd-theory"} <= run["versions"].keys()
    finish_run(manifest, {"rows": 3})
    assert manifest["finished"] == run["finished"] >= run["started"]
    begin_run(manifest)
    assert manifest["finished"] is None
    assert len(manifest["runs"]) == 2


DIFFERENT = {
    "target": ({"target": "b"}, 'target = "a", not "b"'),
    "a nested list": (
        {"questions": {"temperatures": (0.7,), "drafts": (3,)}},
        "questions.temperatures = [0.7, 1.0], not [0.7]",
    ),
    "one more": ({"limit": 5}, "limit = null, not 5"),
    "the first of two": ({"seed": 1, "target": "b"}, 'target = "a"'),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_another_setting_is_one_line_with_its_name(case, tmp_path):
    begun(tmp_path)
    changed, message = DIFFERENT[case]
    with pytest.raises(InputError) as error:
        open_manifest(tmp_path, {**SETTINGS, **changed})
    assert f"was begun with {message}" in str(error.value)
    assert "--restart" in str(error.value)
    assert "\n" not in str(error.value)


def test_one_setting_less_is_a_difference(tmp_path):
    begun(tmp_path)
    with pytest.raises(InputError, match="seed = 0, not null"):
        open_manifest(tmp_path, {name: x for name, x in SETTINGS.items() if name != "seed"})


def test_models_are_compared_to_the_last_digest(tmp_path):
    old = {"target": {"name": "x", "revision": "abc"}, "draft": {"layers": [1, 2]}}
    require_same(old, {"target": {"name": "x", "revision": "abc"}, "draft": {"layers": (1, 2)}}, tmp_path)
    with pytest.raises(InputError, match=r'target\.revision = "abc", not "abd"'):
        require_same(old, {**old, "target": {"name": "x", "revision": "abd"}}, tmp_path)


def test_one_line_for_what_is_no_manifest(tmp_path):
    with pytest.raises(DataFileError, match=r"manifest\.json cannot be read: No such file"):
        read_manifest(tmp_path)
    for text in ("", "{", "[]", json.dumps({"format": 2})):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(DataFileError, match="--restart begins anew"):
            open_manifest(tmp_path, SETTINGS)


def test_digests_see_every_part_of_a_prompt():
    prompts = prompts_of(4)
    others = [
        prompts[:3],
        [*prompts[:3], Prompt(4, prompts[3].turns, prompts[3].task)],
        [*prompts[:3], Prompt(3, (*prompts[3].turns, "?"), prompts[3].task)],
        [*prompts[:3], Prompt(3, prompts[3].turns, "other")],
    ]
    assert len({digest(prompts), *map(digest, others)}) == 5
    assert digest(prompts) == digest(prompts_of(4))
