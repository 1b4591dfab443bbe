"""The bucket or container exists."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.model import EVERYBODY, Check, Diagnosis, Patient, Verdict, good, unclear
from bagfill.storage.probe import Outcome


def look(patient: Patient) -> Iterator[Diagnosis]:
    if patient.entrance.outcome is Outcome.NO_BUCKET:
        advice = "Correct the name in the settings, or the account in the connection; Bagfill makes no buckets."
        yield Diagnosis(Verdict.MEND, f"{patient.location.bucket}: {patient.entrance}", advice)
    elif patient.entrance.outcome is Outcome.DONE:
        yield good(f"{patient.location.bucket} is there")
    elif patient.entrance.outcome in {Outcome.OTHER, Outcome.UNSUPPORTED, Outcome.ABSENT}:
        yield unclear(patient.entrance)


CHECK = Check("bucket-unknown", EVERYBODY, look, entrance=True)
