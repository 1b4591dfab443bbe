"""Locations in the JSON of a storage manifest, in all the shapes that are stored."""

from __future__ import annotations

import re
from typing import Any

from bagfill.manifest.errors import ManifestFormatError, shown
from bagfill.manifest.model import LocationRole, ManifestLocation, Provider

_TYPE = re.compile(r"(Primary|Secondary)(S3|Azure|Local|Memory)(Storage|Replica)Location")

_PROVIDER_IN_TYPE = {
    Provider.AMAZON_S3: "S3",
    Provider.AZURE_BLOB_STORAGE: "Azure",
    Provider.LOCAL: "Local",
    Provider.MEMORY: "Memory",
}
_PROVIDER_OF_TYPE = {name: provider for provider, name in _PROVIDER_IN_TYPE.items()}

# Retired ids that the storage service still reads (StorageProvider.scala), and names of its provider classes.
_OLD_PROVIDERS = {
    "aws-s3-standard": Provider.AMAZON_S3,
    "aws-s3-ia": Provider.AMAZON_S3,
    "aws-s3-glacier": Provider.AMAZON_S3,
    "AmazonS3StorageProvider": Provider.AMAZON_S3,
    "AzureBlobStorageProvider": Provider.AZURE_BLOB_STORAGE,
}

_PREFIX_KEYS = (("bucket", "keyPrefix"), ("container", "namePrefix"), ("namespace", "path"), ("bucket", "path"))


def parse_location(value: Any, role: LocationRole, where: str) -> ManifestLocation:
    """Read a location in any stored shape.

    ``{"prefix": {…}, "type": "PrimaryS3StorageLocation"}``; the type as a wrapping key; with a ``provider``; flat, as
    the API shows it. The role is the place in the manifest, not the name of the type.

    Args:
        value: the JSON value.
        role: primary for ``location``, secondary in ``replicaLocations``.
        where: its JSON path, for errors.

    Raises:
        ManifestFormatError: none of the shapes.
    """
    if not isinstance(value, dict):
        raise ManifestFormatError(where, "a location", shown(value))
    fields, type_name = value, value.get("type")
    if len(value) == 1 and isinstance(inner := next(iter(value.values())), dict) and _TYPE.fullmatch(next(iter(value))):
        type_name, fields = next(iter(value)), inner
    prefix = fields.get("prefix", fields)
    names = _prefix_keys(prefix, f"{where}.prefix" if "prefix" in fields else where)
    return ManifestLocation(
        role=role,
        provider=_provider(fields, type_name, names, where),
        bucket=prefix[names[0]],
        prefix=prefix[names[1]],
    )


def _prefix_keys(prefix: Any, where: str) -> tuple[str, str]:
    if isinstance(prefix, dict):
        for names in _PREFIX_KEYS:
            if all(isinstance(prefix.get(name), str) for name in names):
                return names
    expected = " or ".join(f"{{{bucket}, {path}}}" for bucket, path in _PREFIX_KEYS)
    raise ManifestFormatError(where, f"an object {expected}", shown(prefix))


def _provider(fields: dict[str, Any], type_name: Any, names: tuple[str, str], where: str) -> Provider:
    stated = fields.get("provider")
    if isinstance(stated, dict):
        stated = stated.get("id", stated.get("type"))
    if isinstance(stated, str):
        known = _OLD_PROVIDERS.get(stated) or next((provider for provider in Provider if provider == stated), None)
        if known is None:
            raise ManifestFormatError(f"{where}.provider", f"one of {', '.join(Provider)}", shown(stated))
        return known
    if isinstance(type_name, str) and (match := _TYPE.fullmatch(type_name)):
        return _PROVIDER_OF_TYPE[match[2]]
    if type_name is not None:
        raise ManifestFormatError(
            f"{where}.type", "the name of a type such as PrimaryS3StorageLocation", shown(type_name)
        )
    return Provider.AZURE_BLOB_STORAGE if names[0] == "container" else Provider.AMAZON_S3


def location_json(location: ManifestLocation) -> dict[str, Any]:
    """The JSON of a location as the storage service stores it.

    It knows S3 and Azure; for the others the names follow its pattern: ``SecondaryLocalStorageLocation``.
    """
    names = ("container", "namePrefix") if location.provider is Provider.AZURE_BLOB_STORAGE else ("bucket", "keyPrefix")
    return {
        "prefix": {names[0]: location.bucket, names[1]: location.prefix},
        "type": f"{location.role.value.capitalize()}{_PROVIDER_IN_TYPE[location.provider]}StorageLocation",
    }
