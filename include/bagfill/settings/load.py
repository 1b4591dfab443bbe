"""The settings file: read once, checked whole, and every problem told with its key.

``${NAME}`` in any text is taken from the environment, ``${NAME:-text}`` has a default, ``$${`` is a plain ``${``. So a
password need never be in the file. Problems show the text of the file, never what the environment put into it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bagfill.audit.rules import AuditRules
from bagfill.bag.rules.finding import Profile
from bagfill.ingests.callback_rules import CallbackRules
from bagfill.ingests.storage_service.rules import ServiceIngests
from bagfill.notices.channels import Channel
from bagfill.planning.forecast_rules import ForecastRules
from bagfill.planning.limits import Limits
from bagfill.registry.storage_service.api_rules import ApiRules
from bagfill.registry.storage_service.places import ServiceManifests
from bagfill.settings.campaigns import CampaignsSection
from bagfill.settings.forecast import ForecastSection
from bagfill.settings.notices import NoticeSection
from bagfill.settings.placement import placement_problems
from bagfill.settings.sections import (
    AreaSection,
    AuditSection,
    CallbacksSection,
    LimitsSection,
    LocationSection,
    PolicySection,
    RegistrySection,
    RulesSection,
    Section,
    SigningSection,
    SigningSource,
)
from bagfill.settings.storage_service import RegisteredBags, StorageServiceSection
from bagfill.settings.texts import ProblemList, expand
from bagfill.settings.thaw_events import ThawEvents, ThawEventsSection
from bagfill.steps.services import CampaignRules, Policy
from bagfill.storage.location import Location

ENVIRONMENT_VARIABLE = "BAGFILL_CONFIG"
DEFAULT_PATH = Path(__file__).resolve().parents[2] / "config" / "bagfill.toml"
_AREAS = ("work_area", "receipts", "manifests")
_TABLES: dict[str, type[Section]] = {
    "registry": RegistrySection,
    "work_area": AreaSection,
    "receipts": AreaSection,
    "manifests": AreaSection,
    "reports": AreaSection,
    "limits": LimitsSection,
    "callbacks": CallbacksSection,
    "audit": AuditSection,
    "campaigns": CampaignsSection,
    "rules": RulesSection,
    "signing": SigningSection,
    "thaw_events": ThawEventsSection,
    "forecast": ForecastSection,
    "storage_service": StorageServiceSection,
}
_LISTS: dict[str, type[Section]] = {
    "locations": LocationSection,
    "policies": PolicySection,
    "notices": NoticeSection,
}


class SettingsError(Exception):
    """The settings cannot be used; ``problems`` says each: which key, what was found, what is allowed.

    Not retryable: the file will be wrong until a person changes it.
    """

    retryable = False

    def __init__(self, path: Path, problems: tuple[str, ...]) -> None:
        super().__init__(f"{path}: " + "; ".join(problems))
        self.path = path
        self.problems = problems

    def __reduce__(self) -> tuple[type[SettingsError], tuple[Path, tuple[str, ...]]]:
        """Pickle by the arguments (exceptions cross process borders)."""
        return type(self), (self.path, self.problems)


@dataclass(frozen=True, slots=True)
class Area:
    """Where small files of ours lie: a location of its own (so stores open it alike), outside every replica.

    Args:
        location: the store; its prefix is the area's.
    """

    location: Location


@dataclass(frozen=True, slots=True)
class Settings:
    """What the settings file says.

    Args:
        path: the file.
        locations: by name, in the file's order.
        policies: which spaces belong where.
        database: URL of the registry's and the ingest tracker's database; secret, for it may hold a password.
        auto_migrate: whether a database of an older Bagfill is brought up to date when it is opened.
        work_area: plans, shards, results.
        receipts: evidence.
        manifests: storage manifests.
        limits: how much at once.
        callbacks: whom a callback may reach.
        callback_secret: id of the connection whose password signs callbacks; ``None``: they are not signed.
        audit: how often replicas are audited, and how sure samples are to be.
        profile: by which rules a bag is judged, where no policy says otherwise.
        signing: where the key is that seals of receipts are signed with; ``None``: they are not signed.
        thaw_events: where restores are announced; ``None``: thaws are polled alone.
        forecast: what plans start from, where nothing was measured.
        campaigns: what campaigns need a person for.
        bags_api: the public API of a storage service, to learn bags from; ``None``: they are learnt otherwise.
        service_manifests: where a storage service keeps its manifests; ``None``: the registry is our own alone.
        service_ingests: where a storage service is shown ingests; ``None``: they are shown to none.
        registered_bags: where a storage service announces new bags; ``None``: nobody listens.
        reports: where reports are kept; ``None``: beside the receipts.
        notices: who is told what is new.
    """

    path: Path
    locations: Mapping[str, Location]
    policies: tuple[Policy, ...]
    database: SecretStr
    auto_migrate: bool
    work_area: Area
    receipts: Area
    manifests: Area
    limits: Limits
    callbacks: CallbackRules
    audit: AuditRules
    profile: Profile = Profile.BAGIT
    signing: SigningSource | None = None
    callback_secret: str | None = None
    thaw_events: ThawEvents | None = None
    forecast: ForecastRules = field(default_factory=ForecastRules)
    campaigns: CampaignRules = field(default_factory=CampaignRules)
    bags_api: ApiRules | None = None
    service_manifests: ServiceManifests | None = None
    service_ingests: ServiceIngests | None = None
    registered_bags: RegisteredBags | None = None
    reports: Area | None = None
    notices: tuple[Channel, ...] = ()


def settings_path(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """The file to read: the argument, else ``BAGFILL_CONFIG``, else ``include/config/bagfill.toml``."""
    variables = os.environ if environ is None else environ
    return Path(path or variables.get(ENVIRONMENT_VARIABLE) or DEFAULT_PATH).expanduser().resolve()


def load_settings(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings.

    Args:
        path: the file; ``None``: see :func:`settings_path`.
        environ: for ``BAGFILL_CONFIG`` and ``${NAME}``; ``None``: the process's own.

    Raises:
        SettingsError: with every problem found.
    """
    variables = os.environ if environ is None else environ
    file = settings_path(path, variables)
    try:
        document = tomllib.loads(file.read_bytes().decode())
    except FileNotFoundError:
        hint = f"no such file; name another with --config or {ENVIRONMENT_VARIABLE}"
        raise SettingsError(file, (hint,)) from None
    except OSError as error:
        raise SettingsError(file, (f"cannot be read: {error.strerror}",)) from None
    except UnicodeDecodeError as error:
        raise SettingsError(file, (f"is not UTF-8: byte {error.start}",)) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(file, (f"is not TOML: {error}",)) from None
    return parse_settings(document, file, variables)


def parse_settings(document: Mapping[str, Any], file: Path, environ: Mapping[str, str]) -> Settings:
    """Check a settings document that was read from ``file`` (relative paths start in its folder).

    Raises:
        SettingsError: with every problem found.
    """
    problems = ProblemList(document)
    expanded = expand(document, environ, problems)
    folder = file.parent
    known = ", ".join(sorted({*_TABLES, *_LISTS}))
    for key in sorted(set(document) - set(_TABLES) - set(_LISTS)):
        problems.add((key,), f"unknown key; known are {known}")

    tables = {key: _table(key, expanded, problems) for key in _TABLES}
    lists = {key: _list(key, expanded, problems) for key in _LISTS}
    locations = [
        (index, section.location(folder))
        for index, section in lists["locations"].items()
        if isinstance(section, LocationSection)
    ]
    areas = {
        key: Area(section.location(key.replace("_", " "), folder))
        for key, section in tables.items()
        if isinstance(section, AreaSection)
    }
    policies = [
        (index, section.policy()) for index, section in lists["policies"].items() if isinstance(section, PolicySection)
    ]
    channels = tuple(section.channel() for section in lists["notices"].values() if isinstance(section, NoticeSection))
    for name in {each.name for each in channels if sum(each.name == other.name for other in channels) > 1}:
        problems.add(("notices",), f"the name {name!r} is given twice")
    placement_problems(locations, policies, {key: area.location for key, area in areas.items()}, document, problems)
    registry, limits, callbacks, rules = (tables[key] for key in ("registry", "limits", "callbacks", "rules"))
    audit, signing, forecast = tables["audit"], tables["signing"], tables["forecast"]
    campaigns, events, service = (tables[key] for key in ("campaigns", "thaw_events", "storage_service"))
    if isinstance(forecast, ForecastSection) and forecast.workers_at not in {
        None,
        *(each.name for _, each in locations),
    }:
        known = ", ".join(each.name for _, each in locations)
        problems.add_found(("forecast", "workers_at"), f"known locations: {known}")
    if (
        problems.texts
        or not isinstance(registry, RegistrySection)
        or not isinstance(limits, LimitsSection)
        or not isinstance(callbacks, CallbacksSection)
        or not isinstance(audit, AuditSection)
        or not isinstance(rules, RulesSection)
        or not isinstance(forecast, ForecastSection)
        or not isinstance(campaigns, CampaignsSection)
        or not isinstance(service, StorageServiceSection)
    ):
        raise SettingsError(file, tuple(problems.texts))
    return Settings(
        path=file,
        locations={location.name: location for _, location in locations},
        policies=tuple(policy for _, policy in policies),
        database=registry.url(folder),
        auto_migrate=registry.auto_migrate,
        work_area=areas["work_area"],
        receipts=areas["receipts"],
        manifests=areas["manifests"],
        limits=limits.limits(),
        callbacks=callbacks.rules(),
        callback_secret=callbacks.secret_connection,
        audit=audit.rules(),
        profile=rules.profile,
        signing=signing.source(folder) if isinstance(signing, SigningSection) else None,
        thaw_events=events.events() if isinstance(events, ThawEventsSection) else None,
        forecast=forecast.rules(),
        campaigns=campaigns.rules(),
        bags_api=None if service.bags_api is None else service.bags_api.rules(),
        service_manifests=None if service.manifests is None else service.manifests.rules(),
        service_ingests=None if service.ingests is None else service.ingests.rules(),
        registered_bags=None if service.listener is None else service.listener.rules(),
        reports=areas.get("reports"),
        notices=channels,
    )


def _table(key: str, expanded: Mapping[str, Any], problems: ProblemList) -> Section | None:
    section = _TABLES[key]
    if key not in expanded and key in {"registry", *_AREAS}:
        problems.add((key,), f"missing; needed is a table [{key}]")
        return None
    if key not in expanded and key in {"signing", "thaw_events", "reports"}:
        return None
    return problems.validated(section, expanded.get(key, {}), (key,))


def _list(key: str, expanded: Mapping[str, Any], problems: ProblemList) -> dict[int, Section]:
    rows = expanded.get(key, [])
    if not isinstance(rows, list):
        problems.add((key,), f"needed are tables headed [[{key}]]")
        return {}
    if key == "locations" and not rows:
        problems.add((key,), "missing; needed is at least one table [[locations]]")
    sections = {index: problems.validated(_LISTS[key], row, (key, index)) for index, row in enumerate(rows)}
    return {index: section for index, section in sections.items() if section is not None}
