"""The request for an audit, checked whole before anything is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID, uuid5

from bagfill.audit.model import AuditMode
from bagfill.steps.requests import RequestError
from bagfill.steps.services import Services

FIELDS = ("location", "mode", "space", "external_identifier", "limit", "due")
"""The names a request may have; every other is refused."""

_AUDIT_IDS = UUID("a0c7d3c8-2b53-5a8e-9a51-3c0f4e7f5d10")
"""Namespace: an audit's id follows from request and location, so that a retry finds the same audit."""


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """Look again at replicas of one location.

    Args:
        request_id: who asks; the same id for the same location is the same audit.
        location: name of a configured location.
        mode: how closely.
        space: only this space.
        external_identifier: only this bag of the space.
        limit: at most so many replicas.
        due: only today's share of what the period asks for (settings, ``[audit]``).
    """

    request_id: str
    location: str
    mode: AuditMode = AuditMode.LIST
    space: str | None = None
    external_identifier: str | None = None
    limit: int | None = None
    due: bool = False

    @property
    def audit_id(self) -> UUID:
        """The id of the audit that this request opens."""
        return uuid5(_AUDIT_IDS, f"{self.request_id}\n{self.location}")

    @classmethod
    def parse(cls, services: Services, request_id: str, fields: Mapping[str, Any]) -> Self:
        """Check a request from outside. ``None`` and empty text count as not given.

        Raises:
            RequestError: with every problem found.
        """
        given = {name: value for name, value in fields.items() if value is not None and value != ""}
        problems = [
            f"{name!r}: unknown field; known are {', '.join(FIELDS)}" for name in sorted(set(fields) - set(FIELDS))
        ]
        problems += [
            f"{name}: found {given[name]!r}, a text is needed"
            for name in ("location", "mode", "space", "external_identifier")
            if name in given and not isinstance(given[name], str)
        ]
        known = ", ".join(sorted(services.locations))
        if "location" not in given:
            problems.append(f"location: missing; configured locations are {known}")
        elif given["location"] not in services.locations:
            problems.append(f"location: found {given['location']!r}, configured locations are {known}")
        if "external_identifier" in given and "space" not in given:
            problems.append("external_identifier: a space is needed with it")
        mode = given.get("mode", AuditMode.LIST.value)
        if mode not in list(AuditMode):
            problems.append(f"mode: found {mode!r}, allowed are {', '.join(AuditMode)}")
        limit = given.get("limit")
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            problems.append(f"limit: found {limit!r}, allowed are whole numbers from 1")
        due = given.get("due", False)
        if not isinstance(due, bool):
            problems.append(f"due: found {due!r}, allowed are true and false")
        if problems:
            raise RequestError(tuple(problems))
        return cls(
            request_id=request_id,
            location=given["location"],
            mode=AuditMode(mode),
            space=given.get("space"),
            external_identifier=given.get("external_identifier"),
            limit=limit,
            due=due,
        )
