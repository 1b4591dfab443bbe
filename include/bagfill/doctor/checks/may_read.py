"""May read an object's bytes. An archived object refuses everybody until it is thawed, which is no missing right."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.model import Check, Diagnosis, Identity, Patient, Verdict, good, unclear
from bagfill.doctor.permission import missing
from bagfill.storage.probe import Outcome


def look(patient: Patient) -> Iterator[Diagnosis]:
    if patient.key is None:
        yield Diagnosis(Verdict.NOTE, "there is no object here that could be read")
        return
    seen = patient.probe.read(patient.key)
    if seen.outcome in {Outcome.DONE, Outcome.ARCHIVED}:
        yield good(seen)
    else:
        yield missing(patient, seen) if seen.outcome is Outcome.REFUSED else unclear(seen)


CHECK = Check("may-not-read", frozenset({Identity.READER, Identity.AREA, Identity.BATCH, Identity.SERVICE}), look)
