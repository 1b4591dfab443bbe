"""The FastAPI application that Airflow's API server mounts at ``/bagfill``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from bagfill.ingests.callback_rules import CallbackRules
from bagfill.steps.request_schema import request_schema
from bagfill.storage.location import Location
from bagfill_airflow.api import bags, campaigns, coverage, failures, ingests
from bagfill_airflow.api.errors import documented, handle_errors
from bagfill_airflow.api.places import Surroundings, services_of
from bagfill_airflow.api.security import MAY_READ
from bagfill_airflow.views import bags as bag_pages
from bagfill_airflow.views import campaigns as campaign_pages
from bagfill_airflow.views import coverage as coverage_pages
from bagfill_airflow.views import needs as need_pages
from bagfill_airflow.views import static_files
from bagfill_airflow.views.figures import Figures

PREFIX = "/bagfill"
_DESCRIPTION = """Replicate bags to further locations, and follow it. Requests, ingests, bags and errors are the JSON of
the [storage service](https://github.com/wellcomecollection/storage-service); the ingest type is `replicate`."""


def create_app(surroundings: Surroundings) -> FastAPI:
    """The application.

    Every route demands Airflow's authentication, the OpenAPI document included; pages that load scripts from elsewhere
    are not served.
    """
    app = FastAPI(
        title="Bagfill", description=_DESCRIPTION, version="1", docs_url=None, redoc_url=None, openapi_url=None
    )
    app.router.redirect_slashes = False
    app.state.surroundings = surroundings
    handle_errors(app)
    for router in (ingests.router, bags.router, coverage.router, campaigns.router, failures.router):
        app.include_router(router)
    app.state.figures = Figures()
    pages = (coverage_pages.router, bag_pages.router, campaign_pages.router, need_pages.router, static_files.router)
    for views in pages:
        app.include_router(views)

    @app.get("/openapi.json", dependencies=[MAY_READ], include_in_schema=False, responses=documented())
    def openapi_document(request: Request) -> JSONResponse:
        with services_of(request) as services:
            return JSONResponse(openapi(app, services.locations.values(), services.callbacks))

    return app


def openapi(app: FastAPI, locations: Iterable[Location], callbacks: CallbackRules) -> dict[str, Any]:
    """The OpenAPI document of the application, as it is mounted, with what this installation takes.

    Args:
        app: made by :func:`create_app`.
        locations: those that are configured.
        callbacks: whom a callback may reach.
    """
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    made["servers"] = [{"url": PREFIX}]
    everywhere = list(locations)
    request = request_schema(everywhere, callbacks, refs="#/components/schemas/{model}")
    schemas = made["components"]["schemas"]
    schemas.update(campaigns.request_schemas(everywhere))
    schemas.update(request.pop("$defs"))
    schemas["RequestDocument"] = request
    # FastAPI writes its own answer to bad parameters into every route; ours are in the storage service's form.
    for path in made["paths"].values():
        for operation in path.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return made
