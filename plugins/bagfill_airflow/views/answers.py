"""Pages for what goes wrong: a sentence for the person who looks, in the place of the API's JSON."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from bagfill.database.errors import DatabaseError
from bagfill.registry.errors import ManifestDamagedError, RegistryContendedError
from bagfill.settings import SettingsError
from bagfill.steps.accept_request import RunsUnavailable
from bagfill.storage.credentials import CredentialsError
from bagfill.storage.errors import StoreError
from bagfill_airflow.api.errors import ApiError
from bagfill_airflow.views.rendering import page

logger = logging.getLogger(__name__)

_Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_TITLES = {
    HTTPStatus.UNAUTHORIZED: ("You are not logged in any more", "Log in to see this page, then come back to it."),
    HTTPStatus.FORBIDDEN: (
        "You may not do this",
        "Looking needs the right to see the DAG backfill_bag; acting, the right to trigger. Nothing was changed.",
    ),
}


class PageRoute(APIRoute):
    """A route whose every answer is a page, errors of its dependencies included."""

    def get_route_handler(self) -> _Handler:
        """FastAPI's handler, with what it raises turned into pages."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except HTTPException as error:
                return _refused(request, error)
            except RequestValidationError as error:
                text = "; ".join(str(each["msg"]) for each in error.errors())
                return trouble(request, HTTPStatus.BAD_REQUEST, "This address is not complete", text)
            except (DatabaseError, SettingsError, CredentialsError, StoreError, RunsUnavailable) as error:
                return _unavailable(request, error)
            except (RegistryContendedError, ManifestDamagedError) as error:
                return _unavailable(request, error)

        return handled


def trouble(request: Request, status: HTTPStatus, title: str, text: str) -> Response:
    """A page that says what is the matter."""
    login = f"{request.scope.get('root_path', '').removesuffix('/bagfill')}/auth/login"
    wants_login = status is HTTPStatus.UNAUTHORIZED
    return page(request, "trouble.html", status=status, title=title, text=text, login=login if wants_login else None)


def _refused(request: Request, error: HTTPException) -> Response:
    status = HTTPStatus(error.status_code)
    title, text = _TITLES.get(status, (status.phrase, ""))
    # Airflow says "Forbidden" and no more; ours say what was wrong.
    if status not in _TITLES or isinstance(error, ApiError):
        text = str(error.detail)
    return trouble(request, status, title, text)


def _unavailable(request: Request, error: Exception) -> Response:
    logger.warning("%s %s: %s", request.method, request.url.path, error)
    match error:
        case DatabaseError() | RegistryContendedError():
            title = "The registry's database does not answer"
        case SettingsError() | CredentialsError():
            title = "Bagfill is not configured rightly"
        case RunsUnavailable():
            title = "Airflow cannot start runs now"
        case _:
            title = "What Bagfill keeps cannot be read now"
    text = (
        "Airflow itself goes on, and so does work that runs. Nothing was changed by this page. The API server's log "
        "says what is the matter; bagfill doctor tries each part."
    )
    return trouble(request, HTTPStatus.SERVICE_UNAVAILABLE, title, text)
