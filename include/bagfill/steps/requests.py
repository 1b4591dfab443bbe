"""The request for a backfill, as people and systems make it, checked whole before anything is opened."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from bagfill.bag.identifiers import BagId, BagVersion, ExternalIdentifier, InvalidIdentifier, Space
from bagfill.steps.services import Services
from bagfill.storage.store import ThawTier

FIELDS = (
    "space",
    "external_identifier",
    "version",
    "destination",
    "source",
    "thaw_tier",
    "thaw_days",
    "callback_url",
    "campaign",
)
"""The names a request may have; every other is refused, so that a misspelt one is not silently ignored."""

_MAX_THAW_DAYS = 365
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.~:+@/-]{1,250}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RequestProblem:
    """What is wrong with one field.

    Args:
        field: its name, as :data:`FIELDS` has it or as it was given, or ``request id``.
        text: what was found, what is allowed.
    """

    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.field}: {self.text}"


class RequestError(ValueError):
    """The request is wrong; ``found`` says each problem, ``problems`` the same as text.

    Not retryable: the same request will be wrong again.
    """

    retryable = False

    def __init__(self, found: Sequence[RequestProblem | str]) -> None:
        self.problems = tuple(map(str, found))
        super().__init__("; ".join(self.problems))
        self.found = tuple(each for each in found if isinstance(each, RequestProblem))


@dataclass(frozen=True, slots=True)
class BackfillRequest:
    """Replicate a bag, or one version of it, to a location.

    Args:
        request_id: who asks (Airflow's run id, ``cli:…``); the same id with the same content is the same request.
        bag: which bag.
        version: one version, or ``None`` for all that are missing, ascending.
        destination: name of a location that can be written.
        source: name of the location to read; ``None``: the primary of each manifest.
        thaw_tier: how fast to thaw; ``None``: the source location's default.
        thaw_days: how long thawed copies live; ``None``: the source location's default.
        callback_url: where the finished ingest is POSTed; ``None``: nowhere.
        campaign: name of the campaign whose budget it spends; ``None``: it belongs to none.
    """

    request_id: str
    bag: BagId
    destination: str
    version: BagVersion | None = None
    source: str | None = None
    thaw_tier: ThawTier | None = None
    thaw_days: int | None = None
    callback_url: str | None = None
    campaign: str | None = None

    @classmethod
    def parse(cls, services: Services, request_id: str, fields: Mapping[str, Any]) -> Self:
        """Check a request from outside. ``None`` and empty text count as not given.

        Raises:
            RequestError: with every problem found, not only the first.
        """
        problems = [
            RequestProblem(repr(name), f"unknown field; known are {', '.join(FIELDS)}")
            for name in sorted(set(fields) - set(FIELDS))
        ]
        given = {name: value for name, value in fields.items() if value is not None and value != ""}
        if not _REQUEST_ID.fullmatch(request_id):
            text = f"found {request_id!r}, allowed are 1 to 250 of A-Z a-z 0-9 _ . ~ : + @ / -"
            problems.append(RequestProblem("request id", text))

        texts: dict[str, str] = {}
        for name in FIELDS:
            if name == "thaw_days" or name not in given:
                continue
            if isinstance(given[name], str):
                texts[name] = given[name]
            else:
                problems.append(RequestProblem(name, f"found {given[name]!r}, a text is needed"))
        needed = ("space", "external_identifier", "destination")
        problems += [RequestProblem(name, "missing") for name in needed if name not in given]

        bag = _bag(services, texts, problems)
        version = _version(texts.get("version"), problems)
        _locations(services, texts, problems)
        tier = _tier(texts.get("thaw_tier"), problems)
        days = given.get("thaw_days")
        if days is not None and (
            isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= _MAX_THAW_DAYS
        ):
            allowed = f"allowed are whole numbers from 1 to {_MAX_THAW_DAYS}"
            problems.append(RequestProblem("thaw_days", f"found {days!r}, {allowed}"))
        if "callback_url" in texts:
            _callback(services, texts["callback_url"], problems)
        _campaign(services, texts, bag, problems)
        if problems or bag is None:
            raise RequestError(tuple(problems))
        return cls(
            request_id=request_id,
            bag=bag,
            destination=texts["destination"],
            version=version,
            source=texts.get("source"),
            thaw_tier=tier,
            thaw_days=days,
            callback_url=texts.get("callback_url"),
            campaign=texts.get("campaign"),
        )


def _bag(services: Services, texts: Mapping[str, str], problems: list[RequestProblem]) -> BagId | None:
    """The bag that is named: by the rules for new names, or by a name from before them that the registry holds."""
    refused: list[RequestProblem] = []
    bag = _named_strictly(texts, refused)
    if bag is None and refused:
        bag = _stored(services, texts)
    if bag is None:
        problems += refused
    return bag


def _stored(services: Services, texts: Mapping[str, str]) -> BagId | None:
    try:
        bag = BagId(Space.stored(texts["space"]), ExternalIdentifier.stored(texts["external_identifier"]))
    except (InvalidIdentifier, KeyError):
        return None
    return bag if services.registry.versions(bag) else None


def _named_strictly(texts: Mapping[str, str], problems: list[RequestProblem]) -> BagId | None:
    space = identifier = None
    try:
        if "space" in texts:
            space = Space(texts["space"])
    except InvalidIdentifier as error:
        problems.append(RequestProblem("space", str(error)))
    try:
        if "external_identifier" in texts:
            identifier = ExternalIdentifier(texts["external_identifier"])
    except InvalidIdentifier as error:
        problems.append(RequestProblem("external_identifier", str(error)))
    return BagId(space, identifier) if space is not None and identifier is not None else None


def _version(text: str | None, problems: list[RequestProblem]) -> BagVersion | None:
    if text is None:
        return None
    try:
        return BagVersion.parse(text)
    except ValueError:
        found = f"found {text!r}, needed is v1, v2, …, or nothing for all that are missing"
        problems.append(RequestProblem("version", found))
        return None


def _locations(services: Services, texts: Mapping[str, str], problems: list[RequestProblem]) -> None:
    known = ", ".join(sorted(services.locations))
    problems += [
        RequestProblem(name, f"found {texts[name]!r}, configured locations are {known}")
        for name in ("destination", "source")
        if name in texts and texts[name] not in services.locations
    ]
    destination = services.locations.get(texts.get("destination", ""))
    if destination is not None and not destination.writable:
        problems.append(RequestProblem("destination", f"{destination.name!r} is configured for reading only"))
    if destination is not None and texts.get("source") == destination.name:
        problems.append(RequestProblem("source", f"{destination.name!r} is also the destination"))


def _tier(text: str | None, problems: list[RequestProblem]) -> ThawTier | None:
    if text is None:
        return None
    try:
        return ThawTier(text)
    except ValueError:
        problems.append(RequestProblem("thaw_tier", f"found {text!r}, allowed are {', '.join(ThawTier)}"))
        return None


def _callback(services: Services, url: str, problems: list[RequestProblem]) -> None:
    if (refused := services.callbacks.refusal(url)) is not None:
        problems.append(RequestProblem("callback_url", refused))


def _campaign(services: Services, texts: Mapping[str, str], bag: BagId | None, problems: list[RequestProblem]) -> None:
    if "campaign" not in texts:
        return
    campaign = services.campaigns.get(texts["campaign"])
    if campaign is None:
        problems.append(RequestProblem("campaign", f"no campaign is named {texts['campaign']!r}"))
        return
    if campaign.definition.destination != texts.get("destination"):
        found = f"{campaign.name} is for destination {campaign.definition.destination!r}"
        problems.append(RequestProblem("campaign", found))
    if bag is not None and not campaign.definition.scope.holds(bag):
        problems.append(RequestProblem("campaign", f"{bag} is not in the scope of {campaign.name}"))
