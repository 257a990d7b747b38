"""Compiled loops: the same numbers, and no need to write anything to disk."""

from __future__ import annotations

import numpy as np
import pytest
from numba.core import caching

from mdsd_theory.compiled import compiled


def total(x):
    s = 0.0
    for i in range(x.size):
        s += x[i]
    return s


@pytest.mark.parametrize("fast", [False, True])
def test_the_loop_is_compiled(fast):
    x = np.arange(10.0)
    loop = compiled(fast=fast)(total)
    assert loop(x) == total(x) == 45
    assert loop.signatures


def test_a_read_only_installation_compiles_without_a_cache(monkeypatch):
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    loop = compiled()(total)
    assert loop(np.ones(3)) == 3
    assert not loop.stats.cache_path
