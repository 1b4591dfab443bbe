"""Whether the storage service beside us has what a backfill needs of it, asked before anything is opened or copied."""

from __future__ import annotations

from bagfill.ingests.reasons import Reason
from bagfill.ingests.storage_service.delivery import NotThere
from bagfill.steps.outcomes import StepFailed
from bagfill.steps.services import Services
from bagfill.storage.credentials import CredentialsError
from bagfill.storage.errors import StoreError


def service_not_ready(services: Services) -> StepFailed | None:
    """The failure that a table or a topic is missing or not ours; ``None`` if there is none, or no service.

    A service that does not answer at this moment is no such failure: whoever needs it tries again.
    """
    try:
        services.post.check()
        if services.beside is not None:
            services.beside.check()
    except (NotThere, CredentialsError) as error:
        return StepFailed(Reason.SERVICE_NOT_READY, f"{error}.")
    except StoreError as error:
        return None if error.retryable else StepFailed(Reason.SERVICE_NOT_READY, f"{error}.")
    return None
