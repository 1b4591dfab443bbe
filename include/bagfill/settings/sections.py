"""The tables of the settings file, each with what it allows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from bagfill.audit.rules import AuditRules
from bagfill.bag.rules.finding import Profile
from bagfill.ingests.callback_rules import CallbackRules
from bagfill.planning.limits import MIB, Limits
from bagfill.quantities import parse_duration, parse_size
from bagfill.steps.services import Policy
from bagfill.storage.batch_rules import BatchRules
from bagfill.storage.gate import LocationLimits
from bagfill.storage.held_names import NamesHeld
from bagfill.storage.location import VERIFY_RATE, Location, Provider, ThawDefaults
from bagfill.storage.store import ThawTier

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}", re.ASCII)
_CONTAINER = re.compile(r"\$root|\$web|(?=.{3,63}\Z)[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
_CONNECTION = r"^[A-Za-z0-9_.-]{1,250}$"
_DEFAULTS = Limits()
_AUDIT = AuditRules()
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg2", "postgresql+psycopg2": "postgresql+psycopg2"}


def _size(value: Any) -> Any:
    return parse_size(value) if isinstance(value, str) else value


def _duration(value: Any) -> Any:
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return timedelta(seconds=value)
    return value


def _prefix(value: Any) -> Any:
    """Empty, or a folder: a prefix without its slash would let ``bags`` list ``bags2`` too."""
    if not isinstance(value, str) or not value:
        return value
    segments = value.split("/")
    if segments.pop() or not all(segments) or {".", ".."} & set(segments):
        raise ValueError("allowed: nothing, or folders that end in '/', without '//', '.', '..' and a '/' at the start")
    return value


def _probe_prefix(value: Any) -> Any:
    """Its last folder says what it is, so that it is no folder of bags and nobody takes it for one."""
    folder = _prefix(value)
    if not isinstance(folder, str) or not folder.rstrip("/").rpartition("/")[2].startswith("bagfill-probe"):
        raise ValueError("allowed: folders that end in '/', the last of them called bagfill-probe…")
    return folder


Size = Annotated[int, BeforeValidator(_size)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Prefix = Annotated[str, BeforeValidator(_prefix)]
ProbePrefix = Annotated[str, BeforeValidator(_probe_prefix)]
LocationName = Annotated[str, Field(pattern=_NAME)]
ConnectionId = Annotated[str, Field(pattern=_CONNECTION)]


class Section(BaseModel):
    """A table: frozen, strict about types, and without keys that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class ThawSection(Section):
    """How archived objects of a location are thawed when a request does not say."""

    tier: Annotated[ThawTier, Field(strict=False)] = ThawTier.STANDARD
    days: Annotated[int, Field(ge=1, le=365)] = 7
    most_days: Annotated[int, Field(ge=1, le=365)] = 30
    overdue_after: Annotated[Duration, Field(ge=timedelta(minutes=10), le=timedelta(days=60))] | None = None
    into: Literal["Hot", "Cool", "Cold"] = "Hot"
    account: Annotated[str, Field(pattern=_NAME)] | None = None
    copies: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", min_length=3, max_length=63)] | None = None

    def defaults(self) -> ThawDefaults:
        """As a location has them."""
        return ThawDefaults(**{name: getattr(self, name) for name in type(self).model_fields})


class BatchSection(Section):
    """``[locations.batch]``: the same names and defaults as :class:`bagfill.storage.batch_rules.BatchRules`."""

    account: Annotated[str, Field(pattern=r"^[0-9]{12}$")]
    role: Annotated[str, Field(pattern=r"^arn:[a-z-]+:iam::[0-9]{12}:role/.+$")]
    bucket: Annotated[str, Field(pattern=_BUCKET.pattern)]
    prefix: Prefix = ""
    connection: ConnectionId | None = None
    above: Annotated[int, Field(ge=1, le=100_000_000)] = 10_000
    check_source: bool = False

    def rules(self) -> BatchRules:
        """As a location has them."""
        return BatchRules(**{name: getattr(self, name) for name in type(self).model_fields})


class _PlaceSection(Section):
    """A bucket, container or folder, and a prefix in it."""

    key_of: ClassVar[dict[Provider, str]] = {
        Provider.AMAZON_S3: "bucket",
        Provider.AZURE_BLOB_STORAGE: "container",
        Provider.LOCAL: "path",
    }

    bucket: str | None = None
    container: str | None = None
    path: str | None = None
    prefix: Prefix = ""

    def _check_place(self, provider: Provider) -> None:
        needed = self.key_of[provider]
        given = [key for key in self.key_of.values() if getattr(self, key) is not None]
        if given != [needed]:
            found = " and ".join(given) or "none of them"
            message = f"of bucket, container and path, found {found}; needed is {needed} for {provider.value}"
            raise PydanticCustomError("keys", "{text}", {"text": message})
        value = str(getattr(self, needed))
        pattern = {Provider.AMAZON_S3: _BUCKET, Provider.AZURE_BLOB_STORAGE: _CONTAINER}.get(provider)
        if not value or (pattern is not None and not pattern.fullmatch(value)):
            message = f"this is no name of a {needed} at {provider.value}"
            raise PydanticCustomError("name", "{text}", {"text": message, "key": needed})

    def _bucket(self, provider: Provider, folder: Path) -> str:
        if provider is Provider.LOCAL:
            return str((folder / Path(str(self.path)).expanduser()).resolve())
        return str(getattr(self, self.key_of[provider]))


def _provider(value: Any) -> Any:
    if isinstance(value, str) and value in set(_PlaceSection.key_of):
        return Provider(value)
    raise ValueError(f"allowed: {', '.join(provider.value for provider in _PlaceSection.key_of)}")


ProviderName = Annotated[Provider, BeforeValidator(_provider)]


class LocationSection(_PlaceSection):
    """One ``[[locations]]``."""

    name: LocationName
    provider: ProviderName
    read_connection: ConnectionId | None = None
    write_connection: ConnectionId | None = None
    writable: bool | None = None
    archives_after: Annotated[Duration, Field(ge=timedelta(days=1), le=timedelta(days=36500))] | None = None
    verify_rate: Annotated[Size, Field(ge=1)] = VERIFY_RATE
    thaw: ThawSection = ThawSection()
    names: Annotated[NamesHeld, Field(strict=False)] = NamesHeld.EXACT
    batch: BatchSection | None = None
    server_copy: Literal["auto", "never"] = "auto"
    prices: Annotated[str, Field(pattern=_NAME)] | None = None
    max_requests: Annotated[float, Field(gt=0)] | None = None
    max_connections: Annotated[int, Field(ge=1)] | None = None
    inspect_connection: ConnectionId | None = None
    probe_prefix: ProbePrefix | None = None
    thaw_connection: ConnectionId | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_place(self.provider)
        if self.batch is not None and self.provider is not Provider.AMAZON_S3:
            message = f"[locations.batch] is for amazon-s3; this location is {self.provider.value}"
            raise PydanticCustomError("keys", "{text}", {"text": message})
        if self.thaw.copies is not None and self.provider is not Provider.AZURE_BLOB_STORAGE:
            message = f"thaw.copies is for azure-blob-storage; this location is {self.provider.value}"
            raise PydanticCustomError("keys", "{text}", {"text": message})
        if self.batch is not None and self.batch.bucket == self.bucket:
            message = "batch.bucket must not be the bucket of the bags: manifests and reports would lie among them"
            raise PydanticCustomError("keys", "{text}", {"text": message})
        return self

    def location(self, folder: Path) -> Location:
        """The location; a relative path starts in ``folder``."""
        return Location(
            name=self.name,
            provider=self.provider,
            bucket=self._bucket(self.provider, folder),
            prefix=self.prefix,
            read_connection=self.read_connection,
            write_connection=self.write_connection,
            writable=self.write_connection is not None if self.writable is None else self.writable,
            thaw=self.thaw.defaults(),
            archives_after=self.archives_after,
            batch=None if self.batch is None else self.batch.rules(),
            verify_rate=self.verify_rate,
            names=self.names,
            server_copy=self.server_copy == "auto",
            prices=self.prices,
            limits=LocationLimits(self.max_requests, self.max_connections),
            inspect_connection=self.inspect_connection,
            probe_prefix=self.probe_prefix,
            thaw_connection=self.thaw_connection,
        )


class AreaSection(_PlaceSection):
    """``[work_area]``, ``[receipts]`` or ``[manifests]``: a folder, or a bucket or container with one identity."""

    provider: ProviderName = Provider.LOCAL
    connection: ConnectionId | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_place(self.provider)
        return self

    def location(self, name: str, folder: Path) -> Location:
        """The area as a location, to be opened as any other; a relative path starts in ``folder``."""
        return Location(
            name=name,
            provider=self.provider,
            bucket=self._bucket(self.provider, folder),
            prefix=self.prefix,
            read_connection=self.connection,
            write_connection=self.connection,
            writable=True,
        )


class PolicySection(Section):
    """One ``[[policies]]``."""

    spaces: tuple[Annotated[str, Field(min_length=1)], ...] = Field(default=(), strict=False)
    locations: tuple[LocationName, ...] = Field(min_length=1, strict=False)

    profile: Annotated[Profile, Field(strict=False)] | None = None

    def policy(self) -> Policy:
        """As the steps take it."""
        return Policy(spaces=self.spaces, locations=self.locations, profile=self.profile)


class RulesSection(Section):
    """``[rules]``: by which rules a bag is judged before and after it is copied."""

    profile: Annotated[Profile, Field(strict=False)] = Profile.BAGIT


class LimitsSection(Section):
    """``[limits]``: the same names and defaults as :class:`bagfill.planning.limits.Limits`."""

    shard_bytes: Annotated[Size, Field(ge=MIB)] = _DEFAULTS.shard_bytes
    shard_files: Annotated[int, Field(ge=1, le=1_000_000)] = _DEFAULTS.shard_files
    max_shards: Annotated[int, Field(ge=1, le=1024)] = _DEFAULTS.max_shards
    small_object_bytes: Annotated[Size, Field(ge=0, le=64 * MIB)] = _DEFAULTS.small_object_bytes
    block_bytes: Annotated[Size, Field(ge=5 * MIB, le=1024 * MIB)] = _DEFAULTS.block_bytes
    hash_before_write: Annotated[Size, Field(ge=0)] = _DEFAULTS.hash_before_write
    concurrency: Annotated[int, Field(ge=1, le=256)] = _DEFAULTS.concurrency
    versions_per_run: Annotated[int, Field(ge=1, le=10_000)] = _DEFAULTS.versions_per_run
    lease: Annotated[Duration, Field(ge=timedelta(minutes=1), le=timedelta(days=7))] = _DEFAULTS.lease
    thaw_requests_per_second: Annotated[float, Field(gt=0, le=1000)] = _DEFAULTS.thaw_requests_per_second
    looks_per_second: Annotated[float, Field(gt=0, le=5000)] = _DEFAULTS.looks_per_second
    max_thaw_bytes: Annotated[Size, Field(ge=0)] | None = _DEFAULTS.max_thaw_bytes
    parcel_bytes: Annotated[Size, Field(ge=MIB)] = _DEFAULTS.parcel_bytes
    parcel_files: Annotated[int, Field(ge=4, le=1_000_000)] = _DEFAULTS.parcel_files
    parcel_bags: Annotated[int, Field(ge=0, le=1000)] = _DEFAULTS.parcel_bags
    bags_at_once: Annotated[int, Field(ge=1, le=64)] = _DEFAULTS.bags_at_once

    def limits(self) -> Limits:
        """As the steps take them."""
        return Limits(**{name: getattr(self, name) for name in type(self).model_fields})


@dataclass(frozen=True, slots=True)
class SigningSource:
    """Where the key is that seals are signed with: one of the two.

    Args:
        key: a file.
        connection: id of a connection whose password it is.
    """

    key: Path | None = None
    connection: str | None = None


class SigningSection(Section):
    """``[signing]``: an Ed25519 key in PEM (PKCS #8), in a file or as the password of a connection."""

    key: Annotated[str, Field(min_length=1)] | None = None
    connection: ConnectionId | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.key is None) == (self.connection is None):
            found = "neither" if self.key is None else "both"
            message = f"of key and connection, found {found}; needed is one"
            raise PydanticCustomError("keys", "{text}", {"text": message})
        return self

    def source(self, folder: Path) -> SigningSource:
        """Where the key is; a relative path starts in ``folder``."""
        key = None if self.key is None else (folder / Path(self.key).expanduser()).resolve()
        return SigningSource(key, self.connection)


_HostName = Annotated[str, Field(pattern=r"^([A-Za-z0-9.\[\]:-]+|\*)$")]


class CallbacksSection(Section):
    """``[callbacks]``."""

    allowed_hosts: tuple[_HostName, ...] = Field(default=(), strict=False)
    private_hosts: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9.\[\]:-]+$")], ...] = Field(default=(), strict=False)
    timeout: Annotated[Duration, Field(gt=timedelta(0), le=timedelta(minutes=5))] = timedelta(seconds=10)
    redirects: Annotated[int, Field(ge=0, le=10)] = 0
    secret_connection: ConnectionId | None = None

    def rules(self) -> CallbackRules:
        """As the steps take them, but for the secret, which only credentials can give."""
        return CallbackRules(
            allowed_hosts=self.allowed_hosts,
            private_hosts=self.private_hosts,
            timeout_seconds=self.timeout.total_seconds(),
            redirects=self.redirects,
        )


class AuditSection(Section):
    """``[audit]``: the same names and defaults as :class:`bagfill.audit.rules.AuditRules`."""

    period: Annotated[Duration, Field(ge=timedelta(days=1), le=timedelta(days=3650))] = _AUDIT.period
    confidence: Annotated[float, Field(gt=0, lt=1)] = _AUDIT.confidence
    detectable_loss: Annotated[float, Field(gt=0, le=1)] = _AUDIT.detectable_loss
    thaw_bytes: Annotated[Size, Field(ge=0)] = _AUDIT.thaw_bytes
    thaw_days: Annotated[int, Field(ge=1, le=365)] = _AUDIT.thaw_days

    def rules(self) -> AuditRules:
        """As the steps take them."""
        return AuditRules(**{name: getattr(self, name) for name in type(self).model_fields})


def _database(value: Any) -> Any:
    """A URL that is understood. The text is never part of the error: it may hold a password."""
    allowed = "allowed: sqlite:///path/to/file or postgresql://user:password@host/database"
    if not isinstance(value, str):
        raise ValueError(allowed)  # noqa: TRY004 - pydantic collects ValueErrors
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        raise ValueError(allowed) from None
    if url.drivername not in _DRIVERS or not url.database or url.database == ":memory:":
        raise ValueError(allowed)
    return SecretStr(value)


class RegistrySection(Section):
    """``[registry]``."""

    database: Annotated[SecretStr, BeforeValidator(_database)]
    auto_migrate: bool = True

    def url(self, folder: Path) -> SecretStr:
        """The URL with its driver; a relative path of SQLite starts in ``folder``."""
        url: URL = make_url(self.database.get_secret_value())
        if url.drivername == "sqlite":
            url = url.set(database=str((folder / Path(str(url.database)).expanduser()).resolve()))
        return SecretStr(url.set(drivername=_DRIVERS[url.drivername]).render_as_string(hide_password=False))
