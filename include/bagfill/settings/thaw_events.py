"""``[thaw_events]``: where restores are announced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from bagfill.settings.sections import ConnectionId, Section


@dataclass(frozen=True, slots=True)
class ThawEvents:
    """Where restores are announced.

    Args:
        queue: URL of an SQS queue.
        connection: id of the connection that may receive and delete its messages.
    """

    queue: str
    connection: str | None = None


class ThawEventsSection(Section):
    """``[thaw_events]``: an SQS queue that gets ``s3:ObjectRestore:Completed`` of the source buckets."""

    queue: Annotated[str, Field(pattern=r"^https?://[^\s?#@]+$")]
    connection: ConnectionId | None = None

    def events(self) -> ThawEvents:
        """As the triggerer takes them."""
        return ThawEvents(self.queue, self.connection)
