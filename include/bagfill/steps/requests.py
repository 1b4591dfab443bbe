"""The request for a backfill, as people and systems make it, checked whole before anything is opened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

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


class RequestError(ValueError):
    """The request is wrong; ``problems`` says each: which field, what was found, what is allowed.

    Not retryable: the same request will be wrong again.
    """

    retryable = False

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


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
        problems: list[str] = [
            f"{name!r}: unknown field; known are {', '.join(FIELDS)}" for name in sorted(set(fields) - set(FIELDS))
        ]
        given = {name: value for name, value in fields.items() if value is not None and value != ""}
        if not _REQUEST_ID.fullmatch(request_id):
            problems.append(f"request id: found {request_id!r}, allowed are 1 to 250 of A-Z a-z 0-9 _ . ~ : + @ / -")

        texts: dict[str, str] = {}
        for name in FIELDS:
            if name == "thaw_days" or name not in given:
                continue
            if isinstance(given[name], str):
                texts[name] = given[name]
            else:
                problems.append(f"{name}: found {given[name]!r}, a text is needed")
        problems += [
            f"{name}: missing" for name in ("space", "external_identifier", "destination") if name not in given
        ]

        bag = _bag(services, texts, problems)
        version = _version(texts.get("version"), problems)
        _locations(services, texts, problems)
        tier = _tier(texts.get("thaw_tier"), problems)
        days = given.get("thaw_days")
        if days is not None and (
            isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= _MAX_THAW_DAYS
        ):
            problems.append(f"thaw_days: found {days!r}, allowed are whole numbers from 1 to {_MAX_THAW_DAYS}")
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


def _bag(services: Services, texts: Mapping[str, str], problems: list[str]) -> BagId | None:
    """The bag that is named: by the rules for new names, or by a name from before them that the registry holds."""
    refused: list[str] = []
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


def _named_strictly(texts: Mapping[str, str], problems: list[str]) -> BagId | None:
    space = identifier = None
    try:
        if "space" in texts:
            space = Space(texts["space"])
    except InvalidIdentifier as error:
        problems.append(f"space: {error}")
    try:
        if "external_identifier" in texts:
            identifier = ExternalIdentifier(texts["external_identifier"])
    except InvalidIdentifier as error:
        problems.append(f"external_identifier: {error}")
    return BagId(space, identifier) if space is not None and identifier is not None else None


def _version(text: str | None, problems: list[str]) -> BagVersion | None:
    if text is None:
        return None
    try:
        return BagVersion.parse(text)
    except ValueError:
        problems.append(f"version: found {text!r}, needed is v1, v2, …, or nothing for all that are missing")
        return None


def _locations(services: Services, texts: Mapping[str, str], problems: list[str]) -> None:
    known = ", ".join(sorted(services.locations))
    problems += [
        f"{name}: found {texts[name]!r}, configured locations are {known}"
        for name in ("destination", "source")
        if name in texts and texts[name] not in services.locations
    ]
    destination = services.locations.get(texts.get("destination", ""))
    if destination is not None and not destination.writable:
        problems.append(f"destination: {destination.name!r} is configured for reading only")
    if destination is not None and texts.get("source") == destination.name:
        problems.append(f"source: {destination.name!r} is also the destination")


def _tier(text: str | None, problems: list[str]) -> ThawTier | None:
    if text is None:
        return None
    try:
        return ThawTier(text)
    except ValueError:
        problems.append(f"thaw_tier: found {text!r}, allowed are {', '.join(ThawTier)}")
        return None


def _campaign(services: Services, texts: Mapping[str, str], bag: BagId | None, problems: list[str]) -> None:
    if "campaign" not in texts:
        return
    campaign = services.campaigns.get(texts["campaign"])
    if campaign is None:
        problems.append(f"campaign: no campaign is named {texts['campaign']!r}")
        return
    if campaign.definition.destination != texts.get("destination"):
        problems.append(f"campaign: {campaign.name} is for destination {campaign.definition.destination!r}")
    if bag is not None and not campaign.definition.scope.holds(bag):
        problems.append(f"campaign: {bag} is not in the scope of {campaign.name}")


def _callback(services: Services, url: str, problems: list[str]) -> None:
    # What urlsplit drops in silence would be judged without, and sent with.
    if not url.isprintable() or " " in url:
        problems.append("callback_url: not a URL")
        return
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        problems.append("callback_url: not a URL")
        return
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        problems.append("callback_url: needed is http(s)://host/…, without a user name")
    elif parts.netloc not in services.callbacks.allowed_hosts:
        allowed = ", ".join(services.callbacks.allowed_hosts) or "none (set callbacks.allowed_hosts)"
        problems.append(f"callback_url: host {parts.netloc!r} may not be called; allowed are {allowed}")
