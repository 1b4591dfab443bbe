"""Letters by HTTP to the tracker's API: ``POST /ingest``, ``PATCH /ingest/{id}``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from bagfill.ingests.storage_service.delivery import Delivered, NotNow, Outcome, RefusedForGood
from bagfill.ingests.storage_service.outbox import Letter

_SAME = ("space", "externalIdentifier", "version")
_FOR_GOOD = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
_MOST_QUOTED = 200


class TrackerApi:
    """See :class:`bagfill.ingests.storage_service.delivery.Delivery`.

    Args:
        address: of the tracker, without a path; it is internal to the service and asks for no identity.
        type_id: of ingests, as the settings say it now: it may have been corrected since a letter was written.
        timeout_seconds: how long one answer is waited for.
    """

    def __init__(self, address: str, type_id: str, timeout_seconds: float = 5.0) -> None:
        self._type = {"id": type_id}
        self._address = address.rstrip("/")
        self._timeout = timeout_seconds
        self._client: Any = None

    def send(self, letter: Letter) -> Outcome:
        """See :meth:`Delivery.send`."""
        if not letter.creates:
            return self._outcome(self._ask("PATCH", f"/ingest/{letter.ingest_id}", letter.body))
        answer = self._ask("POST", "/ingest", {**letter.body, "ingestType": self._type})
        if isinstance(answer, tuple) and answer[0] == HTTPStatus.CONFLICT:
            return self._known(letter)
        return self._outcome(answer)

    def check(self) -> None:
        """See :meth:`Delivery.check`. Whether the tracker is there shows when it answers, and it may be down now."""

    def trouble(self) -> str | None:
        """What keeps the tracker from answering ``GET /healthcheck`` now; ``None``: nothing."""
        match self._outcome(self._ask("GET", "/healthcheck", None)):
            case Delivered():
                return None
            case RefusedForGood(why=why) | NotNow(why=why):
                return why

    def close(self) -> None:
        """See :meth:`Delivery.close`."""
        if self._client is not None:
            self._client.close()

    def _known(self, letter: Letter) -> Outcome:
        """An answer got lost, and the ingest has moved on since; or another has its id, which is for good."""
        answer = self._ask("GET", f"/ingest/{letter.ingest_id}", None)
        if isinstance(answer, NotNow) or answer[0] != HTTPStatus.OK:
            return self._outcome(answer)
        try:
            known = json.loads(answer[1])
            is_same = all(known.get(name) == letter.body[name] for name in _SAME) and _is_same_moment(
                known.get("createdDate"), letter.body["createdDate"]
            )
        except (ValueError, AttributeError):
            is_same = False
        return Delivered() if is_same else RefusedForGood(f"another ingest has the id {letter.ingest_id} there")

    def _outcome(self, answer: tuple[int, str] | NotNow) -> Outcome:
        if isinstance(answer, NotNow):
            return answer
        status, text = answer
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return Delivered()
        said = f"the tracker answered {status}" + (f": {text[:_MOST_QUOTED]}" if text else "")
        if status in _FOR_GOOD:
            return RefusedForGood(said)
        # Not found: the service's own worker tries that again, for its table may lag behind.
        return NotNow(said)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, str] | NotNow:
        import httpx

        if self._client is None:
            # The transport itself: a client would take proxies from the environment, and follow redirects.
            self._client = httpx.HTTPTransport(trust_env=False)
        content = None if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            request = httpx.Request(
                method,
                f"{self._address}{path}",
                content=content,
                headers={"Content-Type": "application/json"},
                extensions={"timeout": httpx.Timeout(self._timeout).as_dict()},
            )
            answer = self._client.handle_request(request)
            try:
                return answer.status_code, answer.read().decode("utf-8", "replace")
            finally:
                answer.close()
        except httpx.RequestError as error:
            # Of an answer that cannot be decoded too, of which nobody knows what it says.
            return NotNow(f"the tracker gave no answer ({type(error).__name__})", nobody=True)


def _is_same_moment(theirs: Any, ours: str) -> bool:
    """Moments are compared, not texts: how many digits of a second are printed is each program's own way."""
    return isinstance(theirs, str) and datetime.fromisoformat(theirs) == datetime.fromisoformat(ours)
