"""Verifiers that reach the optimum."""

from mdsd_theory.verifiers.optimal.coupling_rule import CouplingPlan, OptimalCoupling
from mdsd_theory.verifiers.optimal.iid_plan import IIDPlan
from mdsd_theory.verifiers.optimal.iid_rule import OptimalIID
from mdsd_theory.verifiers.optimal.orders_rule import OptimalOrders, OrdersPlan
from mdsd_theory.verifiers.optimal.rule import Optimal

__all__ = [
    "CouplingPlan",
    "IIDPlan",
    "Optimal",
    "OptimalCoupling",
    "OptimalIID",
    "OptimalOrders",
    "OrdersPlan",
]
