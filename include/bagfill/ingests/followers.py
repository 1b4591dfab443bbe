"""Whoever has to hear of every change of an ingest, as surely as the change itself."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import Connection

from bagfill.ingests.model import Ingest
from bagfill.ingests.tracker import IngestUpdate


class Follower(Protocol):
    """Is told inside the transaction that changes the ingest: what it writes there is kept exactly if the change is.

    It talks to nobody but the database.
    """

    def opened(self, connection: Connection, ingest: Ingest) -> None:
        """A new ingest."""
        ...

    def updated(self, connection: Connection, before: Ingest, update: IngestUpdate) -> None:
        """An update that was applied; never one that was refused.

        Args:
            before: the ingest without it.
        """
        ...
