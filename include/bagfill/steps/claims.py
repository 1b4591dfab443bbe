"""Holding a claim while work goes on: heartbeats in the background, and a check before every write."""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Self

from bagfill.logs import Line, about, tell
from bagfill.registry.registry import Claim, ClaimLostError
from bagfill.steps.outcomes import IngestRef
from bagfill.steps.services import Services

logger = logging.getLogger(__name__)


def claim_of(services: Services, ref: IngestRef) -> Claim:
    """The claim as this ingest holds it. Whether it is still valid is for the registry to say."""
    return Claim(ref.id, ref.destination, ref.ingest_id, ref.token, services.clock())


class ClaimKeeper:
    """Keeps a claim alive for the time of a ``with`` block.

    Entering it renews the lease once, so a stale holder is refused before it does anything. A heartbeat that cannot
    reach the registry is tried again at the next beat; only the registry's own word makes the claim lost.

    Raises:
        ClaimLostError: on entering, and from :meth:`check` in the block, when the claim went to another holder.
    """

    def __init__(self, services: Services, ref: IngestRef) -> None:
        self._registry = services.registry
        self._ref = ref
        self._lease = services.limits.lease
        self._claim = claim_of(services, ref)
        self._lost: ClaimLostError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="claim-heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._registry.heartbeat(self._claim, lease=self._lease)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Raise ClaimLostError if a heartbeat learnt that the claim went to another holder."""
        if self._lost is not None:
            raise self._lost

    def _beat(self) -> None:
        while not self._stop.wait(self._lease.total_seconds() / 3):
            try:
                self._registry.heartbeat(self._claim, lease=self._lease)
            except ClaimLostError as error:
                self._lost = error
                return
            except Exception as error:  # noqa: BLE001 - an unreachable registry is asked again; the lease covers the gap
                with about(self._ref):
                    tell(logger, Line.CLAIM_NOT_RENEWED, why=type(error).__name__)
