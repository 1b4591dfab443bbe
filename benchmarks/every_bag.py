"""All bags in turn, through the worker and past it."""

from __future__ import annotations

from collections.abc import Sequence

import server_copy
from data_plane import BagRuns, Say, destination_names, put_bag, start_cost, start_on_airflow
from places import Places
from rows import Row
from runs import Runs, peak_rows
from sample_bags import LITTLE, Shape

from bagfill.settings import load_settings
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.wiring import open_services


def containers(shapes: Sequence[Shape], repeats: int) -> list[str]:
    """The containers that this needs."""
    return [*server_copy.containers(), *(name for shape in shapes for name in destination_names(shape, repeats))]


def measure(places: Places, shapes: Sequence[Shape], repeats: int, say: Say, *, brief: bool = False) -> list[Row]:
    """All rows for some bags; the one named ``big`` is copied from server to server too.

    Args:
        brief: what is to end within a minute: one bag alone beside every peer, no start of Airflow.

    Raises:
        WrongResult: a run did not move what it should have.
        ProgramFailed: a run ended with an error.
    """
    environ = places.environment
    with open_services(load_settings(places.settings, environ), EnvironmentCredentials(environ)) as services:
        every: dict[str, tuple[BagRuns, Runs]] = {}
        for shape in shapes:
            say(f"{shape.name}: making the bag at the source")
            bag = BagRuns(places, services, shape, put_bag(services, shape), say)
            every[shape.key] = bag, bag.measured(repeats, brief=brief and shape.key != "mid")
        start = start_cost(places, repeats)
        say("from server to server")
        little = BagRuns(places, services, LITTLE, put_bag(services, LITTLE), say)
        return [
            *(row for _, runs in every.values() for row in runs.rows()),
            *peak_rows([runs for _, runs in every.values()]),
            *server_copy.server_copy_rows(every["big"][0], little, every["big"][1]),
            Row("task_start", start, "CPU s", bag="interpreter, imports, opening clients"),
            *([] if brief else _on_airflow(places, repeats)),
        ]


def _on_airflow(places: Places, repeats: int) -> list[Row]:
    found = start_on_airflow(places, repeats)
    bag, peer = "the same where Airflow is loaded", "loading Airflow's task runner"
    return [Row("task_start_on_airflow", found["ours"], "CPU s", peer, found["airflow"], bag=bag)]
