"""May list: without it "not there" cannot be told from "not for you"."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.model import LOOKERS, Check, Diagnosis, Patient, good, unclear
from bagfill.doctor.permission import missing
from bagfill.storage.probe import Outcome


def look(patient: Patient) -> Iterator[Diagnosis]:
    seen = patient.listed or patient.entrance
    if seen.outcome is Outcome.DONE:
        yield good(seen)
    else:
        yield missing(patient, seen, on_bucket=True) if seen.outcome is Outcome.REFUSED else unclear(seen)


CHECK = Check("may-not-list", LOOKERS, look)
