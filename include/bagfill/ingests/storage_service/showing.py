"""Writes down, with every change of an ingest, what the storage service is to be told of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, select

from bagfill.database.insertion import insert_if_absent
from bagfill.database.tables import INGEST_OUTBOX, SHOWN_INGESTS
from bagfill.ingests.model import Ingest
from bagfill.ingests.storage_service.letters import ShownAs, SourcePlace, creation, messages, so_far
from bagfill.ingests.tracker import IngestUpdate


class Showing:
    """See :class:`bagfill.ingests.followers.Follower`.

    Args:
        shown: how ingests are shown.
        source: where an ingest reads, from settings alone.
        clock: dates letters.
    """

    def __init__(self, shown: ShownAs, source: Callable[[Ingest], SourcePlace], clock: Callable[[], datetime]) -> None:
        self._shown = shown
        self._source = source
        self._clock = clock

    def opened(self, connection: Connection, ingest: Ingest) -> None:
        """See :meth:`Follower.opened`."""
        insert_if_absent(connection, SHOWN_INGESTS, {"ingest_id": ingest.id, "refused": None})
        self._write(connection, ingest.id, [creation(ingest, self._source(ingest), self._shown)], creates=True)
        self._write(connection, ingest.id, so_far(ingest))

    def updated(self, connection: Connection, before: Ingest, update: IngestUpdate) -> None:
        """See :meth:`Follower.updated`. An ingest from before this service was configured is shown from here on."""
        known = select(SHOWN_INGESTS.c.ingest_id).where(SHOWN_INGESTS.c.ingest_id == before.id)
        if connection.execute(known).one_or_none() is None:
            self.opened(connection, before)
        self._write(connection, before.id, messages(before, update, self._shown))

    def _write(
        self, connection: Connection, ingest_id: UUID, bodies: Iterable[Mapping[str, Any]], *, creates: bool = False
    ) -> None:
        now = self._clock()
        rows = [
            {
                "ingest_id": ingest_id,
                "body": json.dumps(body, ensure_ascii=False, separators=(",", ":")),
                "creates": creates,
                "written": now,
                "due": now,
                "attempts": 0,
            }
            for body in bodies
        ]
        if rows:
            connection.execute(insert(INGEST_OUTBOX), rows)
