"""``/bagfill/bags``: storage manifests, as the storage service's bags API shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse

from bagfill.bag.identifiers import (
    BagId,
    BagVersion,
    BagVersionId,
    ExternalIdentifier,
    InvalidIdentifier,
    Space,
)
from bagfill.manifest.display import bag_document, version_document
from bagfill.steps.request_schema import IDENTIFIER_PATTERN, SPACE_PATTERN, VERSION_PATTERN
from bagfill_airflow.api.documents import StorageManifestDocument, VersionListDocument
from bagfill_airflow.api.errors import ApiError, documented
from bagfill_airflow.api.places import services_of
from bagfill_airflow.api.security import MAY_READ

router = APIRouter(tags=["bags"])

# Patterns are for the OpenAPI document alone: bags whose names are older than the rules are found too.
SpaceName = Annotated[str, Path(description="Space of the bag.", json_schema_extra={"pattern": SPACE_PATTERN})]
Identifier = Annotated[
    str,
    Path(
        description="External identifier; its slashes may stand as they are, or as `%2F`.",
        json_schema_extra={"pattern": IDENTIFIER_PATTERN},
    ),
]


@router.get(
    "/bags/{space}/{external_identifier:path}/versions",
    response_model=VersionListDocument,
    dependencies=[MAY_READ],
    responses=documented(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
)
def list_versions(
    request: Request,
    space: SpaceName,
    external_identifier: Identifier,
    before: Annotated[
        str | None,
        Query(description="Only versions below this one: `v3`.", json_schema_extra={"pattern": VERSION_PATTERN}),
    ] = None,
) -> JSONResponse:
    """The versions of a bag, newest first."""
    try:
        below = None if before is None else BagVersion.parse(before)
    except InvalidIdentifier as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None
    shown = []
    bag = _bag(space, external_identifier)
    if bag is not None:
        with services_of(request) as services:
            for version in reversed(services.registry.versions(bag)):
                if below is not None and version >= below:
                    continue
                stored = services.registry.manifest(BagVersionId(bag, version))
                if stored is not None:
                    shown.append(version_document(stored.manifest))
    if not shown:
        suffix = "" if below is None else f" before {below}"
        text = f"No storage manifest versions found for {space}/{external_identifier}{suffix}"
        raise ApiError(HTTPStatus.NOT_FOUND, text)
    return JSONResponse({"results": shown, "type": "ResultList"})


@router.get(
    "/bags/{space}/{external_identifier:path}",
    response_model=StorageManifestDocument,
    dependencies=[MAY_READ],
    responses=documented(HTTPStatus.NOT_FOUND),
)
def get_bag(
    request: Request,
    space: SpaceName,
    external_identifier: Identifier,
    version: Annotated[str | None, Query(description="`v1`, `v2`, …; left out: the newest.")] = None,
) -> StreamingResponse:
    """The storage manifest of one bag version."""
    lent = ExitStack()
    with lent:
        services = lent.enter_context(services_of(request))
        bag = _bag(space, external_identifier)
        bag_version = None if bag is None else _asked(bag, version, services.registry.versions(bag))
        stored = None if bag_version is None else services.registry.manifest(bag_version)
        if stored is None:
            wanted = "" if version is None else f" {version}"
            raise ApiError(HTTPStatus.NOT_FOUND, f"Storage manifest {space}/{external_identifier}{wanted} not found")
        # As the storage service has it: it does not change when replicas are added.
        headers = {"ETag": _quoted(str(stored.manifest.id))}
        # The manifest is read while it is sent: the services are given back behind its last piece.
        pieces = _until_sent(bag_document(stored.manifest), lent.pop_all())
    return StreamingResponse(pieces, media_type="application/json", headers=headers)


def _until_sent(pieces: Iterator[str], lent: ExitStack) -> Iterator[str]:
    with lent:
        yield from pieces


def _bag(space: str, external_identifier: str) -> BagId | None:
    try:
        return BagId(Space.stored(space), ExternalIdentifier.stored(external_identifier))
    except InvalidIdentifier:
        return None


def _asked(bag: BagId, text: str | None, known: Sequence[BagVersion]) -> BagVersionId | None:
    if text is None:
        return BagVersionId(bag, known[-1]) if known else None
    try:
        version = BagVersion.parse(text)
    except InvalidIdentifier:
        return None
    return BagVersionId(bag, version) if version in known else None


def _quoted(text: str) -> str:
    # A header holds Latin-1; what else a name has is written as in a URL.
    return '"' + text.encode("ascii", "backslashreplace").decode().replace('"', "%22") + '"'
