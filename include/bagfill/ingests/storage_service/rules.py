"""How a storage service is told of ingests, as configured."""

from __future__ import annotations

from dataclasses import dataclass, field

from bagfill.ingests.storage_service.letters import ShownAs


@dataclass(frozen=True, slots=True)
class ServiceIngests:
    """Where ingests are shown, and how.

    Args:
        tracker: address of the ingests tracker's internal API, without a path.
        topic: ARN of the topic that the ingests worker listens to; ``None``: updates go to the tracker's API too.
        connection: id of the connection that may publish to the topic; ``None``: the provider's default credentials.
        timeout_seconds: how long one answer of the tracker is waited for.
        shown: as what.
    """

    tracker: str
    topic: str | None = None
    connection: str | None = None
    timeout_seconds: float = 5.0
    shown: ShownAs = field(default_factory=ShownAs)
