"""What the service's tracker makes of an update: the state machine of its ``IngestStates``, on its internal JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STATUSES = ("Accepted", "Processing", "Succeeded", "Failed")
_MAY_FOLLOW = {
    ("Accepted", "Accepted"): True,
    ("Accepted", "Processing"): True,
    ("Accepted", "Succeeded"): True,
    ("Accepted", "Failed"): True,
    ("Processing", "Accepted"): False,
    ("Processing", "Processing"): True,
    ("Processing", "Succeeded"): True,
    ("Processing", "Failed"): True,
    ("Succeeded", "Accepted"): False,
    ("Succeeded", "Processing"): False,
    ("Succeeded", "Succeeded"): True,
    ("Succeeded", "Failed"): False,
    ("Failed", "Accepted"): False,
    ("Failed", "Processing"): False,
    ("Failed", "Succeeded"): True,
    ("Failed", "Failed"): True,
}
"""All 16 moves, as the service's own test lists them."""


class Conflict(Exception):
    """The update is not allowed: it is dropped whole, events and all."""


class Malformed(Exception):
    """The JSON is not what the service's decoders take."""


def updated(ingest: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    """The ingest with the update.

    Raises:
        Conflict: the state machine does not allow it.
        Malformed: not an update.
    """
    events = [*ingest["events"], *_events(update)]
    after = {**ingest, "events": events}
    match update.get("type"):
        case "IngestEventUpdate":
            if ingest["status"]["type"] == "Accepted":
                after["status"] = {"type": "Processing"}
        case "IngestStatusUpdate":
            wanted = _name(update.get("status"), STATUSES)
            if not _MAY_FOLLOW[ingest["status"]["type"], wanted]:
                raise Conflict(f"status cannot go from {ingest['status']['type']} to {wanted}")
            after["status"] = {"type": wanted}
        case "IngestCallbackStatusUpdate":
            wanted = _name(update.get("callbackStatus"), ("Pending", "Succeeded", "Failed"))
            callback = ingest.get("callback")
            if callback is None:
                raise Conflict("the ingest has no callback")
            if callback["status"]["type"] not in {"Pending", wanted}:
                raise Conflict(f"callback cannot go from {callback['status']['type']} to {wanted}")
            after["callback"] = {**callback, "status": {"type": wanted}}
        case "IngestVersionUpdate":
            wanted_version = update.get("version")
            if not isinstance(wanted_version, int):
                raise Malformed("version: a whole number is needed")
            if ingest.get("version") not in {None, wanted_version}:
                raise Conflict(f"version is {ingest['version']}, and not {wanted_version}")
            after["version"] = wanted_version
        case other:
            raise Malformed(f"type: {other!r} is no update")
    return after


def _events(update: Mapping[str, Any]) -> list[dict[str, Any]]:
    events = update.get("events", [])
    if not isinstance(events, list):
        raise Malformed("events: a list is needed")
    for event in events:
        named = isinstance(event, dict) and (event.get("description"), event.get("createdDate"))
        if not named or not all(isinstance(text, str) for text in named):
            raise Malformed("events: each has a description and a createdDate")
    return events


def _name(value: Any, allowed: tuple[str, ...]) -> str:
    name = value.get("type") if isinstance(value, dict) else None
    if not isinstance(name, str) or name not in allowed:
        raise Malformed(f"status: {value!r}, valid values are {', '.join(allowed)}")
    return name
