"""Verifiers that reach the optimum."""

from mdsd_theory.verifiers.optimal.iid_rule import IIDPlan, OptimalIID
from mdsd_theory.verifiers.optimal.rule import Optimal

__all__ = ["IIDPlan", "Optimal", "OptimalIID"]
