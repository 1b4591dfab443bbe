"""No lifecycle rule deletes objects of replicas."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.facts import asked, touching
from bagfill.doctor.model import Check, Diagnosis, Identity, Patient, Verdict, good


def look(patient: Patient) -> Iterator[Diagnosis]:
    facts = patient.facts
    if facts is None:
        return
    if facts.lifecycle is None:
        yield asked(facts, "lifecycle")
        return
    deleting = [rule for rule in touching(patient, facts.lifecycle) if rule.deletes]
    for rule in deleting:
        advice = "Take the rule away from the bags' prefix, or disable it."
        yield Diagnosis(Verdict.MEND, f"rule {rule.name!r} deletes {rule.deletes}", advice)
    if not deleting:
        yield good("no rule deletes objects")


CHECK = Check("lifecycle-deletes", frozenset({Identity.READER, Identity.INSPECTOR}), look)
