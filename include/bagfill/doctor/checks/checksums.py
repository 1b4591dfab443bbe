"""A write whose bytes do not match their checksum is refused: the provider compares on arrival."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.model import WRITERS, Check, Diagnosis, Patient, Verdict, good, unclear
from bagfill.storage.probe import Outcome


def look(patient: Patient) -> Iterator[Diagnosis]:
    if not patient.may_write_probes or patient.probe_object()[1].outcome is not Outcome.DONE:
        return
    seen = patient.created(patient.absent_key(), damaged=True)
    if seen.outcome is Outcome.CHECKSUM:
        yield good(f"{seen} for bytes with the checksum of others")
    elif seen.outcome is Outcome.DONE:
        advice = (
            "Damage on the way is found only at the read-back here, after the object was written and must be removed."
        )
        yield Diagnosis(Verdict.ADVICE, f"{seen} for bytes with the checksum of others", advice)
    else:
        yield unclear(seen)


CHECK = Check("checksums-ignored", WRITERS, look)
