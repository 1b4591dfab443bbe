"""The whole system as tests see it: start runs, wait for what they come to, and tell what there was instead.

Every wait has a deadline that is generous, for it costs nothing while all is well. When it is over, or a run ends
otherwise, the message tells the tasks with their states and tries, the logs of failed ones, and the ends of the
components' logs: a failure in CI is to be understood from its output alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.demo.airflow_api import AirflowApi, ApiRefused, RunDidNotEnd
from bagfill.demo.bag_maker import SampleBag
from bagfill.demo.programs import tail
from bagfill.demo.stack import EmbeddedStack
from bagfill.ingests.model import Ingest
from bagfill.steps.services import Services

WITHIN = 240.0
"""Seconds that anything may take on two busy cores."""
_ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


@dataclass
class System:
    stack: EmbeddedStack
    api: AirflowApi
    services: Services
    samples: tuple[SampleBag, ...]
    passive: dict[str, str]
    environment: dict[str, str]

    def start(self, bag: str, run_id: str | None = None, **conf: Any) -> str:
        space, _, identifier = bag.partition("/")
        conf = {"space": space, "external_identifier": identifier, "destination": "azure", **conf}
        return self.api.trigger("backfill_bag", conf, run_id)

    def ends(self, run_id: str, expected: str, dag_id: str = "backfill_bag") -> None:
        """Wait for the end of a run, which is ``success`` or ``failed`` as expected."""
        try:
            state = self.api.wait_for_run(dag_id, run_id, within=WITHIN)
        except RunDidNotEnd as late:
            raise AssertionError(f"{late}\n{self.story(dag_id, run_id)}") from late
        assert state == expected, f"{run_id} ended as {state}\n{self.story(dag_id, run_id)}"

    def task(self, run_id: str, task_id: str) -> dict[str, Any]:
        tasks = self.api.task_instances("backfill_bag", run_id)
        return next((task for task in tasks if task["task_id"] == task_id), {})

    def until(self, run_id: str, task_id: str, *states: str) -> dict[str, Any]:
        """Wait until a task is in one of these states; at once over when it ended in another."""
        deadline = time.monotonic() + WITHIN
        while (task := self.task(run_id, task_id)).get("state") not in states:
            over = time.monotonic() > deadline or task.get("state") in _ENDED
            assert not over, f"{task_id} was not met as {states}\n{self.story('backfill_bag', run_id)}"
            time.sleep(0.05)
        return task

    def eventually(self, happened: Callable[[], Any], what: str, pause: float = 0.05) -> None:
        """Wait until something happened."""
        deadline = time.monotonic() + WITHIN
        while not happened():
            assert time.monotonic() < deadline, f"after {WITHIN:.0f} s not yet: {what}\n{self.unfinished()}"
            time.sleep(pause)

    def unfinished(self) -> str:
        """The story of every run that goes on."""
        runs = self.api.request("GET", "/api/v2/dags/~/dagRuns", params={"state": ["queued", "running"]})["dag_runs"]
        told = [self._tasks(run["dag_id"], run["dag_run_id"]) for run in runs]
        return "\n".join([*(told or ["no run goes on"]), self._components()])

    def story(self, dag_id: str, run_id: str) -> str:
        """What there is to know about a run that went another way."""
        return f"{self._tasks(dag_id, run_id)}\n{self._components()}"

    def _tasks(self, dag_id: str, run_id: str) -> str:
        told = [f"run {run_id} of {dag_id} is {self.api.run_state(dag_id, run_id)}"]
        for task in self.api.task_instances(dag_id, run_id):
            name, state, tries = task["task_id"], task["state"], task["try_number"]
            told.append(f"  {name}[{task['map_index']}] is {state} in try {tries}, since {task['start_date']}")
            if state not in {None, "success", "skipped", "upstream_failed"} and tries:
                told.append(self._log(dag_id, run_id, task))
        return "\n".join(told)

    def _components(self) -> str:
        logs = {name: self.stack.work_dir / f"{name}.log" for name in ("scheduler", "triggerer")}
        return "\n".join(f"{name}:\n{tail(log, 40)}" for name, log in logs.items())

    def _log(self, dag_id: str, run_id: str, task: dict[str, Any]) -> str:
        where = {"attempt": task["try_number"], "map_index": task["map_index"]}
        try:
            lines = self.api.log(dag_id, run_id, task["task_id"], **where).splitlines()
        except ApiRefused as refused:
            lines = [str(refused)]
        return "\n".join(f"    {line}" for line in lines[-25:])

    def unpause(self, dag_id: str) -> None:
        """A DAG is paused at first, and a run of a paused DAG stays queued."""
        path = f"/api/v2/dags/{dag_id}"
        self.api.request("PATCH", path, params={"update_mask": "is_paused"}, json={"is_paused": False})

    def question(self, run_id: str) -> dict[str, Any]:
        """What a person is asked, once the task waits for the answer."""

        def asks() -> bool:
            runs = [run["dag_run_id"] for run in self.api.runs("approve_campaign")]
            tasks = self.api.task_instances("approve_campaign", run_id) if run_id in runs else []
            return [task["state"] for task in tasks] == ["deferred"]

        self.eventually(asks, f"{run_id} of approve_campaign asks", pause=0.1)
        return dict(self.api.request("GET", self._hitl(run_id)))

    def answer(self, run_id: str, option: str) -> None:
        """As Airflow's own page does."""
        self.api.request("PATCH", self._hitl(run_id), json={"chosen_options": [option], "params_input": {}})

    @staticmethod
    def _hitl(run_id: str) -> str:
        return f"/api/v2/dags/approve_campaign/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"

    def ingest(self, bag: str) -> Ingest:
        [ingest] = self.services.ingests.of_bag(BagId.parse(bag), "azure")
        return ingest

    def is_registered(self, bag_version: BagVersionId) -> bool:
        return any(replica.location == "azure" for replica in self.services.registry.replicas(bag_version))

    def objects(self, bag_version: BagVersionId) -> dict[str, int]:
        azure = self.services.locations["azure"]
        prefix = azure.version_prefix(bag_version)
        listed = self.services.stores.reading(azure).list(prefix)
        return {info.key.removeprefix(prefix): info.size for info in listed}
