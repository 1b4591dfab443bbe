"""Server-to-server copy beside our own copy through a worker: what is left for the client to do.

Azurite cannot fetch from a foreign server, so ``tests/from_url_proxy.py`` stands before it and does Azure's part, in a
process of its own that is not counted.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from data_plane import BagRuns
from peers import WORKER
from places import Places
from rows import Row
from runs import Runs
from sample_bags import GIB

_PROXY = Path(__file__).parents[1] / "tests" / "from_url_proxy.py"


@dataclass(slots=True)
class StandIn:
    """The proxy.

    Args:
        places: the servers, with the proxy before Azurite.
        received_bytes: what clients sent to it in bodies; known when it has ended.
    """

    places: Places
    received_bytes: int = -1


@contextmanager
def stand_in(places: Places) -> Iterator[StandIn]:
    """Start it, and end it with the block."""
    command = (sys.executable, str(_PROXY), "--connection-string", places.ends.connection_string)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        said = dict(pair.partition("=")[::2] for pair in program.stdout.readline().strip().strip(";").split(";"))
        ends = replace(places.ends, azure_endpoint=said["BlobEndpoint"])
        started = StandIn(replace(places, ends=ends, settings=places.server_settings))
        yield started
        program.stdin.close()
        started.received_bytes = int(program.stdout.read().split("received ")[1])


def containers() -> list[str]:
    """The containers that this needs."""
    return ["server-big", "server-little", "worker-little"]


def server_copy_rows(bag: BagRuns, little: BagRuns, worker: Runs) -> list[Row]:
    """One copy of a bag past the worker, proved like any other, beside the copies through it.

    Args:
        bag: a large one.
        little: one that shows what is paid once, on either way.
        worker: copies of the large one through the worker.

    Raises:
        ProgramFailed, WrongResult: it did not arrive.
    """
    with stand_in(bag.places) as proxy:
        past = replace(bag, places=proxy.places).ours("server-big")["copy"].cpu
        past_once = replace(little, places=proxy.places).copied("server-little").cpu
    through = median(turn["copy"].cpu for turn in worker.rounds)
    through_once = little.copied("worker-little").cpu
    size, more = bag.bag.size / GIB, (bag.bag.size - little.bag.size) / GIB
    unit, name = "CPU s/GiB", bag.shape.name
    return [
        Row(
            "server_copy",
            max(0.0, past - past_once) / more,
            unit,
            WORKER,
            max(0.0, through - through_once) / more,
            bag=name,
            note=f"what each further GiB costs, {little.shape.name} taken off on either way",
        ),
        Row("server_copy_whole", past / size, unit, WORKER, through / size, bag=name, note="whole processes"),
        Row("server_copy_sent", proxy.received_bytes / size, "bytes/GiB", bag=name, note="lists of blocks, no payload"),
    ]
