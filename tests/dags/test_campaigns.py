"""``carry_campaigns`` and ``approve_campaign``: what they start, whom they ask, and what an answer does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.dagrun import DagRun
from airflow.providers.standard.operators import hitl
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from airflow.utils.session import create_session
from sqlalchemy import delete, select

from bagfill.campaigns.model import Definition, Scope
from bagfill.campaigns.states import CampaignState
from bagfill.ingests.reasons import Reason
from bagfill.planning.budget import Caps
from bagfill.steps.campaigns import create_campaign, reject_campaign, start_campaign
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import CampaignRules, Services
from bagfill_airflow.operators.campaigns import ApproveCampaignOperator
from bagfill_airflow.triggers.approval import ApprovalTrigger
from campaign_world import CampaignWorld

pytestmark = pytest.mark.airflow

DAGS = Path(__file__).resolve().parents[2] / "dags"


class Wiring(ModuleType):
    """Stands in for :mod:`bagfill.wiring`: opens the services of a world in memory."""

    def __init__(self, world: CampaignWorld) -> None:
        super().__init__("bagfill.wiring")
        self.world = world

    @contextmanager
    def open_services(self, _settings: object, _credentials: object) -> Iterator[Services]:
        yield self.world.services()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A campaign of this test alone: the runs of other tests are in the same database."""
    return str(request.node.name).lower().replace("_", "-").replace("[", "-").replace("]", "")[:60]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, name: str) -> CampaignWorld:
    world = CampaignWorld()
    world.limits = replace(world.limits, parcel_bags=0)
    world.bag(f"digitised/{name}-1")
    world.bag(f"digitised/{name}-2")
    monkeypatch.setitem(sys.modules, "bagfill.wiring", Wiring(world))
    return world


@pytest.fixture
def dags(world: CampaignWorld, airflow_database: Path) -> dict[str, Any]:
    return dict(DagBag(dag_folder=str(DAGS), bundle_name="dags-folder").dags)


def started(dag_id: str, part: str) -> dict[str, Any]:
    """Confs of runs that tasks started and whose id names this, by run id."""
    with create_session() as session:
        found = session.scalars(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_type == "operator_triggered"))
        return {run.run_id: run.conf for run in found if part in run.run_id}


def waiting(world: CampaignWorld, name: str) -> None:
    services = world.services(campaign_rules=CampaignRules(approval_above=0))  # type: ignore[arg-type]  # as a Decimal
    create_campaign(services, name, Definition(Scope(), "azure"), Caps(), who="ada")
    assert start_campaign(services, name, who="ada").campaign.state is CampaignState.AWAITING_APPROVAL


def test_carrying_on_spends_nothing_before_a_person_switches_it_on(dags: dict[str, Any]) -> None:
    dag = dags["carry_campaigns"]
    assert dag.is_paused_upon_creation
    assert dag.max_active_runs == 1
    assert not dags["approve_campaign"].is_paused_upon_creation


def test_bags_are_started_within_the_caps_and_name_their_campaign(
    dags: dict[str, Any], world: CampaignWorld, name: str
) -> None:
    world.run(name, Caps(runs_at_once=1))
    assert str(dags["carry_campaigns"].test(run_conf={}).state) == "success"
    (conf,) = started("backfill_bag", name).values()
    assert conf["campaign"] == name
    # The same again: its run is there already.
    assert str(dags["carry_campaigns"].test(run_conf={}).state) == "success"
    assert len(started("backfill_bag", name)) == 1


def test_a_campaign_goes_on_in_an_airflow_that_has_never_heard_of_it(
    dags: dict[str, Any], world: CampaignWorld, name: str
) -> None:
    world.run(name, scope=Scope(bags=(f"digitised/{name}-1",)))
    assert str(dags["carry_campaigns"].test(run_conf={}).state) == "success"
    ((run_id, conf),) = started("backfill_bag", name).items()
    # The run has begun when Airflow's database is lost, and with it every run that it knew.
    assert isinstance(
        open_ingests(world.services(), BackfillRequest.parse(world.services(), run_id, conf)), OpenedIngests
    )
    with create_session() as session:
        for dag_id in ("backfill_bag", "carry_campaigns"):
            session.execute(delete(DagRun).where(DagRun.dag_id == dag_id))
    assert started("backfill_bag", name) == {}
    # As long as its claim lives the task may still be running somewhere.
    assert str(dags["carry_campaigns"].test(run_conf={}).state) == "success"
    assert started("backfill_bag", name) == {}

    # Then its ingest is closed as interrupted, which is tried again after a minute.
    for later in (world.limits.lease * 2, timedelta(minutes=10)):
        world.clock.advance(later)
        assert str(dags["carry_campaigns"].test(run_conf={}).state) == "success"
    ((again, conf),) = started("backfill_bag", name).items()
    assert again != run_id
    assert conf["campaign"] == name
    assert [ingest.reason for ingest in world.ingests.of_campaign(name)] == [Reason.INTERRUPTED]


def test_the_sweep_starts_what_a_campaign_would_start(dags: dict[str, Any], world: CampaignWorld, name: str) -> None:
    world.run(name)
    assert str(dags["sweep_unbackfilled_bags"].test(run_conf={"campaign": name}).state) == "success"
    assert {conf["campaign"] for conf in started("backfill_bag", name).values()} == {name}
    refused = dags["sweep_unbackfilled_bags"].test(run_conf={"campaign": name, "destination": "azure"})
    assert str(refused.state) == "failed"


def test_a_campaign_that_waits_for_approval_is_asked_about_once(
    dags: dict[str, Any], world: CampaignWorld, name: str
) -> None:
    waiting(world, name)
    for _ in range(2):
        assert str(dags["carry_campaigns"].test(run_conf={}).state) == "success"
    assert started("approve_campaign", name) == {f"campaign__{name}__r1": {"campaign": name}}
    assert started("backfill_bag", name) == {}


@pytest.mark.parametrize(("answer", "state"), [("Approve", CampaignState.RUNNING), ("Reject", CampaignState.DRAFT)])
def test_the_answer_is_carried_out_in_the_name_of_who_gave_it(
    world: CampaignWorld, name: str, answer: str, state: CampaignState, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(world, name)
    changes = len(world.campaigns.events(name))
    asked: dict[str, Any] = {}
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **kwargs: asked.update(kwargs))
    operator = ApproveCampaignOperator(task_id="approve")
    task = SimpleNamespace(id=uuid4(), try_number=1)
    context = cast("Any", {"params": {"campaign": name}, "task": operator, "task_instance": task})
    # The task gives its worker back until somebody answers.
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    assert isinstance(deferred.value.trigger, ApprovalTrigger)
    kept = deferred.value.kwargs
    assert kept == {"revision": world.campaign(name).revision}
    assert asked["options"] == ["Approve", "Reject"]
    assert asked["subject"] == f"Approve of campaign {name}?"
    assert "2 bag versions, 16 files" in asked["body"]
    assert "| transfer-out |" in asked["body"]

    event = {
        "chosen_options": [answer],
        "params_input": {},
        "responded_at": datetime.now(tz=UTC),
        "responded_by_user": {"id": "7", "name": "Grace"},
    }
    assert operator.execute_complete(context, event, **kept) == {"campaign": name, "state": state.value}
    assert world.campaign(name).state is state
    assert world.campaigns.events(name)[-1].who == "Grace"
    with pytest.raises(AirflowFailException, match="does not wait for approval"):
        operator.execute(context)
    # A second answer, to a question that is over, changes nothing.
    with pytest.raises(AirflowFailException, match="was changed after the question"):
        operator.execute_complete(context, event, **kept)
    # The scheduler took the task for a dead one after the answer was carried out: the next try asks nobody again.
    task.try_number = 2
    assert operator.execute(context) == {"campaign": name, "state": state.value}
    assert len(world.campaigns.events(name)) == changes + 1


def test_a_try_after_one_that_died_looks_for_the_answer_before_it_asks_again(
    world: CampaignWorld, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(world, name)
    asked: list[str] = []
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **kwargs: asked.append(kwargs["subject"]))
    operator = ApproveCampaignOperator(task_id="approve")
    task = SimpleNamespace(id=uuid4(), try_number=1)
    context = cast("Any", {"params": {"campaign": name}, "task": operator, "task_instance": task})

    def waits_for() -> bool:
        with pytest.raises(TaskDeferred) as deferred:
            operator.execute(context)
        trigger = deferred.value.trigger
        assert isinstance(trigger, ApprovalTrigger)
        return trigger.before

    assert (waits_for(), len(asked)) == (False, 1)
    # Asking would take back the answer that Airflow has kept.
    task.try_number = 2
    assert (waits_for(), len(asked)) == (True, 1)
    with pytest.raises(TaskDeferred) as again:
        operator.execute_complete(context, {"unanswered": True}, revision=world.campaign(name).revision)
    assert not cast("ApprovalTrigger", again.value.trigger).before
    assert len(asked) == 2
    # Another plan is another question, and so is another run's.
    services = world.services(campaign_rules=CampaignRules(approval_above=0))  # type: ignore[arg-type]  # as a Decimal
    reject_campaign(services, name, who="bob")
    start_campaign(services, name, who="ada")
    assert (waits_for(), len(asked)) == (False, 3)
    task.id = uuid4()
    assert (waits_for(), len(asked)) == (False, 4)


def test_an_answer_to_an_older_plan_is_refused_and_one_given_elsewhere_ends_the_question(
    world: CampaignWorld, name: str
) -> None:
    waiting(world, name)
    operator = ApproveCampaignOperator(task_id="approve")
    context = cast("Any", {"params": {"campaign": name}, "task": operator})
    event = {
        "chosen_options": ["Approve"],
        "params_input": {},
        "responded_at": datetime.now(tz=UTC),
        "responded_by_user": {"id": "7", "name": "Grace"},
    }
    with pytest.raises(AirflowFailException, match="was changed after the question"):
        operator.execute_complete(context, event, revision=world.campaign(name).revision - 1)
    assert world.campaign(name).state is CampaignState.AWAITING_APPROVAL
    ended = operator.execute_complete(context, {"elsewhere": "running"}, revision=1)
    assert ended == {"campaign": name, "state": "running"}
    assert world.campaign(name).state is CampaignState.AWAITING_APPROVAL
