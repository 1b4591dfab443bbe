"""What routes find in their application, and the addresses of other routes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, urlencode

from fastapi import Request

from bagfill.steps.accept_request import Runs
from bagfill.steps.services import Services


class Lender(Protocol):
    """Lends services for the time of a request."""

    def borrowed(self) -> AbstractContextManager[Services]:
        """The services."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the application works with.

    Args:
        services: the core's.
        runs: of the workflow system.
    """

    services: Lender
    runs: Runs


def surroundings_of(request: Request) -> Surroundings:
    """Those the application was made with."""
    found = request.app.state.surroundings
    assert isinstance(found, Surroundings)  # noqa: S101 - `create_app` puts it there
    return found


def services_of(request: Request) -> AbstractContextManager[Services]:
    """Services for one request."""
    return surroundings_of(request).services.borrowed()


def address(request: Request, path: str, **query: str | None) -> str:
    """The absolute address of a route of ours.

    Args:
        path: below the application, starting with a slash; slashes in it stay.
        query: parameters; those without a value are left out.
    """
    given = {name: value for name, value in query.items() if value is not None}
    # `base_url` is that of the server that mounts us; `root_path` says where.
    base = request.base_url.replace(path=request.scope.get("root_path", ""))
    return f"{base}{quote(path)}" + (f"?{urlencode(given)}" if given else "")
