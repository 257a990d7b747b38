"""Arrays from files."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_tensors

from mdsd_theory.errors import DataFileError
from mdsd_theory.files import load_array

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
