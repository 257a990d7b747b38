"""Audits: black-box tests of other people's verifiers and draft samplers."""

from mdsd_theory.auditing.adapters import batched_torch, takes_logits
from mdsd_theory.auditing.draft_report import DraftAuditReport
from mdsd_theory.auditing.drafts import audit_drafts
from mdsd_theory.auditing.report import AuditReport
from mdsd_theory.auditing.verifier import audit

__all__ = [
    "AuditReport",
    "DraftAuditReport",
    "audit",
    "audit_drafts",
    "batched_torch",
    "takes_logits",
]
