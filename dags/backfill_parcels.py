"""# Backfill parcels of small bags

The sweep packs small bags into parcels, since the eight tasks of `backfill_bag` cost more than copying such a bag. One
mapped task takes a parcel and runs the same steps for each of its bags in one process.

1. **unpack** reads how many parcels the shipment has.
2. **parcel** replicates its bags: each has its own ingest, claim and receipt, and none holds up another. Its log says
   what each came to; its label, how many are good.
3. **close** always runs, even when the run is marked failed by hand: what killed tasks left open is closed.

A bag that turns out to be archived or large is given back unpaid, and a run of `backfill_bag` is started for it. Bags
that fail for a passing reason are tried again by the retries of their parcel, others not; a parcel with a bag that
failed is failed in the end. A parcel that was killed finds finished bags again. Started by the sweep.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import chain, dag

from bagfill_airflow.defaults import Work, default_args, parcels_at_once, queue, runs_at_once
from bagfill_airflow.form import parcels_params
from bagfill_airflow.operators.parcels import (
    LABEL,
    CloseParcelsOperator,
    RunParcelOperator,
    UnpackShipmentOperator,
)


@dag(
    dag_display_name="Backfill parcels of small bags",
    description="Replicate many small bags, several in one task",
    doc_md=__doc__,
    schedule=None,
    params=parcels_params(),
    default_args=default_args(),
    max_active_runs=runs_at_once(),
    # The sweep starts its runs: it is what a person switches on.
    is_paused_upon_creation=False,
    render_template_as_native_obj=True,
    tags=["bagfill", "replication"],
)
def backfill_parcels() -> None:
    """Tasks and arrows."""
    unpacking = UnpackShipmentOperator(task_id="unpack", execution_timeout=timedelta(minutes=10))
    parcels = RunParcelOperator.partial(
        task_id="parcel",
        queue=queue(Work.COPY),
        map_index_template=LABEL,
        max_active_tis_per_dagrun=parcels_at_once(),
    ).expand(number=unpacking.output)
    closing = CloseParcelsOperator(task_id="close", execution_timeout=timedelta(hours=1))
    chain(unpacking, parcels, closing)
    # It runs whatever happened before it; whether the run failed, the parcels say.
    closing.as_teardown()


backfill_parcels()
