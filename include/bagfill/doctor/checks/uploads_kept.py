"""A lifecycle rule of a destination at S3 drops uploads that nobody completes: they are paid for until then."""

from __future__ import annotations

from collections.abc import Iterator

from bagfill.doctor.facts import touching
from bagfill.doctor.model import Check, Diagnosis, Identity, Patient, Verdict, good
from bagfill.storage.location import Provider


def look(patient: Patient) -> Iterator[Diagnosis]:
    place = patient.location
    if patient.facts is None or patient.facts.lifecycle is None:
        return
    if place.provider is not Provider.AMAZON_S3 or not place.writable:
        return
    if any(rule.drops_uploads for rule in touching(patient, patient.facts.lifecycle)):
        yield good("a rule drops incomplete uploads")
    else:
        advice = "Add a rule with AbortIncompleteMultipartUpload after 14 days: longer than any bag takes to be copied."
        yield Diagnosis(Verdict.ADVICE, "no rule drops incomplete uploads", advice)


CHECK = Check("uploads-kept", frozenset({Identity.READER, Identity.INSPECTOR}), look)
