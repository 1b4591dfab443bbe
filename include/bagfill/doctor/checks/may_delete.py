"""Must not be able to delete. Tried with a key that names nothing, so that nothing can be lost."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.model import EVERYBODY, Check, Diagnosis, Patient, Verdict, good, unclear
from bagfill.storage.probe import Outcome

_ADVICE = "Take this permission away: nothing in Bagfill deletes, and who holds the connection could."


def look(patient: Patient) -> Iterator[Diagnosis]:
    key = patient.absent_key()
    for seen in patient.probe.delete(key, may_mark=patient.may_write_probes):
        if seen.outcome in {Outcome.REFUSED, Outcome.IMMUTABLE}:
            yield good(seen)
        elif seen.permitted:
            yield Diagnosis(Verdict.MEND, f"{seen} for an object that is not there: it was permitted to", _ADVICE)
        else:
            yield unclear(seen)
        if seen.headers.get("x-amz-delete-marker") == "true":
            patient.left(f"{key} (a delete marker)")


CHECK = Check("may-delete", EVERYBODY, look)
