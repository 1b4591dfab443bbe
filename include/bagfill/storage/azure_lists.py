"""Listings of a container without the SDK. Source: Azure Storage REST API, List Blobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TypeVar
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from bagfill.storage.azure_lean import AzureLean
from bagfill.storage.azure_state import archive_state
from bagfill.storage.errors import StoreFailure
from bagfill.storage.keys import in_key_order
from bagfill.storage.listing_pages import LONGEST_PAGE, PAGE, Page, PageUnsound, each_item, parse_page
from bagfill.storage.store import ObjectInfo

Item = TypeVar("Item")


def list_blobs(container: AzureLean, prefix: str) -> Iterator[ObjectInfo]:
    """Every blob whose name starts with ``prefix``. Raises StoreError."""
    return _each(container, prefix, "list", _blobs, include="copy")


def list_folders(container: AzureLean, prefix: str) -> Iterator[str]:
    """The distinct next path segments below ``prefix``, ascending. Raises StoreError."""
    found = _each(container, prefix, "list folders", partial(_folders, prefix), delimiter="/")
    return iter(in_key_order(list(dict.fromkeys(found))))


def _each(
    container: AzureLean, prefix: str, operation: str, items: Callable[[Element], list[Item]], **parameters: str
) -> Iterator[Item]:
    asked = {"restype": "container", "comp": "list", "maxresults": str(PAGE), **parameters}
    if prefix:
        asked["prefix"] = prefix

    def fetch(marker: str | None) -> Page[Item]:
        given = asked if marker is None else {**asked, "marker": marker}
        answer = container.send("GET", "", operation=operation, parameters=given, longest=LONGEST_PAGE)
        if answer.status != 200:
            raise container.refusal(answer, prefix, operation)
        try:
            document = parse_page(answer, "EnumerationResults")
            following = document.find("NextMarker")
            if following is None:
                raise PageUnsound("the answer does not say whether more follows")
            return Page(items(document), following.text or None)
        except PageUnsound as unsound:
            raise container.error(StoreFailure.UNAVAILABLE, prefix, operation, unsound.detail) from None

    def stuck() -> Exception:
        return container.error(StoreFailure.UNAVAILABLE, prefix, operation, "a page leads back")

    return each_item(fetch, stuck)


def _blobs(document: Element) -> list[ObjectInfo]:
    return [_info(blob) for blob in document.iterfind("Blobs/Blob")]


def _info(blob: Element) -> ObjectInfo:
    properties = blob.find("Properties")
    size = None if properties is None else properties.findtext("Content-Length")
    if properties is None or size is None or not size.isdecimal():
        raise PageUnsound("a blob without its size")
    tier, modified = properties.findtext("AccessTier") or "", properties.findtext("Last-Modified")
    return ObjectInfo(
        key=_name(blob),
        size=int(size),
        # Some servers quote it, Azure does not.
        etag=(properties.findtext("Etag") or "").strip('"'),
        storage_class=tier,
        archive=archive_state(
            tier, properties.findtext("ArchiveStatus") or "", properties.findtext("CopyStatus") or ""
        ),
        last_modified=parsedate_to_datetime(modified) if modified else None,
        version_id=blob.findtext("VersionId") or None,
    )


def _folders(prefix: str, document: Element) -> list[str]:
    return [_name(folder)[len(prefix) :].removesuffix("/") for folder in document.iterfind("Blobs/BlobPrefix")]


def _name(item: Element) -> str:
    """A name; one with characters that XML cannot hold comes percent-encoded, and says so."""
    name = item.find("Name")
    if name is None or not name.text:
        raise PageUnsound("a blob without its name")
    return unquote(name.text, errors="strict") if name.get("Encoded") == "true" else name.text
