"""Waits for the runs that a sweep started, and tells what each does."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bagfill.demo.airflow_api import AirflowApi

SWEEP = "sweep_unbackfilled_bags"
BACKFILL = "backfill_bag"
_FINAL = frozenset({"success", "failed"})
_TASKS = {
    "open_ingest": "opening",
    "plan_replication": "planning",
    "thaw.request": "planning",
    "thaw.wait": "planning",
    "copy": "copying",
    "verify": "reading back",
    "register": "registering",
    "close_ingest": "closing",
}
THAWING = "waiting for a thaw"


class SweepStuck(RuntimeError):
    """The runs did not end in time, or the sweep itself failed."""


@dataclass(frozen=True, slots=True)
class BagRun:
    """One run of ``backfill_bag``.

    Args:
        bag: ``space/external identifier``.
        state: Airflow's: ``queued``, ``running``, ``success`` or ``failed``.
        doing: what it does now, in words; empty when it ended.
    """

    bag: str
    state: str
    doing: str

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.state in _FINAL


def start_sweep(api: AirflowApi, destination: str, limit: int, space: str | None = None) -> str:
    """Switch the sweep on and start it by hand; returns the run's id.

    Args:
        api: of the Airflow that sweeps.
        destination: name of the location that gains replicas.
        limit: bags to start at most.
        space: only its bags; ``None``: every space.

    Raises:
        ApiRefused: Airflow says no.
    """
    # Paused when it appears, for it spends money; a run of a paused DAG would stay queued for ever.
    api.request("PATCH", f"/api/v2/dags/{SWEEP}", params={"update_mask": "is_paused"}, json={"is_paused": False})
    return api.trigger(SWEEP, {"destination": destination, "limit": limit, "space": space})


def wait_for_runs(
    api: AirflowApi,
    sweep_run: str,
    bags: int,
    *,
    within: float,
    seen: Callable[[Sequence[BagRun]], None],
    pause: float = 1.0,
) -> tuple[BagRun, ...]:
    """Wait until the sweep is over and so many bags have had their run.

    Args:
        api: of the Airflow that runs them.
        sweep_run: id of the sweep's run.
        bags: how many runs of ``backfill_bag`` must end.
        within: seconds.
        seen: is told the runs at every look.
        pause: seconds between two looks.

    Raises:
        SweepStuck: the sweep failed, or time is over.
    """
    deadline = time.monotonic() + within
    while True:
        sweep = api.run_state(SWEEP, sweep_run)
        if sweep == "failed":
            raise SweepStuck(f"the run {sweep_run} of {SWEEP} failed")
        runs = _runs(api)
        seen(runs)
        if sweep == "success" and len(runs) >= bags and all(run.ended for run in runs):
            return runs
        if time.monotonic() > deadline:
            open_runs = ", ".join(f"{run.bag} ({run.doing or run.state})" for run in runs if not run.ended)
            raise SweepStuck(f"after {within:.0f} s these runs are not over: {open_runs or 'none was started'}")
        time.sleep(pause)


def _runs(api: AirflowApi) -> tuple[BagRun, ...]:
    doing = _doing(api)
    return tuple(
        BagRun(_bag(run), run["state"], "" if run["state"] in _FINAL else doing.get(run["dag_run_id"], ""))
        for run in sorted(api.runs(BACKFILL), key=_bag)
    )


def _bag(run: dict[str, Any]) -> str:
    conf = run.get("conf") or {}
    return f"{conf.get('space', '?')}/{conf.get('external_identifier', '?')}"


def _doing(api: AirflowApi) -> dict[str, str]:
    """What each run does now, by run id: the furthest of its tasks that are under way."""
    found: dict[str, str] = {}
    order = list(_TASKS)
    answer = api.request(
        "GET",
        f"/api/v2/dags/{BACKFILL}/dagRuns/~/taskInstances",
        params={"limit": 100, "state": ["queued", "running", "deferred", "up_for_retry"]},
    )
    rows = [row for row in answer["task_instances"] if row["task_id"] in _TASKS]
    for row in sorted(rows, key=lambda row: order.index(row["task_id"])):
        # Deferred is the only task that holds no worker: it waits until archived objects are readable.
        waits = row["state"] == "deferred"
        found[row["dag_run_id"]] = THAWING if waits else _TASKS[row["task_id"]]
    return found
