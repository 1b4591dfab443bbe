"""Who may do what: Airflow's authentication and its permissions on the DAGs.

The helpers that are imported here are no stable interface of Airflow, so nothing else of ours imports them. A browser
sends its cookie along with requests that another site made it send; such a request must not start anything, so one
that changes state and is authenticated by cookie has to come from our own pages.
Sources: Airflow's ``core_api/security.py``; Fetch Metadata (``Sec-Fetch-Site``); OWASP on cross-site request forgery.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, Request

from bagfill_airflow.api.errors import ApiError

DAG_ID = "backfill_bag"
_SWEEP, _APPROVAL = "sweep_unbackfilled_bags", "approve_campaign"
MAY_READ = Depends(requires_access_dag("GET", None, DAG_ID))
"""Whoever may look at the DAG may look at what it did."""
MAY_START = Depends(requires_access_dag("POST", DagAccessEntity.RUN, DAG_ID))
"""Whoever may trigger the DAG may ask for an ingest."""

MAY_STEER = Depends(requires_access_dag("POST", DagAccessEntity.RUN, _SWEEP))
"""Whoever may trigger the sweep may declare campaigns and steer them: both decide which bags are started."""
MAY_APPROVE = Depends(requires_access_dag("POST", DagAccessEntity.RUN, _APPROVAL))
"""Whoever may trigger the DAG that asks for approval may approve."""


def user_name(user: GetUserDep) -> str:
    """The name of the authenticated user, by which idempotency keys are kept apart."""
    return str(user.get_id())


UserName = Annotated[str, Depends(user_name)]


def refuse_other_sites(request: Request) -> None:
    """Refuse a request that a browser sent on behalf of another site.

    Raises:
        ApiError: FORBIDDEN, it is authenticated by nothing but a cookie, and does not say that it is of our origin.
    """
    if request.headers.get("Authorization"):
        # No browser adds this header by itself.
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site == "same-origin" or (site is None and origin is not None and _is_ours(origin, request)):
        return
    text = "A request that changes something needs a bearer token, or must come from a page of this server."
    raise ApiError(HTTPStatus.FORBIDDEN, text)


def _is_ours(origin: str, request: Request) -> bool:
    return urlsplit(origin).netloc == request.headers.get("Host")


SAME_SITE = Depends(refuse_other_sites)


@dataclass(frozen=True, slots=True)
class Rights:
    """What the user may do beyond looking, so that pages offer what will not be refused.

    Args:
        start: ask for ingests.
        steer: declare and steer campaigns, and release what failed.
        approve: approve of campaigns.
    """

    start: bool
    steer: bool
    approve: bool


def rights_of(user: GetUserDep) -> Rights:
    """Those of the authenticated user. They are asked again by the route that acts."""
    manager = get_auth_manager()

    def may_trigger(dag_id: str) -> bool:
        return manager.is_authorized_dag(
            method="POST", access_entity=DagAccessEntity.RUN, details=DagDetails(id=dag_id), user=user
        )

    return Rights(may_trigger(DAG_ID), may_trigger(_SWEEP), may_trigger(_APPROVAL))


UserRights = Annotated[Rights, Depends(rights_of)]
