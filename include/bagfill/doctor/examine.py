"""One location or area, examined with each of its identities."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from bagfill.doctor.catalogue import CHECKS
from bagfill.doctor.folder import examine_folder
from bagfill.doctor.model import EVERYBODY, Diagnosis, Finding, Identity, Patient, Verdict
from bagfill.storage.credentials import Credentials, CredentialsError
from bagfill.storage.errors import StoreError
from bagfill.storage.location import Location, Provider
from bagfill.storage.probe import Outcome, Probe
from bagfill.storage.probes import open_probe


@dataclass
class Examination:
    """What was found, and what was left behind.

    Args:
        findings: in the order they were found.
        remains: ``(location, key)`` of what the examination wrote. It deletes nothing.
    """

    findings: list[Finding] = field(default_factory=list)
    remains: list[tuple[str, str]] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """MEND if something must be mended, else UNKNOWN if something could not be found out, else GOOD."""
        verdicts = {finding.diagnosis.verdict for finding in self.findings}
        return next((verdict for verdict in (Verdict.MEND, Verdict.UNKNOWN) if verdict in verdicts), Verdict.GOOD)


def examine_location(
    location: Location,
    credentials: Credentials,
    now: Callable[[], datetime],
    into: Examination,
    identities: AbstractSet[Identity] = EVERYBODY,
) -> None:
    """Try everything that is configured for a location.

    Args:
        location: one of the settings.
        credentials: supplies the accesses behind connection ids.
        now: this machine's clock.
        into: gets the findings.
        identities: only these.
    """
    if location.provider is Provider.LOCAL:
        into.findings += examine_folder(location, needs_writing=location.writable)
        return
    roles = [(Identity.READER, location.read_connection)]
    if location.writable:
        roles.append((Identity.WRITER, location.write_connection))
    if location.thaw_connection is not None:
        roles.append((Identity.THAWER, location.thaw_connection))
    if location.inspect_connection is not None:
        roles.append((Identity.INSPECTOR, location.inspect_connection))
    for identity, connection in roles:
        if identity not in identities:
            continue
        asks_facts = identity is (Identity.READER if location.inspect_connection is None else Identity.INSPECTOR)
        _examine(location, identity, connection, credentials, now, into, asks_facts=asks_facts)
    if location.thaw.copies is not None:
        _examine_copies(location, location.thaw.copies, credentials, now, into, identities)
    if location.batch is not None and Identity.BATCH in identities:
        rules = location.batch
        area = Location(f"{location.name}: batch", Provider.AMAZON_S3, rules.bucket, rules.prefix)
        _examine(area, Identity.BATCH, rules.connection, credentials, now, into, asks_facts=False)
    if location.writable and Identity.WRITER in identities:
        into.findings += _one_identity(location, credentials)


def _examine_copies(
    location: Location,
    container: str,
    credentials: Credentials,
    now: Callable[[], datetime],
    into: Examination,
    identities: AbstractSet[Identity],
) -> None:
    """The container in which thaws make their copies: read by the reader, and created in by whoever thaws."""
    thawer = location.thaw_connection or location.read_connection
    name = f"{location.name}: copies"
    place = Location(
        name, location.provider, container, location.prefix, location.read_connection, thaw_connection=thawer
    )
    for identity, connection in ((Identity.READER, location.read_connection), (Identity.THAWER, thawer)):
        if identity in identities:
            _examine(place, identity, connection, credentials, now, into, asks_facts=False)


def examine_area(area: Location, credentials: Credentials, now: Callable[[], datetime], into: Examination) -> None:
    """Try what the one identity of an area needs; arguments as of :func:`examine_location`."""
    if area.provider is Provider.LOCAL:
        into.findings += examine_folder(area, needs_writing=True, is_area=True)
    else:
        _examine(area, Identity.AREA, area.write_connection, credentials, now, into, asks_facts=False)


def examine_service_bucket(
    bucket: Location,
    connection: str | None,
    credentials: Credentials,
    now: Callable[[], datetime],
    into: Examination,
) -> None:
    """Try what the identity of a storage service's manifests needs in their bucket; see :func:`examine_location`."""
    _examine(bucket, Identity.SERVICE, connection, credentials, now, into, asks_facts=False)


def _examine(
    location: Location,
    identity: Identity,
    connection: str | None,
    credentials: Credentials,
    now: Callable[[], datetime],
    into: Examination,
    *,
    asks_facts: bool,
) -> None:
    try:
        opened = open_probe(location, connection, credentials)
    except (CredentialsError, StoreError) as error:
        problem = Diagnosis(Verdict.MEND, str(error), "Correct the connection.")
        into.findings.append(Finding("identity-refused", location.name, identity, connection, problem))
        return
    if opened is None:
        return
    with closing(opened) as probe:
        patient = _admitted(location, identity, connection, probe, now)
        if asks_facts and patient.is_open:
            patient.facts = probe.facts(patient.key)
        for check in CHECKS:
            if identity in check.identities and (check.entrance or patient.is_open):
                into.findings += [
                    Finding(check.code, location.name, identity, connection, diagnosis)
                    for diagnosis in check.look(patient)
                ]
        into.remains += [(location.name, key) for key in patient.remains]


def _admitted(
    location: Location, identity: Identity, connection: str | None, probe: Probe, now: Callable[[], datetime]
) -> Patient:
    """Asked at the door. A bare 403 there is told apart by a listing, whose refusal has a code."""
    entrance = probe.bucket()
    patient = Patient(location, identity, connection, probe, now, entrance)
    if patient.is_open:
        patient.listed = probe.list(location.prefix, patient.probe_prefix)
        if entrance.outcome is Outcome.REFUSED and patient.listed.outcome is not Outcome.REFUSED:
            patient.entrance = patient.listed
    return patient


def _one_identity(location: Location, credentials: Credentials) -> Sequence[Finding]:
    """Whether one identity reads and writes: who holds it can make a replica and its proof."""
    try:
        same = _accesses_agree(location, credentials)
    except CredentialsError:
        # Said already, by the one that cannot be used.
        return []
    if not same:
        return []
    advice = "Use two identities: one that lists and reads, one that creates."
    seen = "read_connection and write_connection are one identity"
    return [Finding("one-identity", location.name, None, None, Diagnosis(Verdict.ADVICE, seen, advice))]


def _accesses_agree(location: Location, credentials: Credentials) -> bool:
    read, write = location.read_connection, location.write_connection
    if location.provider is Provider.AMAZON_S3:
        return credentials.s3(read) == credentials.s3(write)
    return credentials.azure(read) == credentials.azure(write)


def worst_first(findings: Sequence[Finding]) -> Iterator[Finding]:
    """For people: what must be mended before what is fine; else in the order of the examination."""
    order = (Verdict.MEND, Verdict.UNKNOWN, Verdict.ADVICE, Verdict.NOTE, Verdict.GOOD)
    return iter(sorted(findings, key=lambda finding: order.index(finding.diagnosis.verdict)))
