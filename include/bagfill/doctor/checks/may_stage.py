"""May stage blocks, list them and drop them: large files are written so."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.model import STAGERS, Check, Diagnosis, Patient, good, unclear
from bagfill.doctor.permission import missing
from bagfill.storage.location import Provider
from bagfill.storage.probe import Outcome


def look(patient: Patient) -> Iterator[Diagnosis]:
    if not patient.may_write_probes:
        return
    key = patient.absent_key()
    calls = patient.probe.stage(key)
    for seen in calls:
        if seen.outcome is Outcome.DONE:
            yield good(seen)
        else:
            yield missing(patient, seen) if seen.outcome is Outcome.REFUSED else unclear(seen)
    if calls[0].outcome is not Outcome.DONE:
        return
    if patient.location.provider is Provider.AZURE_BLOB_STORAGE:
        patient.left(f"{key} (one uncommitted block; Azure drops it within a week)")
    elif calls[-1].outcome is not Outcome.DONE:
        patient.left(f"{key} (a multipart upload that could not be given up)")


CHECK = Check("may-not-stage", STAGERS, look)
