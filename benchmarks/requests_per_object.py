"""How many requests each program makes for an object: counted in a run of its own, not in the one that is timed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from counting_proxy import CountingProxy
from data_plane import BagRuns, Say, destination_names, put_bag
from places import Places
from rows import Row
from runs import request_rows
from sample_bags import Shape

from bagfill.settings import load_settings
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.wiring import open_services


def counted_containers(shapes: Sequence[Shape]) -> list[str]:
    """The containers that this needs."""
    return [name for shape in shapes for name in destination_names(shape, 1)]


def count_requests(places: Places, shapes: Sequence[Shape], say: Say) -> list[Row]:
    """One round of every bag, with a proxy before each server. Raises WrongResult and ProgramFailed."""
    environ, ends = places.environment, places.ends
    rows: list[Row] = []
    with (
        open_services(load_settings(places.settings, environ), EnvironmentCredentials(environ)) as services,
        CountingProxy(ends.s3_endpoint) as s3,
        CountingProxy(ends.azure_endpoint) as azure,
    ):
        through = replace(
            places,
            ends=replace(ends, s3_endpoint=s3.endpoint, azure_endpoint=azure.endpoint),
            counters=(s3, azure),
        )
        for shape in shapes:
            bag = put_bag(services, shape)
            turn = BagRuns(through, services, shape, bag, say).measured(1).rounds[0]
            counts = {program: usage.requests for program, usage in turn.items()}
            rows += request_rows(shape, len(bag.objects), counts)
            say(f"{shape.name}: requests {counts}")
    return rows
