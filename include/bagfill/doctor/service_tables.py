"""The storage service's tables: rows may be read and changed, and must not be deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from uuid import uuid4

from bagfill.doctor.model import Diagnosis, Finding, Verdict, good, unclear
from bagfill.registry.storage_service.places import ServiceManifests
from bagfill.storage.credentials import Credentials, CredentialsError
from bagfill.storage.errors import StoreError
from bagfill.storage.probe import Outcome, Seen

SUBJECT = "storage_service.manifests"


def examine_tables(places: ServiceManifests, credentials: Credentials) -> Sequence[Finding]:
    """Ask each table for a row that is not there; nothing is written.

    Args:
        places: of the settings.
        credentials: supplies the access behind the connection.
    """
    absent = f"bagfill-probe/{uuid4()}"
    tables: dict[str, dict[str, str | int]] = {places.table: {"id": absent, "version": 1}}
    if places.replicas_table is not None:
        tables[places.replicas_table] = {"id": f"{absent}/v1"}
    return [
        Finding(code, SUBJECT, None, places.connection, diagnosis)
        for table, key in tables.items()
        for code, diagnosis in _tried(table, key, places, credentials)
    ]


def _tried(
    table: str, key: dict[str, str | int], places: ServiceManifests, credentials: Credentials
) -> Iterator[tuple[str, Diagnosis]]:
    # boto3 is loaded for those who have tables.
    from bagfill.storage.dynamodb_probe import DynamoProbe

    try:
        opened = DynamoProbe(table, credentials.s3(places.connection), key)
    except (CredentialsError, StoreError) as error:
        yield "table", Diagnosis(Verdict.MEND, str(error), "Correct the connection.")
        return
    with closing(opened) as probe:
        got = probe.get()
        yield "table", _may(table, got)
        if got.outcome in {Outcome.DONE, Outcome.REFUSED}:
            yield "table", _may(table, probe.update())
            yield "table-may-delete", _must_not(table, probe.delete())


def _may(table: str, seen: Seen) -> Diagnosis:
    text = f"{table}: {seen}"
    if seen.permitted:
        return good(text)
    advice = {
        Outcome.REFUSED: f"Permit {seen.call} on the table (docs/security.md has the policy).",
        Outcome.NO_BUCKET: "There is no such table: correct the settings, or the region of the connection.",
        Outcome.UNAUTHENTICATED: "Put a key that is valid now into the connection.",
    }.get(seen.outcome)
    return unclear(seen) if advice is None else Diagnosis(Verdict.MEND, text, advice)


def _must_not(table: str, seen: Seen) -> Diagnosis:
    if seen.outcome is Outcome.REFUSED:
        return good(f"{table}: {seen}")
    if seen.permitted:
        advice = "Take this permission away: Bagfill adds to rows, and deletes none."
        return Diagnosis(Verdict.MEND, f"{table}: {seen} for a row that is not there: it was permitted to", advice)
    return unclear(seen)
