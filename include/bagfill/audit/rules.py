"""How often, and how sure: the numbers of an installation, parsed once from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class AuditRules:
    """What the scheduled audits keep to.

    Args:
        period: within which each registered replica is read again.
        confidence: of the statements about samples; more than 0, less than 1.
        detectable_loss: share of bad files that a sample is to notice; decides how many files are drawn.
        thaw_bytes: archived bytes that one audit may thaw for its sample; 0: archived files are judged by their
            metadata alone, and nothing is paid for.
        thaw_days: how long the thawed copies live.
    """

    period: timedelta = timedelta(days=90)
    confidence: float = 0.95
    detectable_loss: float = 0.01
    thaw_bytes: int = 0
    thaw_days: int = 3
