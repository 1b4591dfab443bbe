"""The bucket is in the region that requests are signed for."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.model import EVERYBODY, Check, Diagnosis, Patient, Verdict, good
from bagfill.storage.probe import Outcome


def look(patient: Patient) -> Iterator[Diagnosis]:
    if patient.probe.region is None:
        return
    found = patient.entrance.data.get("region")
    if patient.entrance.outcome is Outcome.OTHER_REGION:
        seen = f"the bucket is in {found or 'another region'}, the connection says {patient.probe.region}"
        advice = f"Set region_name of the connection{f' to {found}' if found else ''}."
        yield Diagnosis(Verdict.MEND, seen, advice)
    elif found:
        yield good(f"the bucket is in {found}")


CHECK = Check("region-wrong", EVERYBODY, look, entrance=True)
