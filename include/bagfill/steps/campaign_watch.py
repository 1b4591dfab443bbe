"""Looking, while an ingest of a campaign is worked on, whether the campaign still wants it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from bagfill.campaigns.ledger import CampaignHalted
from bagfill.campaigns.states import ActKind
from bagfill.database.errors import DatabaseError
from bagfill.steps.outcomes import IngestRef
from bagfill.steps.services import Services

SECONDS = 15.0
"""Between two looks: with the block that is in flight, a pause takes effect within a minute."""


class CampaignWatch:
    """Asked before every write; asks the registry itself only every few seconds. Shared between threads.

    A registry that does not answer stops nothing that was permitted before: it is asked again.

    Args:
        seconds: between two looks; ``None``: ``SECONDS``.
        timer: seconds that only go forward.
    """

    def __init__(
        self,
        services: Services,
        ref: IngestRef,
        *,
        seconds: float | None = None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._campaigns = services.campaigns
        self._ref = ref
        self._seconds = SECONDS if seconds is None else seconds
        self._timer = timer
        self._lock = threading.Lock()
        self._next = float("-inf")
        self._halted: CampaignHalted | None = None

    def check(self) -> None:
        """Raise CampaignHalted if the campaign was paused, cancelled or stopped, and this ingest is not to go on."""
        if not self._ref.campaign:
            return
        with self._lock:
            if self._timer() >= self._next:
                self._look()
                self._next = self._timer() + self._seconds
            if self._halted is not None:
                raise self._halted

    def _look(self) -> None:
        try:
            halted = self._campaigns.may_go_on(self._ref.campaign, self._ref.ingest_id, ActKind.COPY)
        except DatabaseError as error:
            if not error.retryable:
                raise
            return
        self._halted = None if halted is None else CampaignHalted(self._ref.campaign, halted)
