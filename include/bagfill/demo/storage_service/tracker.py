"""The service's ingests tracker: what its internal API answers, without the HTTP around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from threading import RLock
from typing import Any
from uuid import UUID

from bagfill.demo.storage_service.states import STATUSES, Conflict, Malformed, updated

_COMPLETED = {"Succeeded", "Failed"}


class Tracker:
    """Keeps ingests in its own JSON, in memory.

    Args:
        ingest_types: ids it knows: today's service has ``create`` and ``update``.
    """

    def __init__(self, ingest_types: Sequence[str] = ("create", "update")) -> None:
        self._types = tuple(ingest_types)
        self._lock = RLock()
        self._ingests: dict[str, dict[str, Any]] = {}
        self.notified: list[str] = []
        """Ids of ingests whose callback the notifier was told to make, each time it was."""

    def create(self, document: Any) -> tuple[HTTPStatus, Any]:
        """``POST /ingest``: 201, also for exactly the same again; 409 if the id has other content by now."""
        try:
            ingest = self._ingest(document)
        except Malformed as why:
            return HTTPStatus.BAD_REQUEST, str(why)
        with self._lock:
            known = self._ingests.setdefault(ingest["id"], ingest)
            if known != ingest:
                return HTTPStatus.CONFLICT, None
            self._notify(known)
        return HTTPStatus.CREATED, None

    def update(self, ingest_id: str, update: Any) -> tuple[HTTPStatus, Any]:
        """``PATCH /ingest/{id}``: 200 and the ingest, 404, or 409 and nothing has changed."""
        with self._lock:
            ingest = self._ingests.get(ingest_id)
            if ingest is None:
                return HTTPStatus.NOT_FOUND, None
            try:
                if not isinstance(update, dict):
                    raise Malformed("an update is needed")
                self._ingests[ingest_id] = after = updated(ingest, update)
            except Malformed as why:
                return HTTPStatus.BAD_REQUEST, str(why)
            except Conflict:
                return HTTPStatus.CONFLICT, None
            self._notify(after)
        return HTTPStatus.OK, after

    def get(self, ingest_id: str) -> dict[str, Any] | None:
        """``GET /ingest/{id}``, in the tracker's own JSON."""
        with self._lock:
            return self._ingests.get(ingest_id)

    def all(self) -> list[dict[str, Any]]:
        """Every ingest, in the order they were created. The real service has no such list."""
        with self._lock:
            return list(self._ingests.values())

    def _notify(self, ingest: Mapping[str, Any]) -> None:
        callback = ingest.get("callback")
        if ingest["status"]["type"] in _COMPLETED and callback and callback["status"]["type"] == "Pending":
            self.notified.append(ingest["id"])

    def _ingest(self, document: Any) -> dict[str, Any]:
        """What the decoder of ``Ingest`` takes. Raises Malformed."""
        if not isinstance(document, dict):
            raise Malformed("an ingest is needed")
        for name in ("space", "externalIdentifier", "createdDate"):
            if not isinstance(document.get(name), str):
                raise Malformed(f"{name}: text is needed")
        type_id = _field(document, "ingestType", "id")
        if type_id not in self._types:
            raise Malformed(f'ingestType.id: got "{type_id}", valid values are: {", ".join(self._types)}.')
        if _field(document, "sourceLocation", "type") != "S3SourceLocation":
            raise Malformed("sourceLocation.type: S3SourceLocation is the only one")
        place = document["sourceLocation"].get("location")
        if not all(isinstance(_field({"at": place}, "at", name), str) for name in ("bucket", "key")):
            raise Malformed("sourceLocation.location: bucket and key are needed")
        if _field(document, "status", "type") not in STATUSES:
            raise Malformed("status.type is unknown")
        if document.get("version") is not None and not isinstance(document["version"], int):
            raise Malformed("version: a whole number is needed")
        try:
            ingest_id = str(UUID(str(document.get("id"))))
        except ValueError:
            raise Malformed("id: a UUID is needed") from None
        kept = {name: value for name, value in document.items() if value is not None}
        return {**kept, "id": ingest_id, "events": document.get("events", [])}


def _field(document: Mapping[str, Any], name: str, inner: str) -> Any:
    value = document.get(name)
    return value.get(inner) if isinstance(value, dict) else None
