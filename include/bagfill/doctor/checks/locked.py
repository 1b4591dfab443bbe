"""Object lock or an immutability policy: nobody can remove a replica before its time, nor one written by mistake."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.facts import asked
from bagfill.doctor.model import Check, Diagnosis, Identity, Patient, Verdict, good


def look(patient: Patient) -> Iterator[Diagnosis]:
    facts = patient.facts
    if facts is None:
        return
    if facts.locked is None:
        yield asked(facts, "locked")
    elif facts.locked:
        seen = f"{facts.locked}; what a failed backfill leaves stays as long"
        yield Diagnosis(Verdict.NOTE, seen)
    else:
        yield good("no object lock and no immutability policy")


CHECK = Check("locked", frozenset({Identity.READER, Identity.INSPECTOR}), look)
