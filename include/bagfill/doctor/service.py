"""The storage service that is shown ingests: its topic is there and ours to publish to, its tracker answers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from bagfill.doctor.model import Diagnosis, Finding, Verdict, good
from bagfill.ingests.storage_service.delivery import NotThere
from bagfill.ingests.storage_service.rules import ServiceIngests
from bagfill.ingests.storage_service.tracker_api import TrackerApi
from bagfill.steps.service_post import open_delivery
from bagfill.storage.credentials import Credentials

SUBJECT = "storage_service.ingests"


def examine_service(rules: ServiceIngests, credentials: Credentials) -> Sequence[Finding]:
    """Look for both; nothing is sent.

    Args:
        rules: of the settings.
        credentials: supplies the access behind the connection.
    """
    found = [Finding("ingests-tracker", SUBJECT, None, None, _tracker(rules))]
    if rules.topic is not None:
        found.append(Finding("ingests-topic", SUBJECT, None, rules.connection, _topic(rules, credentials)))
    return found


def _tracker(rules: ServiceIngests) -> Diagnosis:
    with closing(TrackerApi(rules.tracker, rules.shown.type_id, rules.timeout_seconds)) as tracker:
        trouble = tracker.trouble()
    if trouble is None:
        return good(f"{rules.tracker} answers")
    advice = "Correct storage_service.ingests.tracker; if the service is down, ingests wait in the outbox meanwhile."
    return Diagnosis(Verdict.UNKNOWN, f"{rules.tracker}: {trouble}", advice)


def _topic(rules: ServiceIngests, credentials: Credentials) -> Diagnosis:
    with closing(open_delivery(rules, credentials)) as delivery:
        try:
            delivery.check()
        except NotThere as error:
            advice = "Make the topic or correct its ARN; permit sns:GetTopicAttributes and sns:Publish on it."
            return Diagnosis(Verdict.MEND, str(error), advice)
    return good("the topic is there")
