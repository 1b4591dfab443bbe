"""May create objects. Needs a declared probe prefix; the object that is written there stays."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.model import WRITERS, Check, Diagnosis, Patient, Verdict, good, unclear
from bagfill.doctor.permission import NO_PREFIX, missing
from bagfill.storage.probe import Outcome


def look(patient: Patient) -> Iterator[Diagnosis]:
    if not patient.may_write_probes:
        yield Diagnosis(Verdict.UNKNOWN, "not tried", NO_PREFIX)
        return
    _key, seen = patient.probe_object()
    if seen.outcome is Outcome.DONE:
        yield good(seen)
    elif seen.outcome is Outcome.IMMUTABLE:
        advice = "New objects must be permitted: a policy on the container may only forbid to change and to delete."
        yield Diagnosis(Verdict.MEND, str(seen), advice)
    else:
        yield missing(patient, seen) if seen.outcome is Outcome.REFUSED else unclear(seen)


CHECK = Check("may-not-create", WRITERS, look)
