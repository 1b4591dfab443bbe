"""May ask for the state of an object, and is told when there is none."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.model import LOOKERS, Check, Diagnosis, Patient, good, unclear
from bagfill.doctor.permission import missing
from bagfill.storage.probe import Outcome


def look(patient: Patient) -> Iterator[Diagnosis]:
    seen = patient.probe.stat(patient.absent_key())
    if seen.outcome is Outcome.ABSENT:
        yield good(f"{seen} for an object that is not there")
    else:
        yield missing(patient, seen) if seen.outcome is Outcome.REFUSED else unclear(seen)


CHECK = Check("may-not-stat", LOOKERS, look)
