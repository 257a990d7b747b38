"""Verifiers that reach the optimum."""

from mdsd_theory.verifiers.optimal.rule import Optimal, OptimalPlan

__all__ = ["Optimal", "OptimalPlan"]
