"""What a mapped task does, in a process of its own: opens the services and copies or verifies shards.

``python shard_task.py STEP SETTINGS [INGEST [COUNT]]``: STEP is ``plan``, ``copy``, ``verify``, ``conclude``, or
``start`` to only open the services; INGEST is the ingest's reference as JSON, COUNT how many shards. Prints JSON.

STEP ``copy,verify`` does both in turn, as ``bagfill backfill`` and a parcel's task do; COUNT is then ``copies,reads``,
and what is printed says how many processor seconds the process had used when the last file was copied.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bagfill.collector import collect_seldom

if TYPE_CHECKING:
    from bagfill.steps.outcomes import IngestRef
    from bagfill.steps.services import Services

_BEGUN = time.monotonic()
# Each step's function has the name of its module.
_STEPS = {"plan": "plan_replication", "copy": "copy_shard", "verify": "verify_shard", "conclude": "conclude_replica"}


def main() -> None:
    # As the command line does: first this, then all else is loaded.
    collect_seldom()
    from bagfill.settings import load_settings
    from bagfill.steps.outcomes import IngestRef, StepFailed
    from bagfill.storage.environment_credentials import EnvironmentCredentials
    from bagfill.wiring import open_services

    step, settings = sys.argv[1], load_settings(Path(sys.argv[2]))
    with open_services(settings, EnvironmentCredentials(os.environ)) as services:
        if step == "start":
            open_ends(services)
            return
        ingest = IngestRef.from_json(json.loads(sys.argv[3]))
        if step == "copy,verify":
            counts = map(int, sys.argv[4].split(","))
            done = dict(zip(("copy", "verify"), _both(services, ingest, counts), strict=True))
            print(json.dumps(done))
            return
        # As an operator does, which knows its own step alone: what the others import is not loaded.
        act = getattr(import_module(f"bagfill.steps.{_STEPS[step]}"), _STEPS[step])
        if step in {"plan", "conclude"}:
            outcome = act(services, ingest)
            if isinstance(outcome, StepFailed):
                sys.exit(outcome.text)
            print(json.dumps(outcome.to_json()))
        else:
            print(json.dumps(_run(services, act, ingest, int(sys.argv[4]))))


def open_ends(services: Services) -> None:
    """Open what one task opens: the source, and one destination. The settings have one for each run."""
    source, destination, *_ = services.locations.values()
    services.stores.reading(source)
    services.stores.writing(destination)


def _both(services: Services, ingest: IngestRef, counts: Iterable[int]) -> Iterator[dict[str, float]]:
    for step, count in zip(("copy", "verify"), counts, strict=True):
        act = getattr(import_module(f"bagfill.steps.{_STEPS[step]}"), _STEPS[step])
        done = _run(services, act, ingest, count)
        used = os.times()
        yield {**done, "cpu": used.user + used.system, "wall": time.monotonic() - _BEGUN}


def _run(services: Services, act: Callable[..., Any], ingest: IngestRef, count: int) -> dict[str, int]:
    from bagfill.steps.outcomes import ShardRef, StepFailed

    done = {"files": 0, "bytes": 0}
    for index in range(count):
        outcome = act(services, ShardRef(ingest, index))
        if isinstance(outcome, StepFailed):
            sys.exit(outcome.text)
        done["files"] += outcome.files
        done["bytes"] += outcome.bytes
    return done


if __name__ == "__main__":
    main()
