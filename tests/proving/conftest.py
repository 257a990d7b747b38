"""Folders of proofs made for a test."""

import textwrap

import pytest

from mdsd_theory.proving import pages

TRUE = """
    from mdsd_theory.proving import Evidence, equal, grid

    def check(level, rng):
        "p sums to one"
        sample = grid(2, level.pick(2, 3, 4), n=[1])
        return Evidence.of(equal("p sums to one", sample, lambda x: sum(x.p), lambda x: 1))
"""

FALSE = """
    from mdsd_theory.proving import Evidence, Pair, at_least, fails, grid

    def check(level, rng):
        "p is above q, and a counterexample that is none"
        here = Pair.of("1/2 1/2", "1 0", 1)
        return Evidence.of(
            at_least("p is above q", grid(2, 4), lambda x: x.p, lambda x: x.q),
            fails("q₀ is above p₀", here, lambda x: x.q[0], lambda x: x.p[0]),
        )
"""

UNDECIDED = """
    from mdsd_theory.proving import Evidence, Kind, Sample, holds

    def check(level, rng):
        "nothing was tried"
        none = Sample(Kind.RANDOM, "none", [])
        return Evidence.of(holds("anything", none, lambda x: True, note="Why."))
"""

BROKEN = """
    def check(level, rng):
        "breaks"
        raise ValueError("no such token")
"""


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A function that makes a folder of proofs out of texts of checks, and points the package at it."""

    def make(**checks):
        for number, (name, text) in enumerate(checks.items(), 1):
            path = tmp_path / f"{number:02}_{name}.py"
            path.write_text(textwrap.dedent(text), encoding="utf-8")
            path.with_suffix(".md").write_text(f"# {number}. About {name}\n", encoding="utf-8")
        monkeypatch.setattr(pages, "folder", lambda: tmp_path)
        return pages.pages()

    return make
