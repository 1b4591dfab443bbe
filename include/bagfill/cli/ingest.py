"""``bagfill ingest``."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.services import services_for
from bagfill.ingests.document import ingest_document
from bagfill.ingests.model import Ingest
from bagfill.steps.close_ingest import location_document


def run(answers: Answers, config: Path | None, ingest_id: str) -> Exit:
    """Print one ingest: as the storage service's JSON, or in lines."""
    try:
        wanted = UUID(ingest_id)
    except ValueError:
        raise CommandError(f"an ingest's ID is a UUID, found {ingest_id!r}") from None
    with services_for(config) as services:
        ingest = services.ingests.get(wanted)
        if ingest is None:
            if answers.as_json:
                answers.document({"error": {"problems": [f"Ingest {wanted} not found"]}})
            answers.remark(f"bagfill: Ingest {wanted} not found")
            return Exit.NEGATIVE
        if answers.as_json:
            source = location_document(services, ingest.source, ingest.bag_version)
            destination = location_document(services, ingest.destination, ingest.bag_version)
            answers.document(ingest_document(ingest, source=source, destination=destination))
        else:
            _show(answers, ingest)
    return Exit.DONE


def _show(answers: Answers, ingest: Ingest) -> None:
    answers.text(f"{ingest.bag_version}: {ingest.source} → {ingest.destination}")
    reason = "" if ingest.reason is None else f", {ingest.reason.code}: {ingest.reason.advice}"
    answers.text(f"{ingest.status.value}{reason}")
    answers.text(f"ingest {ingest.id}, request {ingest.request_id}, created {ingest.created:%Y-%m-%d %H:%M:%S %Z}")
    if ingest.callback is not None:
        answers.text(f"callback {ingest.callback.status.value}: {ingest.callback.url}")
    for event in ingest.events:
        answers.text(f"  {event.created:%Y-%m-%d %H:%M:%S}  {event.description}")
