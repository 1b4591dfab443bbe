"""``sweep``: ask the registry which bags are missing where, pack small ones, and start their runs."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from bagfill.campaigns.ledger import UnknownCampaign
from bagfill.logs import Line, tell
from bagfill.quantities import show_size
from bagfill.steps.campaigns import known_campaign
from bagfill.steps.carry_campaigns import carry_campaign
from bagfill.steps.run_ids import run_id_of_shipment
from bagfill.steps.shipments import Shipment
from bagfill.steps.start_missing import Swept, start_missing
from bagfill.steps.sweep_candidates import SweepError, SweepStart
from bagfill_airflow.services import task_services
from bagfill_airflow.starting import Started, start_run

logger = logging.getLogger(__name__)

BAG_DAG = "backfill_bag"
PARCELS_DAG = "backfill_parcels"
WOULD_START = "would_start"
_MOST_NAMED = 50
"""Of a dry run, in XCom; the log names all."""


class RunStarter:
    """Starts runs of the two DAGs (see :class:`bagfill.steps.start_missing.Starter`)."""

    def bag(self, start: SweepStart) -> bool:
        """One bag, in a run of its own."""
        return _start(BAG_DAG, start.run_id, start.fields, start.bag, start.destination)

    def shipment(self, shipment: Shipment) -> bool:
        """Parcels: one run, one mapped task each."""
        run_id = run_id_of_shipment(shipment.destination, shipment.id)
        return _start(PARCELS_DAG, run_id, {"shipment": shipment.id}, _in_words(shipment), shipment.destination)


class DryStarter:
    """Starts nothing, and remembers what it was told."""

    def __init__(self) -> None:
        self.named: list[dict[str, str]] = []

    def bag(self, start: SweepStart) -> bool:
        """See :class:`RunStarter`."""
        return self._would(start.bag, start.destination)

    def shipment(self, shipment: Shipment) -> bool:
        """See :class:`RunStarter`."""
        return self._would(_in_words(shipment), shipment.destination)

    def _would(self, what: str, destination: str) -> bool:
        logger.info("would start  %s -> %s", what, destination)
        if len(self.named) < _MOST_NAMED:
            self.named.append({"what": what, "destination": destination})
        return True


class SweepOperator(BaseOperator):
    """Returns counts of what was started and what was left alone.

    With the param ``dry_run`` nothing is started, and the beginning of what would be lies under ``would_start``.
    """

    ui_color = "#e6f2ef"

    def execute(self, context: Context) -> dict[str, Any]:
        """Params ``destination``, ``space`` or ``campaign``, and ``limit``, narrow the sweep."""
        params = context["params"]
        if params["campaign"] and (params["destination"] or params["space"]):
            raise AirflowFailException("campaign: it has a scope of its own; leave destination and space empty")
        starter = DryStarter() if params["dry_run"] else RunStarter()
        with task_services() as services:
            try:
                if params["campaign"]:
                    campaign = known_campaign(services, params["campaign"])
                    limit, dry_run = params["limit"], params["dry_run"]
                    swept = carry_campaign(services, starter, campaign, limit=limit, dry_run=dry_run).swept
                else:
                    swept = start_missing(
                        services,
                        starter,
                        destination=params["destination"] or None,
                        space=params["space"] or None,
                        limit=params["limit"],
                        dry_run=params["dry_run"],
                    )
            except (SweepError, UnknownCampaign) as error:
                raise AirflowFailException(str(error)) from None
        self._tell(swept)
        if isinstance(starter, DryStarter):
            context["ti"].xcom_push(key=WOULD_START, value=starter.named)
            self.log.info("This was a dry run: nothing was started.")
        return swept.to_json()

    def _tell(self, swept: Swept) -> None:
        self.log.info(
            "%d bag(s): %d run(s) of their own, %d parcel(s) in %d run(s); %d run(s) were there already.",
            swept.bags, swept.runs, swept.parcels, swept.shipments, swept.there_already,
        )  # fmt: skip
        for why, count in sorted(swept.left_alone.kinds.items()):
            self.log.info("left alone  %d: %s", count, why)
        for skipped in swept.left_alone.first:
            tell(logger, Line.LEFT_ALONE, bag=str(skipped.bag), destination=skipped.destination, why=skipped.why)


def _start(dag_id: str, run_id: str, conf: dict[str, Any], what: str, destination: str) -> bool:
    started = start_run(dag_id, run_id, conf)
    found = started is Started.THERE
    tell(logger, Line.RUN_STARTED, what=what, destination=destination, run=run_id, found=found)
    return started is not Started.THERE


def _in_words(shipment: Shipment) -> str:
    return f"{shipment.bags} small bag(s), {show_size(shipment.bytes)}, in {shipment.parcels} parcel(s)"
