"""The bucket keeps versions: what somebody else deletes or replaces can be brought back."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.facts import asked
from bagfill.doctor.model import Check, Diagnosis, Identity, Patient, Verdict, good


def look(patient: Patient) -> Iterator[Diagnosis]:
    facts = patient.facts
    if facts is None:
        return
    if facts.versioned is None and patient.key is None and "versioned" not in facts.unknown:
        yield Diagnosis(Verdict.NOTE, "told by an object of the container alone, and there is none")
    elif facts.versioned is None:
        yield asked(facts, "versioned")
    elif facts.versioned:
        yield good("versions are kept")
    else:
        advice = "Turn versioning on: it is what protects replicas from those who may delete."
        yield Diagnosis(Verdict.ADVICE, "versions are not kept", advice)


CHECK = Check("versions-off", frozenset({Identity.READER, Identity.INSPECTOR}), look)
