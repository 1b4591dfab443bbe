"""Take a request that came by HTTP: check it, start its run, open its ingests; or say why not.

Nothing is written before the request is known to be one that can be carried out. The run is started first and the
ingests are opened behind it: an ingest without a run would stay ``accepted`` for ever, and a run opens its ingests
itself if this process dies in between.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID, uuid4

from bagfill.bag.identifiers import BagId, BagVersionId, ExternalIdentifier, InvalidIdentifier, Space
from bagfill.ingests.model import Ingest
from bagfill.ingests.request_document import LocationPart, RequestDocument
from bagfill.logs import Line, tell
from bagfill.steps.open_ingest import announce_ingests, asked_versions
from bagfill.steps.outcomes import StepFailed
from bagfill.steps.requests import BackfillRequest, RequestError
from bagfill.steps.services import Services
from bagfill.storage.location import Location, Provider

logger = logging.getLogger(__name__)

RUN_PREFIX = "bag__http-"
_PROVIDERS = (Provider.AMAZON_S3.value, Provider.AZURE_BLOB_STORAGE.value)
_FIELD_PATHS = {
    "space": ".space.id",
    "external_identifier": ".bag.info.externalIdentifier",
    "version": ".bag.info.version",
    "destination": ".destination",
    "source": ".sourceLocation",
    "thaw_tier": ".thaw.tier",
    "thaw_days": ".thaw.days",
    "callback_url": ".callback.url",
}


class Runs(Protocol):
    """The workflow system, as far as a request needs it."""

    def start(self, request_id: str, fields: dict[str, Any]) -> None:
        """Start the run of a request, unless it exists. Raises RunsUnavailable."""
        ...

    def is_unfinished(self, request_id: str) -> bool:
        """Whether the run of a request is waiting or working. Raises RunsUnavailable."""
        ...


class RunsUnavailable(Exception):
    """The workflow system cannot start runs now. Retryable."""

    retryable = True


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks.

    Args:
        name: of the authenticated user.
        key: value of ``Idempotency-Key``, or ``None``.
    """

    name: str
    key: str | None = None

    @property
    def key_digest(self) -> str | None:
        """What is kept of the key: keys of one client say nothing about those of another."""
        return None if self.key is None else _sha256(f"{self.name}\n{self.key}")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The run is started; its ingests, ascending by version, at least one."""

    ingests: tuple[Ingest, ...]


@dataclass(frozen=True, slots=True)
class Malformed:
    """The request is wrong in itself; nothing was written."""

    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotFound:
    """No such bag, or no such version of it."""

    text: str


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """Everything that was asked for is registered at the destination; ``bag_version`` is the newest of it."""

    bag_version: BagVersionId
    destination: str


@dataclass(frozen=True, slots=True)
class AlreadyRunning:
    """Another ingest is at it; ``ingest_id`` is ``None`` where only its claim is known."""

    bag_version: BagVersionId
    destination: str
    ingest_id: UUID | None


@dataclass(frozen=True, slots=True)
class SamePlace:
    """Source and destination are one location."""

    location: str


@dataclass(frozen=True, slots=True)
class KeyReused:
    """The idempotency key came with another request before."""


Acceptance = Accepted | Malformed | NotFound | AlreadyThere | AlreadyRunning | SamePlace | KeyReused


def accept_request(services: Services, document: RequestDocument, client: Client, runs: Runs) -> Acceptance:
    """Carry out what the HTTP API's ``POST /ingests`` asks for.

    Sent again with the same idempotency key, a request finds the ingests that it opened before.

    Raises:
        RunsUnavailable: no run could be started; nothing was opened.
    """
    answer = _acceptance(services, document, client, runs)
    if isinstance(answer, Accepted):
        for ingest in answer.ingests:
            tell(
                logger,
                Line.REQUESTED,
                bag=str(ingest.bag_version.bag),
                version=str(ingest.bag_version.version),
                ingest=str(ingest.id),
                source=ingest.source,
                destination=ingest.destination,
                who=client.name,
            )
    else:
        tell(logger, Line.REQUEST_REFUSED, who=client.name, why=_WHY[type(answer)])
    return answer


_WHY: Mapping[type[object], str] = {
    Malformed: "malformed",
    NotFound: "no such bag",
    AlreadyThere: "already there",
    AlreadyRunning: "already running",
    SamePlace: "source and destination are one",
    KeyReused: "the idempotency key came with another request",
}


def _acceptance(services: Services, document: RequestDocument, client: Client, runs: Runs) -> Acceptance:
    key, content = client.key_digest, _sha256(document.model_dump_json(by_alias=True, exclude_none=True))
    known = None if key is None else services.request_keys.find(key)
    if known is not None:
        if known.content != content:
            return KeyReused()
        if opened := services.ingests.of_request(known.request_id):
            return Accepted(tuple(opened))
    request_id = f"{RUN_PREFIX}{uuid4()}" if known is None else known.request_id
    request = _request(services, document, request_id)
    if not isinstance(request, BackfillRequest):
        return request
    refusal = _refusal(services, request, runs)
    if refusal is not None:
        return refusal
    if key is not None:
        # Of two that came at the same moment with one key both go on with the request of the first.
        claimed = services.request_keys.claim(key, content=content, request_id=request_id)
        if claimed.content != content:
            return KeyReused()
        if claimed.request_id != request_id:
            request_id = claimed.request_id
            again = _request(services, document, request_id)
            request = again if isinstance(again, BackfillRequest) else request
    runs.start(request_id, _fields(request))
    ingests = announce_ingests(services, request)
    if not ingests:
        return NotFound(f"No bag {request.bag} is known.")
    return Accepted(ingests)


def _refusal(services: Services, request: BackfillRequest, runs: Runs) -> Acceptance | None:
    asked = asked_versions(services, request)
    if isinstance(asked, StepFailed):
        return NotFound(asked.message)
    if not asked.missing:
        return AlreadyThere(BagVersionId(request.bag, asked.asked[-1]), request.destination)
    wanted = {BagVersionId(request.bag, version) for version in asked.missing}
    now = services.clock()
    for bag_version in sorted(wanted):
        claim = services.registry.claim_of(bag_version, request.destination)
        if claim is not None and claim.expires > now:
            holder = services.ingests.get(UUID(claim.holder)) if _is_uuid(claim.holder) else None
            return AlreadyRunning(bag_version, request.destination, None if holder is None else holder.id)
    ingests = services.ingests.of_bag(request.bag, request.destination)
    for ingest in sorted(ingests, key=lambda each: each.bag_version.version):
        open_still = ingest.bag_version in wanted and not ingest.status.is_final
        # Of a run that was lost an ingest may stay open: it does not bar the way.
        if open_still and ingest.request_id != request.request_id and runs.is_unfinished(ingest.request_id):
            return AlreadyRunning(ingest.bag_version, request.destination, ingest.id)
    return None


def _request(services: Services, document: RequestDocument, request_id: str) -> BackfillRequest | Malformed | SamePlace:
    """The request in the steps' words, with problems in the storage service's."""
    problems = [*_name_problems(services, document)]
    fields: dict[str, Any] = {
        "space": document.space.id,
        "external_identifier": document.bag.info.external_identifier,
        "version": document.bag.info.version,
        "callback_url": None if document.callback is None else document.callback.url,
        "thaw_tier": None if document.thaw is None else document.thaw.tier,
        "thaw_days": None if document.thaw is None else document.thaw.days,
    }
    for name, given in (("destination", document.destination), ("source", document.source_location)):
        place = _place(services, given, _FIELD_PATHS[name], document)
        if isinstance(place, Malformed):
            problems += place.problems
        else:
            fields[name] = place
    if not problems and fields["source"] == fields["destination"]:
        return SamePlace(fields["destination"])
    try:
        request = BackfillRequest.parse(services, request_id, fields)
    except RequestError as error:
        # What was told above is not told again in other words.
        told = {"space", "external_identifier"} | ({"destination", "source"} - set(fields))
        problems += [
            f"Invalid value at {_FIELD_PATHS.get(problem.field, '.')}: {problem.text}"
            for problem in error.found
            if problem.field not in told
        ]
        return Malformed(tuple(problems) or error.problems)
    return Malformed(tuple(problems)) if problems else request


def _name_problems(services: Services, document: RequestDocument) -> list[str]:
    """Texts of the storage service (``CreateIngestApiTest``)."""
    space, identifier = document.space.id, document.bag.info.external_identifier
    if _is_known(services, space, identifier):
        return []
    problems = []
    try:
        Space(space)
    except InvalidIdentifier as error:
        rule = error.rule.removeprefix("Space ")
        problems.append(f"Invalid value at .space.id: {rule}.")
    if not identifier:
        return [*problems, "Invalid value at .bag.info.externalIdentifier: must not be empty."]
    try:
        ExternalIdentifier(identifier)
    except InvalidIdentifier as error:
        text = str(error).removeprefix("External identifier ")
        problems.append(f"Invalid value at .bag.info.externalIdentifier: {text}")
    return problems


def _is_known(services: Services, space: str, identifier: str) -> bool:
    """Whether it is a bag that exists, be its name from before the rules."""
    try:
        bag = BagId(Space.stored(space), ExternalIdentifier.stored(identifier))
    except InvalidIdentifier:
        return False
    return bool(services.registry.versions(bag))


def _place(
    services: Services, given: str | LocationPart | None, path: str, document: RequestDocument
) -> str | Malformed | None:
    """The name of the configured location that is meant."""
    known = ", ".join(sorted(services.locations))
    if given is None:
        return None
    if isinstance(given, str):
        if given in services.locations:
            return given
        return Malformed((f'Unrecognised value at {path}: got "{given}", valid values are: {known}.',))
    if given.provider.id not in _PROVIDERS:
        text = f'got "{given.provider.id}", valid values are: {", ".join(_PROVIDERS)}.'
        return Malformed((f"Unrecognised value at {path}.provider.id: {text}",))
    bag = f"{document.space.id}/{document.bag.info.external_identifier}"
    for location in services.locations.values():
        if _is_meant(location, given, bag):
            return location.name
    shown = f"{given.provider.id} {given.bucket}/{given.path}"
    return Malformed((f'Unrecognised value at {path}: got "{shown}", configured locations are: {known}.',))


def _is_meant(location: Location, given: LocationPart, bag: str) -> bool:
    if location.provider.value != given.provider.id or location.bucket != given.bucket:
        return False
    paths = {location.prefix.strip("/"), f"{location.prefix}{bag}".strip("/")}
    return given.path.strip("/") in paths or (not given.path and not location.prefix)


def _fields(request: BackfillRequest) -> dict[str, Any]:
    """The request as the conf of a run: what :meth:`BackfillRequest.parse` takes."""
    fields = {
        "space": str(request.bag.space),
        "external_identifier": str(request.bag.external_identifier),
        "version": None if request.version is None else str(request.version),
        "destination": request.destination,
        "source": request.source,
        "thaw_tier": None if request.thaw_tier is None else request.thaw_tier.value,
        "thaw_days": request.thaw_days,
        "callback_url": request.callback_url,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
