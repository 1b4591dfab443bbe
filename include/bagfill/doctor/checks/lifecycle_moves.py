"""No lifecycle rule archives replicas before they can be verified: ``archives_after`` knows every such rule."""

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
    moving = [rule for rule in touching(patient, facts.lifecycle) if rule.moves_after_days is not None]
    known = patient.location.archives_after
    for rule in moving:
        days = rule.moves_after_days or 0
        seen = f"rule {rule.name!r} moves objects to {rule.moves_to} after {days} days"
        if known is not None and known.days <= days:
            yield good(f"{seen}, as archives_after says")
        else:
            advice = f'Set archives_after = "{days} days" for the location: what cannot be verified by then is refused.'
            if days == 0:
                advice = "Change the rule: replicas are archived before they can be read back."
            yield Diagnosis(Verdict.MEND, seen, advice)
    if not moving:
        yield good("no rule moves objects to an archive")


CHECK = Check("lifecycle-archives", frozenset({Identity.READER, Identity.INSPECTOR}), look)
