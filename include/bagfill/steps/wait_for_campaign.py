"""Look whether a campaign that stopped an ingest goes on. The waiting itself is a trigger's business."""

from __future__ import annotations

from bagfill.campaigns.ledger import CampaignHalted
from bagfill.campaigns.states import ActKind
from bagfill.ingests.reasons import Reason
from bagfill.registry.registry import ClaimLostError
from bagfill.steps.claims import claim_of
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.services import Services


def poll_campaign(services: Services, ref: IngestRef) -> bool | StepFailed:
    """Look once, and keep the claim alive.

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
    return halted is None
