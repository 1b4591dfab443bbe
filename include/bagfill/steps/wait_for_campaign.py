"""Look whether a campaign that stopped an ingest goes on. The waiting itself is a trigger's business."""

from __future__ import annotations

import logging

from bagfill.campaigns.ledger import CampaignHalted
from bagfill.campaigns.states import ActKind
from bagfill.ingests.reasons import Reason
from bagfill.registry.registry import ClaimLostError
from bagfill.steps.claims import claim_of
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.services import Services
from bagfill.steps.thaw_round import prolong_ending
from bagfill.steps.work import IngestWork
from bagfill.storage.errors import StoreError

logger = logging.getLogger(__name__)


def poll_campaign(services: Services, ref: IngestRef) -> bool | StepFailed:
    """Look once, and keep the claim alive, and thawed copies with it: they were paid for and are used later.

    Returns:
        whether the ingest may ask for its next act; or why it never will again.
    """
    try:
        services.registry.heartbeat(claim_of(services, ref), lease=services.limits.lease)
    except ClaimLostError as error:
        return StepFailed(Reason.CLAIM_LOST, f"{ref.bag_version} at {ref.destination}: {error}.")
    halted = services.campaigns.may_go_on(ref.campaign, ref.ingest_id, ActKind.COPY, begun=False)
    if halted is not None and halted.state.is_final:
        message = f"{ref.bag_version} to {ref.destination}: {CampaignHalted(ref.campaign, halted)}."
        return StepFailed(Reason.CAMPAIGN_HALTED, message)
    work = IngestWork(services.work, ref)
    try:
        prolong_ending(services, ref, lambda: work.archived_files(work.require_plan()))
    except StoreError as error:
        # The next look comes long before a copy ends.
        logger.warning("%s: copies that end soon were not looked at: %s", ref.bag_version, error)
    return halted is None
