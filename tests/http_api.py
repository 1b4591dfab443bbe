"""The HTTP API in a test's own process, on a world in memory, behind Airflow's own auth manager."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from airflow_home import airflow_home

airflow_home()

from airflow.api_fastapi.app import create_auth_manager, purge_cached_app  # noqa: E402 - after Airflow has its home
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser  # noqa: E402
from fastapi import FastAPI  # noqa: E402
from starlette.testclient import TestClient  # noqa: E402

from bagfill.bag.identifiers import BagId  # noqa: E402
from bagfill.campaigns.memory import MemoryCampaigns  # noqa: E402
from bagfill.ingests.request_keys import MemoryRequestKeys  # noqa: E402
from bagfill.steps.services import Services  # noqa: E402
from bagfill_airflow.api.app import PREFIX, create_app  # noqa: E402
from bagfill_airflow.api.places import Surroundings  # noqa: E402
from stub_runs import StubRuns  # noqa: E402
from world import World, bag_files  # noqa: E402

BAG = BagId.parse("digitised/PP/MIA 1")
ROLES: dict[str, str | None] = {"operator": "OP", "viewer": "VIEWER", "stranger": None}


@dataclass
class Api:
    """The application with what is behind it."""

    world: World
    services: Services
    runs: StubRuns
    app: FastAPI
    tokens: dict[str, str]
    mounted: FastAPI = field(default_factory=FastAPI)
    clients: list[TestClient] = field(default_factory=list)

    def client(self, role: str | None = None, *, by_cookie: bool = False) -> TestClient:
        """Somebody who talks to it: with a bearer token, with a browser's cookie, or anonymously."""
        made = TestClient(self.app, base_url="http://airflow.example.org", raise_server_exceptions=False)
        if role is not None and by_cookie:
            made.cookies.set("_token", self.tokens[role])
        elif role is not None:
            made.headers["Authorization"] = f"Bearer {self.tokens[role]}"
        return made


class Lender:
    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    @contextmanager
    def borrowed(self) -> Iterator[Services]:
        yield self._services()


def tokens() -> Iterator[dict[str, str]]:
    """A token for each role, of an auth manager that lives as long as the generator."""
    purge_cached_app()
    manager = create_auth_manager()
    manager.init()
    yield {name: manager.generate_jwt(SimpleAuthManagerUser(username=name, role=role)) for name, role in ROLES.items()}
    purge_cached_app()


def make_api(tokens: dict[str, str]) -> Api:
    """The application with a bag of two versions behind it."""
    world = World()
    for number in (1, 2):
        world.add(str(BAG.version(number)), bag_files(BAG, {f"{number}.txt": b"text", "a.txt": b""}))
    services = replace(
        world.services(), request_keys=MemoryRequestKeys(world.clock), campaigns=MemoryCampaigns(world.clock)
    )
    runs = StubRuns()
    mounted = FastAPI()
    made = Api(world, services, runs, mounted, tokens)
    made.mounted = create_app(Surroundings(Lender(lambda: made.services), runs))
    mounted.mount(PREFIX, made.mounted)
    return made
