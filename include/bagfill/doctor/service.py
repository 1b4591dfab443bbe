"""The storage service's interfaces: its tracker and its bags API answer us, its topic of updates is there."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from bagfill.bag.identifiers import BagId
from bagfill.doctor.model import Diagnosis, Finding, Verdict, good
from bagfill.doctor.topic import examine_topic
from bagfill.ingests.storage_service.rules import ServiceIngests
from bagfill.ingests.storage_service.tracker_api import TrackerApi
from bagfill.registry.storage_service.api_errors import BagsApiError
from bagfill.registry.storage_service.api_rules import ApiRules
from bagfill.steps.service_registry import open_bags_api
from bagfill.storage.credentials import Credentials, CredentialsError

INGESTS = "storage_service.ingests"
BAGS_API = "storage_service.bags_api"
_NOBODY = BagId.parse("bagfill/nobody")
_ANSWER_SECONDS = 10.0


def examine_ingests(rules: ServiceIngests, credentials: Credentials) -> Sequence[Finding]:
    """Ask the tracker, and for the topic; nothing is sent.

    Args:
        rules: of the settings.
        credentials: supplies the access behind the connection.
    """
    found = [Finding("ingests-tracker", INGESTS, None, None, _tracker(rules))]
    if rules.topic is not None:
        found += examine_topic("ingests-topic", INGESTS, rules.topic, rules.connection, credentials)
    return found


def examine_bags_api(rules: ApiRules, credentials: Credentials) -> Sequence[Finding]:
    """Ask for the versions of a bag that nobody has: with a token, which the secret has to be right for.

    Args:
        rules: of the settings.
        credentials: supplies the client's secret.
    """
    return [Finding("bags-api", BAGS_API, None, rules.secret_connection, _bags_api(rules, credentials))]


def _tracker(rules: ServiceIngests) -> Diagnosis:
    with closing(TrackerApi(rules.tracker, rules.shown.type_id, rules.timeout_seconds)) as tracker:
        trouble = tracker.trouble()
    if trouble is None:
        return good(f"{rules.tracker} answers")
    advice = "Correct storage_service.ingests.tracker; if the service is down, ingests wait in the outbox meanwhile."
    return Diagnosis(Verdict.UNKNOWN, f"{rules.tracker}: {trouble}", advice)


def _bags_api(rules: ApiRules, credentials: Credentials) -> Diagnosis:
    with closing(open_bags_api(rules, credentials, _ANSWER_SECONDS)) as api:
        try:
            api.versions(_NOBODY)
        except CredentialsError as error:
            return Diagnosis(Verdict.MEND, str(error), "Correct the connection.")
        except BagsApiError as error:
            if error.retryable:
                return Diagnosis(Verdict.UNKNOWN, str(error), "Run the command again; look at url and token_url.")
            advice = "Correct url, token_url, client_id or scope, or the secret in the connection's password."
            return Diagnosis(Verdict.MEND, str(error), advice)
    return good(f"{rules.url} answers")
