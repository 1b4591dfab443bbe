"""What to do about a finding: exact commands for a person, in order. Bagfill itself deletes and replaces nothing."""

from __future__ import annotations

from shlex import quote
from typing import assert_never

from bagfill.audit.model import FindingKind
from bagfill.bag.identifiers import BagVersion, BagVersionId
from bagfill.storage.location import Location, Provider


def steps_to_take(kind: FindingKind, bag_version: BagVersionId, path: str, location: Location) -> tuple[str, ...]:
    """Commands for one finding.

    Args:
        path: inside the version's folder; of OLDER_VERSION_MISSING and STRAY_VERSION the version it is about.
    """
    bag, where = quote(str(bag_version.bag)), quote(location.name)
    key = f"{location.version_prefix(bag_version)}{path}"
    match kind:
        case FindingKind.MISSING:
            return (repair_command(bag_version, location),)
        case FindingKind.WRONG_SIZE | FindingKind.DAMAGED:
            return (*_take_away(location, key), repair_command(bag_version, location))
        case FindingKind.REPLACED:
            return (f"bagfill audit {where} {bag} --mode read",)
        case FindingKind.STRAY:
            return (*_take_away(location, key), f"bagfill audit {where} {bag}")
        case FindingKind.STRAY_VERSION:
            return (
                f"bagfill backfill {bag} --version {path} --to {where}",
                f"bagfill import {where} --space {quote(str(bag_version.space))}",
            )
        case FindingKind.OLDER_VERSION_MISSING:
            return (f"bagfill backfill {bag} --version {path} --to {where}",)
        case FindingKind.RECEIPT:
            return (f"bagfill audit {where} {bag} --mode read",)
        case _:
            assert_never(kind)


def repair_command(bag_version: BagVersionId, location: Location) -> str:
    """The command that copies what is missing again."""
    version: BagVersion = bag_version.version
    return f"bagfill repair {quote(str(bag_version.bag))} {version} --at {quote(location.name)}"


def _take_away(location: Location, key: str) -> tuple[str, str]:
    """Keep a copy for analysis, then delete the object: a person's decision, with that person's rights."""
    kept = quote("kept-" + key.replace("/", "_"))
    bucket = quote(location.bucket)
    match location.provider:
        case Provider.AMAZON_S3:
            url = quote(f"s3://{location.bucket}/{key}")
            return (f"aws s3 cp {url} {kept}", f"aws s3 rm {url}")
        case Provider.AZURE_BLOB_STORAGE:
            blob = f"--container-name {bucket} --name {quote(key)}"
            return (f"az storage blob download {blob} --file {kept}", f"az storage blob delete {blob}")
        case Provider.LOCAL | Provider.MEMORY:
            file = quote(f"{location.bucket.rstrip('/')}/{key}")
            return (f"cp -p {file} {kept}", f"rm {file}")
        case _:
            assert_never(location.provider)
