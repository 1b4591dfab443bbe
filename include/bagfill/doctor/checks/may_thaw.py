"""May ask for thaws where objects are archived. Asked for an object that is not there, which costs nothing."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.model import Check, Diagnosis, Identity, Patient, Verdict, good, unclear
from bagfill.doctor.permission import missing
from bagfill.storage.probe import Outcome


def look(patient: Patient) -> Iterator[Diagnosis]:
    archived = patient.listed is not None and bool(patient.listed.data.get("archived"))
    needed = archived or patient.location.archives_after is not None or patient.location.batch is not None
    seen = patient.probe.thaw(patient.absent_key())
    if seen.permitted:
        yield good(seen)
    elif seen.outcome is Outcome.REFUSED and needed:
        yield missing(patient, seen)
    elif seen.outcome in {Outcome.REFUSED, Outcome.UNSUPPORTED}:
        yield Diagnosis(Verdict.NOTE, f"{seen}; needed only where objects are archived")
    else:
        yield unclear(seen)


CHECK = Check("may-not-thaw", frozenset({Identity.READER}), look)
