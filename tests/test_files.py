"""Arrays from files."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_tensors

from mdsd_theory.errors import DataFileError, InputError
from mdsd_theory.files import load_alike, load_array, read_distributions

X = np.arange(6.0).reshape(2, 3)


def test_npy(tmp_path):
    np.save(tmp_path / "x.npy", X)
    assert (load_array(str(tmp_path / "x.npy")) == X).all()


def test_npz_with_one_entry_needs_no_key(tmp_path):
    np.savez(tmp_path / "x.npz", a=X)
    assert (load_array(str(tmp_path / "x.npz")) == X).all()


def test_npz_and_safetensors_with_keys(tmp_path):
    np.savez(tmp_path / "x.npz", a=X, b=2 * X)
    save_file({"a": X, "b": 2 * X}, tmp_path / "x.safetensors")
    for name in ("x.npz", "x.safetensors"):
        assert (load_array(f"{tmp_path / name}:b") == 2 * X).all()


def test_bfloat16_safetensors_come_as_tensors(tmp_path):
    save_tensors({"a": torch.tensor(X).to(torch.bfloat16)}, tmp_path / "x.safetensors")
    assert load_array(str(tmp_path / "x.safetensors")).dtype == torch.bfloat16


def test_pt(tmp_path):
    torch.save({"a": torch.tensor(X), "b": torch.tensor(X)}, tmp_path / "x.pt")
    assert torch.equal(load_array(f"{tmp_path / 'x.pt'}:a"), torch.tensor(X))


def test_messages(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "x.npz", a=X, b=X)
    (tmp_path / "x.txt").write_text("0.5")
    (tmp_path / "broken.npy").write_bytes(b"not an array")
    (tmp_path / "broken.safetensors").write_bytes(b"short")
    (tmp_path / "broken.pt").write_bytes(b"no")
    np.save(tmp_path / "objects.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    cases = {
        "none.npy": "does not exist",
        "x.txt": "ends in '.txt'; expected one of .npy",
        "x.npz": "holds a, b; say which one",
        "x.npz:c": "has no entry 'c'; it holds a, b",
        "x.npy:a": "holds a single array; leave out the key 'a'",
        "broken.npy": "cannot be read as .npy",
        "broken.safetensors": "cannot be read as .safetensors",
        "broken.pt": "cannot be read as .pt",
        "objects.npy": "cannot be read as .npy",
    }
    for name, message in cases.items():
        with pytest.raises(DataFileError, match=message):
            load_array(str(tmp_path / name))


def test_upper_case_suffixes(tmp_path):
    with (tmp_path / "x.NPZ").open("wb") as file:
        np.savez(file, a=X, b=2 * X)
    assert (load_array(f"{tmp_path / 'x.NPZ'}:b") == 2 * X).all()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_entered(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    with pytest.raises(DataFileError, match="cannot be read: Permission denied"):
        load_array(str(closed / "x.npy"))


def test_foreign_byte_order_beside_a_tensor(tmp_path):
    np.save(tmp_path / "x.npy", X.astype(">f8"))
    torch.save(torch.tensor(X), tmp_path / "x.pt")
    foreign, tensor = load_alike(str(tmp_path / "x.npy"), str(tmp_path / "x.pt"))
    assert torch.equal(foreign, tensor)


P = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (P, "probabilities"),
        (P.astype(np.float16), "probabilities"),
        (P[:0], "probabilities"),
        (np.log(P), "logits (temperature 1)"),
        (np.array([0.0, -np.inf, 2.5]), "logits (temperature 1)"),
        (np.array([5, 3, 2]), "logits (temperature 1)"),
    ],
)
def test_what_a_file_holds_is_told_by_sight(content, kind, tmp_path):
    np.save(tmp_path / "x.npy", content)
    (read,) = read_distributions(str(tmp_path / "x.npy"))
    assert read.kind == kind
    np.testing.assert_allclose(read.x.sum(-1), 1, rtol=1e-3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (0.97 * P, "do not sum to one .row sums from 0.97 to 0.97.; renormalise them, or pass --logits"),
        (np.vstack([P, 2 * P[1:] / 3]), "do not sum to one .row sums from 0.6666666667 to 1.;"),
        (P - [[1e-6, 0, 0], [0.1 + 1e-6, 0, -0.1]], "reach down to -1e-06"),
        (np.where(P > 0.6, np.nan, P), r"x.npy\[1, 2\] is nan; expected probabilities or logits"),
        (np.where(P > 0.6, np.inf, P), r"x.npy\[1, 2\] is inf"),
        (np.zeros((2, 0)), "x.npy has shape .2, 0.: the vocabulary is empty"),
        (np.array(0.5), "x.npy is a single number"),
    ],
)
def test_what_could_be_a_mistake_is_refused(content, message, tmp_path):
    np.save(tmp_path / "x.npy", content)
    with pytest.raises(InputError, match=message):
        read_distributions(str(tmp_path / "x.npy"))


def test_what_a_file_holds_can_be_said(tmp_path):
    np.save(tmp_path / "x.npy", 0.97 * P)
    (read,) = read_distributions(str(tmp_path / "x.npy"), logits=True, temperature=0.5)
    assert read.kind == "logits (temperature 0.5)"
    with pytest.raises(InputError, match=r"x.npy\[0\] sums to 0.97"):
        read_distributions(str(tmp_path / "x.npy"), logits=False)
