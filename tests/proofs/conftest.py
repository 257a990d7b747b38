"""Running the check of a page, as it stands and with its text altered."""

import numpy as np
import pytest

from mdsd_theory.proving import Evidence, Level
from mdsd_theory.proving.pages import load, page


@pytest.fixture
def altered():
    """A function that runs a page's check after one replacement in its source."""

    def run(number: int, old: str, new: str) -> Evidence:
        path = page(number).path
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {path.name}; expected once"
        module = load(path, text.replace(old, new))
        return module.check(Level.QUICK, np.random.default_rng(0))

    return run
