"""A topic: is there, and ours to look at. To publish is not tried: somebody listens."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

from bagfill.doctor.model import Diagnosis, Finding, Verdict, good
from bagfill.storage.credentials import Credentials, CredentialsError
from bagfill.storage.errors import StoreError

_ADVICE = "Make the topic or correct its ARN; permit sns:GetTopicAttributes and sns:Publish on it."


def examine_topic(
    code: str, subject: str, topic: str, connection: str | None, credentials: Credentials
) -> Sequence[Finding]:
    """Ask for a topic.

    Args:
        code: of the finding.
        subject: the table of the settings that names the topic.
        topic: its ARN.
        connection: id of the connection that publishes.
        credentials: supplies the access behind it.
    """
    return [Finding(code, subject, None, connection, _asked(topic, connection, credentials))]


def _asked(topic: str, connection: str | None, credentials: Credentials) -> Diagnosis:
    # boto3 is loaded for those who have topics.
    from bagfill.storage.sns import SnsTopic

    try:
        # Asked for in its own region, whatever the connection's is, as those who publish do.
        access = replace(credentials.s3(connection), region=topic.split(":")[3])
        with closing(SnsTopic(topic, access)) as opened:
            opened.check()
    except CredentialsError as error:
        return Diagnosis(Verdict.MEND, str(error), "Correct the connection.")
    except StoreError as error:
        if error.retryable:
            return Diagnosis(Verdict.UNKNOWN, str(error), "Run the command again.")
        return Diagnosis(Verdict.MEND, str(error), _ADVICE)
    return good(f"{topic} is there")
