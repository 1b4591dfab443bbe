"""Where a bag version is that somebody named at the terminal; apart from what needs the settings or the registry."""

from __future__ import annotations

import os
from pathlib import Path

from bagfill.bag.identifiers import BagId, BagVersionId, InvalidIdentifier
from bagfill.cli.answers import CommandError
from bagfill.storage.location import Location, Provider
from bagfill.storage.store import ObjectStore


def open_place(location: Location) -> ObjectStore:
    if location.provider is Provider.LOCAL:
        from bagfill.storage.local import LocalStore

        # A folder needs no credentials, and a disk that fails does not recover within seconds.
        return LocalStore(Path(location.bucket), location=location.name)
    from bagfill.storage.environment_credentials import EnvironmentCredentials
    from bagfill.storage.providers import open_store
    from bagfill.storage.retrying import RetryingStore

    return RetryingStore(open_store(location, EnvironmentCredentials(os.environ), writing=False))


def configured_place(place: str, name: str, config: Path | None) -> tuple[Location, str, BagId]:
    """A bag version at a configured location."""
    # Settings bring the database's library along, which takes longer to load than most bags to judge.
    from bagfill.settings import load_settings

    locations = load_settings(config).locations
    if name not in locations:
        raise CommandError(f"--location: found {name!r}, configured locations are {', '.join(sorted(locations))}")
    try:
        bag_version = BagVersionId.parse(place.removesuffix("/"), stored=True)
    except InvalidIdentifier as error:
        raise CommandError(f"with --location, the place is SPACE/ID/vN: {error}") from None
    return locations[name], locations[name].version_prefix(bag_version), bag_version.bag


def named_place(text: str, connection: str | None) -> tuple[Location, str]:
    """The location to open, and the folder in it."""
    if "://" not in text:
        folder = Path(text).expanduser().resolve()
        if not folder.is_dir():
            raise CommandError(f"no such folder, tar or zip file: {folder}")
        # Opened at the bag's space, so that the folders of its other versions can be seen.
        return Location("folder", Provider.LOCAL, str(folder.parent)), f"{folder.name}/"
    scheme, _, rest = text.partition("://")
    providers = {"s3": Provider.AMAZON_S3, "az": Provider.AZURE_BLOB_STORAGE}
    bucket, _, key = rest.partition("/")
    if scheme not in providers or not bucket:
        raise CommandError(f"found {text!r}, allowed are a folder, s3://bucket/prefix and az://container/prefix")
    prefix = key if not key or key.endswith("/") else f"{key}/"
    return Location(bucket, providers[scheme], bucket, read_connection=connection), prefix
