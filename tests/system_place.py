"""Where the whole system runs for tests: Airflow, PostgreSQL, S3 with archive classes, Azure Blob storage, and bags."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from bagfill.demo.bag_maker import BagMaker, SampleBag
from bagfill.demo.collection import sample_collection
from bagfill.demo.content import noise
from bagfill.demo.guard import descendants
from bagfill.demo.load import archive
from bagfill.demo.server import project_folder
from bagfill.demo.service_scene import make_places
from bagfill.demo.stack import EmbeddedStack
from bagfill.demo.surroundings import BUCKET, project_environment
from bagfill.demo.write import plant, write_bag
from bagfill.settings import load_settings
from bagfill.settings.load import DEFAULT_PATH
from bagfill.steps.import_location import import_location
from bagfill.steps.services import Services
from bagfill.storage.credentials import S3Access
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.s3 import S3Store
from bagfill.wiring import open_services
from whole_system import System

RESTORE_SECONDS = 4.0
# Large enough that its copying can be met while it runs.
FILM_BYTES = 160_000_000
GLACIER = "digitised/b30000016"
CANCELLED = "digitised/b30000028"
TAPE = "digitised/tape"
FILM = "digitised/film"
OTHER_BYTES = "digitised/b40000019"
BY_HTTP = "digitised/PP/HTTP 1"
BY_CAMPAIGN = "digitised/campaign"
SWEPT = "born-digital"
GOOD = ("born-digital/PP MIA 2", "born-digital/unicode", "born-digital/crlf")
# The file that each bad bag's ingest must name.
BAD = {"born-digital/bit-rot": "rotten.bin", "born-digital/SATSY/1821/4": "Notes etc.", OTHER_BYTES: "page.jp2"}
COUNTING = """\
import os
from airflow.sdk import Param, dag, task

@dag(schedule=None, params={"n": Param(2, type="integer", minimum=1)})
def counting():
    @task
    def numbers(params=None):
        print("counting to", params["n"])
        return list(range(params["n"]))

    @task
    def state(n):
        return os.environ["BAGFILL_STATE"] + str(n)

    state.expand(n=numbers())

counting()
"""
"""A DAG that has nothing to do with bags."""


@contextmanager
def whole_system(folder: Path) -> Iterator[System]:
    """Start it, with the project's DAGs and one of another kind; stop it, and see that nothing of Airflow is left."""
    given: dict[str, str] = {}
    dags = folder / "dags"
    shutil.copytree(project_folder() / "dags", dags)
    (dags / "counting.py").write_text(COUNTING)

    def environment(stack: EmbeddedStack) -> dict[str, str]:
        # A secret that stands nowhere else, so that it can be searched for; requests signed with it are let in.
        stack.ministack.secret_key = token_hex(20)
        given.update(project_environment(stack))
        # A copy of the settings, which a test may change.
        shutil.copytree(DEFAULT_PATH.parent, stack.work_dir / "config")
        given["BAGFILL_CONFIG"] = str(stack.work_dir / "config" / "bagfill.toml")
        given.update(make_places(stack))
        return {
            **given,
            "AIRFLOW__BAGFILL__RETRY_DELAY_SECONDS": "1",
            "AIRFLOW__BAGFILL__THAW_POLL_SECONDS": "1",
            "AIRFLOW__BAGFILL__APPROVAL_POLL_SECONDS": "0.5",
            # So that a DAG file that a test writes is seen within seconds.
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "3",
            # So that the triggers of a triggerer that was killed are taken over within seconds.
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "5",
        }

    stack = EmbeddedStack(
        folder / "work",
        with_airflow=True,
        restore_delay=RESTORE_SECONDS,
        environment=environment,
        dags_folder=dags,
    )
    with (
        stack,
        stack.airflow.api() as api,
        open_services(load_settings(environ=given), EnvironmentCredentials(given)) as services,
    ):
        system = System(stack, api, services, _fill(stack, services), {}, given)
        # Runs that nobody has to meet at a certain moment go on beside the others.
        system.passive["unknown field"] = system.start(GLACIER, sapce="digitised")
        system.passive["other bytes"] = system.start(OTHER_BYTES, "bag__other-bytes")
        system.passive["counting"] = api.trigger("counting", {"n": 3}, run_id="bag__one")
        yield system
    assert not [pid for pid in descendants(os.getpid()) if "airflow" in _command(pid)]


def _fill(stack: EmbeddedStack, services: Services) -> tuple[SampleBag, ...]:
    source, destination = services.locations["primary"], services.locations["azure"]
    film = BagMaker(BUCKET, source.prefix).make(FILM, 1, "a large file", {"film.mxf": noise(FILM_BYTES, 99)})
    tape = BagMaker(BUCKET, source.prefix).make(
        TAPE, 1, "wholly archived", {"tape.wav": noise(50_000, 98)}, archive_class="DEEP_ARCHIVE"
    )
    asked = BagMaker(BUCKET, source.prefix).make(BY_HTTP, 1, "asked for by HTTP", {"page.jp2": noise(20_000, 97)})
    campaign = BagMaker(BUCKET, source.prefix).make(
        BY_CAMPAIGN, 1, "of a campaign", {"page.jp2": noise(20_000, 96)}, archive_class="GLACIER"
    )
    wanted = {GLACIER, CANCELLED, *GOOD, *BAD}
    collection = sample_collection(BUCKET, source.prefix, large_file_bytes=1000)
    samples = (*(sample for sample in collection if str(sample.id.bag) in wanted), film, tape, asked, campaign)
    s3 = stack.ministack
    # Bagfill itself has no identity that may write at the source.
    access = S3Access(s3.endpoint, s3.region, access_key_id=s3.access_key, secret_access_key=s3.secret_key)
    store = S3Store(source.bucket, access, location=source.name)
    for sample in samples:
        write_bag(store, source, sample)
        plant(services.stores.writing(destination), destination, sample)
    store.close()
    assert import_location(services, "primary").is_clean
    archive(s3, source, samples)
    return samples


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
