"""The page on one bag: where it is, by which evidence, and what happened; and the button that starts a replication."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, assert_never
from uuid import uuid4

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from bagfill.bag.identifiers import BagId, BagVersion, ExternalIdentifier, InvalidIdentifier, Space
from bagfill.ingests.request_document import InvalidRequestDocument, parse_request_document
from bagfill.reports.bag_view import bag_of_request, bag_view
from bagfill.steps.accept_request import (
    Acceptance,
    Accepted,
    AlreadyRunning,
    AlreadyThere,
    Client,
    KeyReused,
    Malformed,
    NotFound,
    SamePlace,
    accept_request,
)
from bagfill.steps.services import Services
from bagfill_airflow.api.bodies import form_body
from bagfill_airflow.api.places import services_of, surroundings_of
from bagfill_airflow.api.security import MAY_READ, MAY_START, SAME_SITE, Rights, UserName, UserRights
from bagfill_airflow.views.answers import PageRoute, trouble
from bagfill_airflow.views.rendering import local, page

router = APIRouter(route_class=PageRoute, include_in_schema=False, dependencies=[MAY_READ])

_RUN_PREFIX = "bag__"


@router.get("/ui/bags")
def find_bag(request: Request, name: Annotated[str, Query(description="SPACE/ID")] = "") -> Response:
    """Lead from a bag's name to its page."""
    wanted = name.strip()
    space, _, identifier = wanted.partition("/")
    if not space or not identifier:
        text = (
            f"“{wanted}” is no name of a bag: it needs a space, a slash and an external identifier, as digitised/b1234."
        )
        return trouble(request, HTTPStatus.BAD_REQUEST, "Which bag?", text)
    root = request.scope.get("root_path", "")
    return RedirectResponse(root + local(f"/ui/bags/{wanted}"), HTTPStatus.SEE_OTHER)


@router.get("/ui/bags/{space}/{identifier:path}")
def show_bag(
    request: Request, space: str, identifier: str, rights: UserRights, before: Annotated[str | None, Query()] = None
) -> Response:
    """One bag."""
    bag = _bag(space, identifier)
    with services_of(request) as services:
        return _shown(request, services, bag, f"{space}/{identifier}", rights, before=before)


@router.get("/ui/runs/{run_id:path}")
def show_bag_of_run(request: Request, run_id: str, rights: UserRights) -> Response:
    """The bag that a run of Airflow is about: what its tab in Airflow shows."""
    with services_of(request) as services:
        found = bag_of_request(services.ingests, run_id)
        if found is not None:
            return _shown(request, services, found.bag, str(found.bag), rights)
    text = "This run has opened no ingest: it is about no single bag, or has not come so far yet."
    return trouble(request, HTTPStatus.OK, "No bag belongs to this run", text)


@router.post("/ui/start", dependencies=[MAY_START, SAME_SITE])
async def start(request: Request, user: UserName, rights: UserRights) -> Response:
    """Replicate a bag to a location: what the form on its page asks for."""
    fields = await form_body(request)
    return await run_in_threadpool(_start, request, fields, user, rights)


def _start(request: Request, fields: dict[str, str], user: str, rights: Rights) -> Response:
    space, identifier = fields.get("space", ""), fields.get("identifier", "")
    destination = fields.get("destination", "")
    wanted = {
        "ingestType": {"id": "replicate"},
        "space": {"id": space},
        "bag": {"info": {"externalIdentifier": identifier}},
        "destination": destination,
    }
    try:
        document = parse_request_document(wanted)
    except InvalidRequestDocument as error:
        return trouble(request, HTTPStatus.BAD_REQUEST, "This could not be started", str(error))
    # The key was made with the page: pressed twice, the second press finds what the first one started.
    client = Client(user, fields.get("key") or None)
    with services_of(request) as services:
        said, good = _said(accept_request(services, document, client, surroundings_of(request).runs), destination)
        return _shown(
            request, services, _bag(space, identifier), f"{space}/{identifier}", rights, said=said, said_good=good
        )


def _said(acceptance: Acceptance, destination: str) -> tuple[str, bool]:
    """What came of it, for a person, and whether it is what was wanted."""
    match acceptance:
        case Accepted(ingests=ingests):
            versions = ", ".join(str(ingest.bag_version.version) for ingest in ingests)
            return f"Started: {versions} to {destination}. This page follows it.", True
        case AlreadyRunning(bag_version=busy):
            return f"{busy.version} is on its way to {destination} already; nothing was started twice.", True
        case AlreadyThere():
            return f"Every version is registered at {destination} already; nothing was started.", True
        case KeyReused():
            return "This page is too old to start something from it: nothing was started. Press again.", False
        case SamePlace(location=location):
            return f"{location} is where the bag is read from; choose another location.", False
        case Malformed(problems=problems):
            return " ".join(problems), False
        case NotFound(text=text):
            return text, False
        case _:
            assert_never(acceptance)


def _shown(
    request: Request,
    services: Services,
    bag: BagId | None,
    name: str,
    rights: Rights,
    *,
    before: str | None = None,
    said: str | None = None,
    said_good: bool = True,
) -> Response:
    below = BagVersion.parse(before) if before is not None and _is_version(before) else None
    found = None
    if bag is not None:
        places = sorted(services.locations)
        found = bag_view(services.registry, services.ingests, services.audits, places, bag, before=below)
    if found is None:
        text = f"No bag {name} is known here. bagfill import LOCATION learns the bags of a location."
        return trouble(request, HTTPStatus.NOT_FOUND, "No such bag", text)
    destinations = [
        place
        for place in found.locations
        if place in services.locations
        and services.locations[place].writable
        and any(cell.replica is None for line in found.versions for cell in line.cells if cell.location == place)
    ]
    return page(
        request,
        "bag.html",
        now=services.clock(),
        bag=found,
        destinations=destinations,
        key=str(uuid4()),
        rights=rights,
        said=said,
        said_good=said_good,
        run_prefix=_RUN_PREFIX,
    )


def _bag(space: str, identifier: str) -> BagId | None:
    try:
        return BagId(Space.stored(space), ExternalIdentifier.stored(identifier))
    except InvalidIdentifier:
        return None


def _is_version(text: str) -> bool:
    try:
        BagVersion.parse(text)
    except InvalidIdentifier:
        return False
    return True
