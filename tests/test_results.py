"""Results: a subset that is written down only when it is asked for."""

from __future__ import annotations

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mdsd_theory import Acceptance

SUBSET = np.array([True, False])


def deferred(write):
    return Acceptance(0.5, 0.5, 0.5, write, "route", "with_replacement", 3)


def test_threads_that_ask_at_once_get_one_subset():
    meeting = threading.Barrier(3)

    def write():
        meeting.wait(timeout=20)
        return SUBSET.copy()

    result = deferred(write)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: result.subset, range(3)))
    assert all(subset is result.subset for subset in found)


def test_it_is_written_once_and_then_kept():
    calls = []
    result = deferred(lambda: calls.append(0) or SUBSET)
    assert not calls
    assert result.subset is result.subset is SUBSET
    assert len(calls) == 1
    assert "subset" in vars(result)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_hold_it(again):
    assert again(deferred(lambda: SUBSET)).subset.tolist() == [True, False]


def test_other_names_are_unknown():
    with pytest.raises(AttributeError, match="no attribute 'size'"):
        _ = deferred(lambda: SUBSET).size
