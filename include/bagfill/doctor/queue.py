"""A queue of events: may be received from, and counted where somebody counts. What is received goes back at once.

One message at most is received: each time counts as a try, and after some a queue's own rules put a message aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from bagfill.doctor.model import Diagnosis, Finding, Verdict, good
from bagfill.settings.storage_service import RegisteredBags
from bagfill.settings.thaw_events import ThawEvents
from bagfill.storage.credentials import Credentials, CredentialsError
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.sqs import SqsQueue

_CODE = "queue"
_ADVICE = {
    StoreFailure.DENIED: "Permit what docs/security.md says on the queue.",
    StoreFailure.UNAUTHENTICATED: "Put a key that is valid now into the connection.",
    StoreFailure.MISCONFIGURED: "Correct {subject}.queue, or the region and endpoint of its connection.",
}


def examine_queue(
    events: ThawEvents | RegisteredBags, credentials: Credentials, subject: str = "thaw_events"
) -> Sequence[Finding]:
    """Try to receive, and give back.

    Args:
        events: of the settings.
        subject: the table of the settings that names the queue.
        credentials: supplies the access behind the connection.
    """
    return [Finding(_CODE, subject, None, events.connection, _tried(events, credentials, subject))]


def _tried(events: ThawEvents | RegisteredBags, credentials: Credentials, subject: str) -> Diagnosis:
    try:
        with closing(SqsQueue(events.queue, credentials.s3(events.connection))) as queue:
            if isinstance(events, RegisteredBags):
                # What its watcher does; restore events are waited for.
                queue.waiting()
            messages = queue.receive(0, most=1)
            if messages:
                queue.give_back(messages)
    except CredentialsError as error:
        return Diagnosis(Verdict.MEND, str(error), "Correct the connection.")
    except StoreError as error:
        advice = _ADVICE.get(error.failure, "").format(subject=subject) or None
        verdict = Verdict.UNKNOWN if advice is None else Verdict.MEND
        return Diagnosis(verdict, str(error), advice or "Run the command again.")
    return good(f"received from; {len(messages)} messages, given back")
