"""The storage service's manifests: rows may be read and changed, their JSON created, and neither deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from uuid import uuid4

from bagfill.doctor.examine import Examination, examine_service_bucket
from bagfill.doctor.model import Diagnosis, Finding, Identity, Verdict, good, unclear
from bagfill.doctor.topic import examine_topic
from bagfill.registry.storage_service.places import ServiceManifests
from bagfill.storage.credentials import Credentials, CredentialsError
from bagfill.storage.errors import StoreError
from bagfill.storage.location import Location, Provider
from bagfill.storage.probe import Outcome, Seen

SUBJECT = "storage_service.manifests"
_UNKNOWN_KEY = "Put a key that is valid now into the connection."

Row = Mapping[str, str | int]


def examine_manifests(
    places: ServiceManifests, credentials: Credentials, now: Callable[[], datetime], into: Examination
) -> None:
    """Try what registering a location in the service needs, and what must not be possible there.

    No row is written: each change is of one that is not there, if it is there.

    Args:
        places: of the settings.
        credentials: supplies the access behind the connection.
        now: this machine's clock.
        into: gets the findings, and what stays behind: below a declared ``probe_prefix``, and a delete marker where the
            cache of answers keeps versions.
    """
    absent = f"bagfill-probe/{uuid4()}"
    found = [*_of_table(places.table, {"id": absent, "version": 1}, places, credentials, is_searched=True)]
    if places.replicas_table is not None:
        found += _of_table(places.replicas_table, {"id": f"{absent}/v1"}, places, credentials, is_searched=False)
    into.findings += [_finding(code, places, diagnosis) for code, diagnosis in found]
    bucket = Location(SUBJECT, Provider.AMAZON_S3, places.bucket, probe_prefix=places.probe_prefix)
    examine_service_bucket(bucket, places.connection, credentials, now, into)
    if places.responses_bucket is not None:
        _try_to_forget(places.responses_bucket, f"responses/{absent}", places, credentials, into)
    if places.reindex_topic is not None:
        into.findings += examine_topic("reindex-topic", SUBJECT, places.reindex_topic, places.connection, credentials)


def _finding(code: str, places: ServiceManifests, diagnosis: Diagnosis) -> Finding:
    return Finding(code, SUBJECT, Identity.SERVICE, places.connection, diagnosis)


def _of_table(
    table: str, absent: Row, places: ServiceManifests, credentials: Credentials, *, is_searched: bool
) -> Iterator[tuple[str, Diagnosis]]:
    # boto3 is loaded for those who have tables.
    from bagfill.storage.dynamodb_probe import DynamoProbe

    try:
        opened = DynamoProbe(table, credentials.s3(places.connection), absent)
    except (CredentialsError, StoreError) as error:
        yield "table", Diagnosis(Verdict.MEND, str(error), "Correct the connection.")
        return
    with closing(opened) as probe:
        got = probe.get()
        yield "table", _may(table, absent, got)
        if got.outcome not in {Outcome.DONE, Outcome.REFUSED}:
            return
        for look in (probe.query, probe.scan) if is_searched else ():
            yield "table", _may(table, absent, look())
        yield "table", _may(table, absent, probe.update())
        yield "table-may-delete", _must_not(table, probe.delete())


def _may(table: str, absent: Row, seen: Seen) -> Diagnosis:
    text = f"{table}: {seen}"
    if seen.permitted:
        return good(text)
    if seen.code == "ValidationException":
        names = " and ".join(
            f"`{name}` ({'text' if isinstance(value, str) else 'number'})" for name, value in absent.items()
        )
        return Diagnosis(Verdict.MEND, text, f"Its keys are not {names}: is this the service's table?")
    advice = {
        Outcome.REFUSED: f"Permit {seen.call} on the table (docs/security.md has the policy).",
        Outcome.NO_BUCKET: "There is no such table: correct the settings, or the region of the connection.",
        Outcome.UNAUTHENTICATED: _UNKNOWN_KEY,
    }.get(seen.outcome)
    return unclear(seen, table) if advice is None else Diagnosis(Verdict.MEND, text, advice)


def _must_not(table: str, seen: Seen) -> Diagnosis:
    if seen.outcome is Outcome.REFUSED:
        return good(f"{table}: {seen}")
    if seen.permitted:
        advice = "Take this permission away: Bagfill adds to rows, and deletes none."
        return Diagnosis(Verdict.MEND, f"{table}: {seen} for a row that is not there: it was permitted to", advice)
    return unclear(seen, table)


def _try_to_forget(
    bucket: str, absent: str, places: ServiceManifests, credentials: Credentials, into: Examination
) -> None:
    """The one delete that Bagfill makes, of an answer that never was."""
    from bagfill.storage.s3_probe import S3Probe

    code = "responses-may-not-forget"
    try:
        opened = S3Probe(bucket, credentials.s3(places.connection), location=SUBJECT)
    except (CredentialsError, StoreError) as error:
        into.findings.append(_finding(code, places, Diagnosis(Verdict.MEND, str(error), "Correct the connection.")))
        return
    with closing(opened) as probe:
        seen = probe.forget(absent)
    text = f"{bucket}: {seen}"
    if seen.permitted:
        diagnosis = good(text)
    else:
        advice = {
            Outcome.REFUSED: f"Permit {seen.call} on arn:aws:s3:::{bucket}/responses/*.",
            Outcome.NO_BUCKET: "There is no such bucket: correct responses_bucket, or leave it out.",
            Outcome.OTHER_REGION: "Name the bucket's region in the connection.",
            Outcome.UNAUTHENTICATED: _UNKNOWN_KEY,
        }.get(seen.outcome)
        diagnosis = unclear(seen, bucket) if advice is None else Diagnosis(Verdict.MEND, text, advice)
    into.findings.append(_finding(code, places, diagnosis))
    if seen.headers.get("x-amz-delete-marker") == "true":
        into.remains.append((SUBJECT, f"{bucket}/{absent} (a delete marker)"))
