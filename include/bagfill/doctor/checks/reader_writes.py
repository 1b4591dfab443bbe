"""The identity that reads must not be able to write: no one connection holds both (NDSA, level 4)."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.model import Check, Diagnosis, Identity, Patient, Verdict, good, unclear
from bagfill.doctor.permission import NO_PREFIX
from bagfill.storage.probe import Outcome


def look(patient: Patient) -> Iterator[Diagnosis]:
    if not patient.may_write_probes:
        if patient.location.writable:
            yield Diagnosis(Verdict.UNKNOWN, "not tried", NO_PREFIX)
        return
    seen = patient.created(patient.absent_key(), damaged=True)
    if seen.outcome in {Outcome.REFUSED, Outcome.IMMUTABLE}:
        yield good(seen)
    elif seen.permitted:
        advice = "Give read_connection an identity that may only list and read."
        yield Diagnosis(Verdict.MEND, f"{seen}: it was permitted to write", advice)
    else:
        yield unclear(seen)


CHECK = Check("reader-may-write", frozenset({Identity.READER, Identity.THAWER, Identity.INSPECTOR}), look)
