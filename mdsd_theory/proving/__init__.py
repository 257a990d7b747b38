"""What the checks beside the pages of ``proofs/`` are written with.

A check is ``check(level, rng) -> Evidence``; it tries statements on samples of instances.
"""

from mdsd_theory.proving.evidence import Evidence, Finding, Kind, Verdict
from mdsd_theory.proving.instances import Drafters, Pair, total
from mdsd_theory.proving.levels import Level
from mdsd_theory.proving.positions import Position, at_schemes, positions
from mdsd_theory.proving.samples import Sample, grid, random_drafters, random_pairs
from mdsd_theory.proving.statements import at_least, differs, equal, fails, holds
from mdsd_theory.proving.symbolic import identity, impossible, simplex

__all__ = [
    "Drafters",
    "Evidence",
    "Finding",
    "Kind",
    "Level",
    "Pair",
    "Position",
    "Sample",
    "Verdict",
    "at_least",
    "at_schemes",
    "differs",
    "equal",
    "fails",
    "grid",
    "holds",
    "identity",
    "impossible",
    "positions",
    "random_drafters",
    "random_pairs",
    "simplex",
    "total",
]
