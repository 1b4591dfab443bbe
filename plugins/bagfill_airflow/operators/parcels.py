"""The tasks of ``backfill_parcels``: unpack a shipment, work through each parcel, close what was left open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from bagfill.steps.parcel_bag import BagEnd
from bagfill.steps.run_parcel import ParcelEnded, close_parcels, run_parcel
from bagfill.steps.shipments import ShipmentError, ShipmentRecords
from bagfill_airflow.operators.sweep import BAG_DAG
from bagfill_airflow.outcomes import StepRetry, is_last_try
from bagfill_airflow.services import task_services
from bagfill_airflow.starting import start_run

LABEL = "{{ bagfill_parcel | default('') }}"
"""For ``map_index_template``: ``parcel 3: 98 of 100 bags`` in the UI instead of a number."""

_MOST_TOLD = 100


def shipment_of(context: Context) -> str:
    """The run's shipment."""
    return str(context["params"]["shipment"])


class UnpackShipmentOperator(BaseOperator):
    """Returns the numbers of the shipment's parcels, for the mapped task."""

    ui_color = "#e6f2ef"

    def execute(self, context: Context) -> list[int]:
        """Nothing is opened here."""
        with task_services() as services:
            try:
                shipment = ShipmentRecords(services.work).read(shipment_of(context))
            except ShipmentError as error:
                raise AirflowFailException(str(error)) from None
        self.log.info("%d bag(s) in %d parcel(s) to %s.", shipment.bags, shipment.parcels, shipment.destination)
        return list(range(shipment.parcels))


class RunParcelOperator(BaseOperator):
    """One mapped task: one parcel. Returns counts of its bags by how they ended.

    It is retried for bags that failed for a passing reason, and fails in the end if any bag did: its log says which
    and why, and so does each bag's ingest.

    Args:
        number: of the parcel in the shipment, from 0.
    """

    template_fields: Sequence[str] = ("number",)
    ui_color = "#e6f2ef"

    def __init__(self, *, number: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number = number

    def execute(self, context: Context) -> dict[str, int]:
        """Bags that an earlier try finished are found again."""
        place = int(self.number)
        self._label(context, f"parcel {place + 1}")
        with task_services() as services:
            try:
                last_try = is_last_try(context["ti"])
                ended = run_parcel(services, shipment_of(context), place, last_try=last_try)
            except ShipmentError as error:
                raise AirflowFailException(str(error)) from None
        good = len(ended.bags) - len(ended.those(BagEnd.FAILED)) - len(ended.those(BagEnd.TO_RETRY))
        self._label(context, f"parcel {place + 1}: {good} of {len(ended.bags)} bags")
        for bag in ended.those(BagEnd.HANDED_OVER):
            if bag.own_run is not None:
                # The next sweep would do it too: what was given back stands in the ingest.
                start_run(BAG_DAG, bag.own_run.run_id, bag.own_run.fields)
        _settle(ended)
        return ended.counts()

    @staticmethod
    def _label(context: Context, text: str) -> None:
        context["bagfill_parcel"] = text  # type: ignore[typeddict-unknown-key]


def _settle(ended: ParcelEnded) -> None:
    again, failed = ended.those(BagEnd.TO_RETRY), ended.those(BagEnd.FAILED)
    texts = [f"{bag.bag}: {bag.text}" for bag in (*again, *failed)]
    if len(texts) > _MOST_TOLD:
        texts[_MOST_TOLD:] = [f"and {len(texts) - _MOST_TOLD} more"]
    summary = f"{len(again) + len(failed)} of {len(ended.bags)} bags failed:\n" + "\n".join(texts)
    if again:
        raise StepRetry(summary)
    if failed:
        raise AirflowFailException(summary)


class CloseParcelsOperator(BaseOperator):
    """Returns how many ingests parcels had left open that were killed; they are closed as interrupted."""

    ui_color = "#e6f2ef"

    def execute(self, context: Context) -> dict[str, int]:
        """Runs whatever happened before, also when a person marks the run as failed."""
        with task_services() as services:
            try:
                shipment = ShipmentRecords(services.work).read(shipment_of(context))
            except ShipmentError as error:
                raise AirflowFailException(str(error)) from None
            closed = close_parcels(services, shipment)
        if closed:
            self.log.warning("%d ingest(s) were left open by tasks that were killed, and are closed now.", closed)
        return {"closed": closed}
