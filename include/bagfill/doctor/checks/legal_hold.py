"""A legal hold: nothing that is there can be changed or deleted until a person ends it. New objects are not touched."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.facts import asked
from bagfill.doctor.model import Check, Diagnosis, Identity, Patient, Verdict, good


def look(patient: Patient) -> Iterator[Diagnosis]:
    facts = patient.facts
    if facts is None:
        return
    if facts.legal_hold is None and "legal_hold" in facts.unknown:
        yield asked(facts, "legal_hold")
    elif facts.legal_hold is None:
        yield Diagnosis(Verdict.NOTE, "told by an object alone, and none could be looked at")
    elif facts.legal_hold:
        yield Diagnosis(Verdict.NOTE, "a legal hold is on: what is here stays, also what was written by mistake")
    else:
        yield good("no legal hold")


CHECK = Check("legal-hold", frozenset({Identity.READER, Identity.INSPECTOR}), look)
