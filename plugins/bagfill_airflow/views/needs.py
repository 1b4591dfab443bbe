"""The page on what needs a person: why, since when, which bags, and what resolves it."""

from __future__ import annotations

from http import HTTPStatus
from itertools import islice
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from bagfill.bag.identifiers import BagId, InvalidIdentifier
from bagfill.ingests.reasons import Reason
from bagfill.steps.failed_ingests import failed_page
from bagfill.steps.failures_list import needing_for_reason, release_bag, release_found
from bagfill.steps.needs import STUCK_SHOWN
from bagfill.steps.services import Services
from bagfill.steps.sweep_candidates import SweepError
from bagfill_airflow.api.bodies import form_body
from bagfill_airflow.api.places import services_of, surroundings_of
from bagfill_airflow.api.security import MAY_READ, MAY_STEER, SAME_SITE, Rights, UserName, UserRights
from bagfill_airflow.views.answers import PageRoute, trouble
from bagfill_airflow.views.figures import figures_of
from bagfill_airflow.views.rendering import page

router = APIRouter(route_class=PageRoute, include_in_schema=False, dependencies=[MAY_READ])

MOST_RELEASED = 1000
"""Bags that one press of a button lets through; more are released from the command line, where progress is shown."""
_ON_A_PAGE = 50


@router.get("/ui/needs")
def show_needs(request: Request, rights: UserRights) -> Response:
    """Failures by reason, stuck runs, thaws that take too long."""
    return _shown(request, rights)


@router.get("/ui/failures/{reason}")
def show_failed(
    request: Request, reason: str, destination: str, rights: UserRights, before: Annotated[UUID | None, Query()] = None
) -> Response:
    """The ingests that failed for one reason, newest first, page by page, and what has become of their bags."""
    try:
        wanted = Reason.of_code(reason)
    except ValueError:
        return trouble(request, HTTPStatus.NOT_FOUND, "No such reason", f"“{reason}” is no reason for a failure.")
    with services_of(request) as services:
        last = None if before is None else services.ingests.get(before)
        return page(
            request,
            "failures.html",
            now=services.clock(),
            reason=wanted,
            destination=destination,
            found=failed_page(services, wanted, destination, before=last, limit=_ON_A_PAGE),
            rights=rights,
            is_first=last is None,
        )


@router.post("/ui/needs/release", dependencies=[MAY_STEER, SAME_SITE])
async def release(request: Request, user: UserName, rights: UserRights) -> Response:
    """Let the next sweep try again: one bag, or every bag of a reason."""
    fields = await form_body(request)
    return await run_in_threadpool(_release, request, fields, user, rights)


def _release(request: Request, fields: dict[str, str], user: str, rights: Rights) -> Response:
    destination, why = fields.get("destination", ""), fields.get("why", "")[:200]
    try:
        with services_of(request) as services:
            said = _released(services, fields, destination, user, why)
    except (SweepError, InvalidIdentifier, ValueError) as error:
        return _shown(request, rights, said=str(error), said_good=False)
    figures_of(request).needs.forget()
    return _shown(request, rights, said=said)


def _released(services: Services, fields: dict[str, str], destination: str, user: str, why: str) -> str:
    if "bag" in fields:
        bag = BagId.parse(fields["bag"], stored=True)
        release_bag(services, bag, destination, who=user, why=why)
        return f"{bag} is tried again by the next sweep."
    reason = Reason.of_code(fields.get("reason", ""))
    # Looked up before the first is released, and no further than it takes to see that there are too many.
    found = list(islice(needing_for_reason(services, reason, destination), MOST_RELEASED + 1))
    if len(found) > MOST_RELEASED:
        raise SweepError(
            f"More than {MOST_RELEASED:,} bags wait because of {reason.code}: too many for a button, nothing was "
            f"released. bagfill retry --reason {reason.code} --to {destination} releases them."
        )
    released = len(release_found(services, found, who=user, why=why))
    if not released:
        return f"No bag waits for a person because of {reason.code} any more: somebody released them before."
    return f"{released} {'bag is' if released == 1 else 'bags are'} tried again by the next sweep."


def _shown(request: Request, rights: Rights, *, said: str | None = None, said_good: bool = True) -> Response:
    needs = figures_of(request).needs.get(surroundings_of(request).services.borrowed)
    return page(
        request,
        "needs.html",
        now=None if needs is None else needs.moment,
        needs=needs,
        rights=rights,
        most=MOST_RELEASED,
        most_stuck=STUCK_SHOWN,
        said=said,
        said_good=said_good,
    )
