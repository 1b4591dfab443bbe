"""May ask for thaws where objects are archived. Asked for an object that is not there, which costs nothing."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.model import Check, Diagnosis, Identity, Patient, Verdict, good, unclear
from bagfill.doctor.permission import missing
from bagfill.storage.probe import Outcome


def look(patient: Patient) -> Iterator[Diagnosis]:
    place = patient.location
    if patient.identity is Identity.READER and place.thaw_connection is not None:
        advice = "Take the right to thaw away from read_connection: thaw_connection has it."
        yield from _must_not(patient, advice)
        return
    if place.thaw.copies is not None:
        advice = f"Take the right to change blobs away: thaws make copies in {place.thaw.copies}, and change none here."
        yield from _must_not(patient, advice)
        return
    archived = patient.listed is not None and bool(patient.listed.data.get("archived"))
    needed = archived or place.archives_after is not None or place.batch is not None
    needed = needed or patient.identity is Identity.THAWER
    seen = patient.probe.thaw(patient.absent_key())
    if seen.permitted:
        yield good(seen)
    elif seen.outcome is Outcome.REFUSED and needed:
        yield missing(patient, seen)
    elif seen.outcome in {Outcome.REFUSED, Outcome.UNSUPPORTED}:
        yield Diagnosis(Verdict.NOTE, f"{seen}; needed only where objects are archived")
    else:
        yield unclear(seen)


def _must_not(patient: Patient, advice: str) -> Iterator[Diagnosis]:
    """Another identity thaws, or thaws happen elsewhere: then there is no need to be able to."""
    seen = patient.probe.thaw(patient.absent_key())
    if seen.permitted:
        yield Diagnosis(Verdict.ADVICE, f"{seen}: it was permitted to", advice)
    elif seen.outcome in {Outcome.REFUSED, Outcome.UNSUPPORTED}:
        yield good(seen)
    else:
        yield unclear(seen)


CHECK = Check("may-not-thaw", frozenset({Identity.READER, Identity.THAWER}), look)
