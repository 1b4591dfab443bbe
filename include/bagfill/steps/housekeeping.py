"""What is tidied before a sweep: ingests whose run was lost, and rows that nobody will ask for again."""

from __future__ import annotations

import logging
from datetime import UTC, timedelta

from bagfill.steps.close_abandoned import close_abandoned
from bagfill.steps.services import Services

logger = logging.getLogger(__name__)

THAWS_KEPT = timedelta(days=90)
"""After a copy went away, its row says only that there was one; bills of the time have come by then."""


def keep_house(services: Services) -> int:
    """Close abandoned ingests, so that their bags can be started again, forget old timings and thaws, note coverage.

    Returns:
        how many ingests were closed.
    """
    thaws = services.thaws.forget(before=services.clock() - THAWS_KEPT)
    timings = services.rates.forget()
    if thaws or timings:
        logger.info("Forgotten: %s finished thaws, %s old timings.", thaws, timings)
    # Of every day the last sweep's look is kept: the trend that pages show.
    services.registry.note_coverage(services.clock().astimezone(UTC).date())
    return close_abandoned(services)
