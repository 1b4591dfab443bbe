"""What a person does about each reason, as a command: ``{bag}``, ``{version}``, ``{destination}`` are filled in."""

from __future__ import annotations

from collections.abc import Mapping

from bagfill.ingests.reasons import Reason

RETRY = "bagfill retry {bag} --to {destination}"
"""After it was put right: the next sweep tries it again."""

_LOOK = "bagfill validate {bag}/{version} --location {source}"
_THEN = f"; then {RETRY}"

REMEDIES: Mapping[Reason, str] = {
    Reason.BAD_REQUEST: f"bagfill locations{_THEN}",
    Reason.NO_SUCH_BAG: "bagfill import {source}",
    Reason.ALREADY_REGISTERED: "bagfill coverage",
    Reason.ALREADY_RUNNING: "bagfill ingest {ingest}",
    Reason.OLDER_VERSION_MISSING: "bagfill backfill {bag} --to {destination}",
    Reason.NAME_REFUSED: "bagfill campaign create NAME --bag {bag} --to ANOTHER_LOCATION",
    Reason.SOURCE_INCOMPLETE: f"{_LOOK}{_THEN}",
    Reason.SOURCE_CORRUPT: f"{_LOOK}{_THEN}",
    Reason.SOURCE_CHANGED: f"bagfill import {{source}}{_THEN}",
    Reason.BAG_INVALID: f"{_LOOK}, or bagfill waive {{bag}} {{version}} --code RULE --why REASON{_THEN}",
    Reason.OTHER_BYTES_AT_DESTINATION: f"bagfill ingest {{ingest}}{_THEN}",
    Reason.EXTRA_OBJECTS_AT_DESTINATION: f"bagfill ingest {{ingest}}{_THEN}",
    Reason.DESTINATION_CORRUPT: f"bagfill ingest {{ingest}}{_THEN}",
    Reason.DESTINATION_INCOMPLETE: RETRY,
    Reason.DESTINATION_ARCHIVED: f"bagfill ingest {{ingest}}{_THEN}",
    Reason.FREEZES_FIRST: f"bagfill locations{_THEN}",
    Reason.SOURCE_UNREADABLE: f"bagfill locations --check{_THEN}",
    Reason.DESTINATION_UNREADABLE: f"bagfill locations --check{_THEN}",
    Reason.ACCESS_DENIED: f"bagfill locations --check{_THEN}",
    Reason.CREDENTIALS_REFUSED: f"bagfill locations --check{_THEN}",
    Reason.THAW_REFUSED: "bagfill backfill {bag} --to {destination} --thaw-tier Standard",
    Reason.THAW_EXPIRED: RETRY,
    Reason.THAW_NOT_DUE: "bagfill ingest {ingest}",
    Reason.THAW_OVERDUE: f"bagfill backfill {{bag}} --to {{destination}} --thaw-tier Standard{_THEN}",
    Reason.CAMPAIGN_HALTED: "bagfill campaign list",
    Reason.PRICE_UNKNOWN: f"bagfill plan {{bag}} --to {{destination}}{_THEN}",
    Reason.BUDGET_REACHED: f"bagfill plan {{bag}} --to {{destination}}{_THEN}",
    Reason.BAG_REPLACED: RETRY,
    Reason.BAG_GONE: "bagfill audit {destination} {bag}",
    Reason.NEEDS_OWN_RUN: "bagfill backfill {bag} --to {destination}",
    Reason.MANIFEST_DAMAGED: f"bagfill ingest {{ingest}}{_THEN}",
    Reason.MANIFEST_NOT_UNDERSTOOD: f"bagfill ingest {{ingest}}{_THEN}",
    Reason.MANIFEST_CONTENDED: RETRY,
    Reason.CLAIM_LOST: RETRY,
    Reason.SERVICE_NOT_READY: f"bagfill doctor{_THEN}",
    Reason.INTERRUPTED: RETRY,
    Reason.UNEXPECTED: f"bagfill ingest {{ingest}}{_THEN}",
}
"""One for each reason; a test holds it to that."""
