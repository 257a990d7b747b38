"""Shared fixtures: random pairs, and one instance per kind."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from mdsd_theory import cli


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20251)


@pytest.fixture
def batch(rng):
    """Five rows over 40 tokens, one of them peaked."""
    p, q = rng.dirichlet(np.full(40, 0.5), size=(2, 5))
    q[2] = q[2] * 1e-9
    q[2, 7] = 1 - (q[2].sum() - q[2, 7])
    return p / p.sum(-1, keepdims=True), q / q.sum(-1, keepdims=True)


@pytest.fixture
def run(monkeypatch, capsys):
    """Run ``mdsd`` with arguments; return exit code, standard output and standard error."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["mdsd", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capsys.readouterr()
        return stop.value.code or 0, captured.out, captured.err

    return call
