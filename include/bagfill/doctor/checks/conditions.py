"""A conditional write refuses what is there already. Without it two runs could write over each other."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.model import WRITERS, Check, Diagnosis, Patient, Verdict, good, unclear
from bagfill.storage.probe import Outcome

_ADVICE = "Do not write here: this server ignores `If-None-Match`. Ask for a version of it that does not."


def look(patient: Patient) -> Iterator[Diagnosis]:
    if not patient.may_write_probes:
        return
    key, made = patient.probe_object()
    if made.outcome is not Outcome.DONE:
        return
    again = patient.created(key)
    # Refused: of an identity that may create and not write over.
    if again.outcome in {Outcome.PRECONDITION, Outcome.IMMUTABLE, Outcome.REFUSED}:
        yield good(f"{again} for an object that is there")
    elif again.outcome in {Outcome.DONE, Outcome.UNSUPPORTED}:
        yield Diagnosis(Verdict.MEND, f"{again} for an object that is there", _ADVICE)
    else:
        yield unclear(again)


CHECK = Check("conditions-ignored", WRITERS, look)
