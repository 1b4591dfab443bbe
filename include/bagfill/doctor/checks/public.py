"""Strangers can neither list nor read: by the configuration, and tried without any identity."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.facts import asked
from bagfill.doctor.model import Check, Diagnosis, Identity, Patient, Verdict, good
from bagfill.storage.probe import Outcome

_ADVICE = "Block public access to the bucket or container: everybody can list, or read, what is in it."


def look(patient: Patient) -> Iterator[Diagnosis]:
    facts = patient.facts
    if facts is None:
        return
    tried = patient.probe.anonymous()
    if tried.outcome is Outcome.DONE:
        yield Diagnosis(Verdict.MEND, str(tried), _ADVICE)
    elif tried.outcome is Outcome.NO_ANSWER:
        yield Diagnosis(Verdict.UNKNOWN, str(tried))
    else:
        yield good(tried)
    if facts.public:
        yield Diagnosis(Verdict.MEND, "the configuration permits public access", _ADVICE)
    elif facts.public is None:
        yield asked(facts, "policy" if "policy" in facts.unknown else "public")
    else:
        yield good("the configuration permits no public access")


CHECK = Check("public", frozenset({Identity.READER, Identity.INSPECTOR}), look)
