"""Facts of a bucket that could not be found out, and rules that touch a location."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bagfill.doctor.model import Diagnosis, Patient, Verdict
from bagfill.storage.probe import BucketFacts, LifecycleRule, Outcome

_INSPECTOR = "Set inspect_connection: an identity for this command alone, which may {action}."
_BY_HAND = {
    "lifecycle": "Look by hand: az storage account management-policy show --account-name NAME --resource-group GROUP",
    "versioned": "Look by hand whether the service keeps versions.",
}


def asked(facts: BucketFacts, fact: str) -> Diagnosis:
    """Why a fact is not known: nobody may ask (UNKNOWN), or the service cannot be asked (a NOTE: look by hand)."""
    seen = facts.unknown.get(fact)
    if seen is None:
        return Diagnosis(Verdict.UNKNOWN, f"{fact}: no answer")
    if seen.outcome in {Outcome.UNSUPPORTED, Outcome.OTHER}:
        text = f"{seen.call}: cannot be asked here" if not seen.status else f"{seen}: the service does not say"
        return Diagnosis(Verdict.NOTE, text, _BY_HAND.get(fact, ""))
    return Diagnosis(Verdict.UNKNOWN, str(seen), _INSPECTOR.format(action=seen.call))


def touching(patient: Patient, rules: Sequence[LifecycleRule]) -> Iterator[LifecycleRule]:
    """The rules that can touch a location's objects: one prefix lies within the other."""
    own = patient.location.prefix
    return (rule for rule in rules if own.startswith(rule.prefix) or rule.prefix.startswith(own))
