"""The lines that logs are searched for: names that do not change between releases, and what they say."""

from __future__ import annotations

import logging
from enum import Enum


class Line(Enum):
    """One kind of line: its name, when it is written, its own fields, and its level.

    Lines about an ingest have these fields besides: ``bag``, ``version``, ``ingest``, ``source``, ``destination``, and
    ``campaign`` if it belongs to one.
    """

    REQUESTED = (
        "requested",
        "The HTTP API accepted a request; one line for each ingest.",
        ("bag", "version", "ingest", "source", "destination", "who"),
    )
    REQUEST_REFUSED = ("request refused", "The HTTP API refused a request.", ("who", "why"))
    INGEST_OPENED = (
        "ingest opened",
        "A bag version's ingest is claimed for this run.",
        ("thaw_tier", "thaw_days"),
    )
    ALREADY_THERE = (
        "already there",
        "A bag version that was asked for is registered at the destination.",
        ("bag", "version", "destination"),
    )
    PLANNED = (
        "planned",
        "The bag version was read and judged, and cut into shards.",
        ("files", "bytes", "archived_files", "copy_shards", "verify_shards"),
    )
    THAW_ASKED = (
        "thaw asked",
        "Archived objects were asked for, or found to be on their way.",
        ("files", "asked", "in_progress", "readable", "later", "again", "slower"),
    )
    THAW_LOOKED_AT = (
        "thaw looked at",
        "A waiting run looked at its archived objects.",
        ("objects", "readable", "thawing", "asked_again"),
    )
    SHARD_COPIED = (
        "shard copied",
        "Every item of the shard is at the destination.",
        ("shard", "shards", "files", "bytes", "already_there", "seconds"),
    )
    SHARD_VERIFIED = (
        "shard verified",
        "Every file of the shard was read back and matches.",
        ("shard", "shards", "files", "bytes", "seconds"),
    )
    PROVIDER_DOES_NOT_FETCH = (
        "provider does not fetch",
        "The destination's provider does not copy this shard's objects by itself; the worker does.",
        ("location", "why"),
        logging.WARNING,
    )
    REGISTERED = (
        "registered",
        "Every file was compared with the manifests, a receipt left, and the replica added to the storage manifest.",
        ("files", "bytes", "receipt"),
    )
    STEP_FAILED = (
        "step failed",
        "A step could not do its work. `again`: whether it is tried again.",
        ("step", "reason", "again", "why"),
        logging.WARNING,
    )
    CLAIM_NOT_RENEWED = (
        "claim not renewed",
        "The registry was not reached in the background; it is asked again, while the claim lasts.",
        ("why",),
        logging.WARNING,
    )
    INGEST_ENDED = ("ingest ended", "The ingest is final, and its claim released.", ("status", "reason", "why"))
    RUN_STARTED = (
        "run started",
        "A sweep or a campaign had a bag, or a parcel of bags, begun (`found`: its run was there already).",
        ("what", "destination", "run", "found"),
    )
    LEFT_ALONE = ("left alone", "A sweep or a campaign did not start a bag.", ("bag", "destination", "why"))
    CAMPAIGN_MOVED = ("campaign moved", "A campaign changed its state.", ("campaign", "before", "state", "who", "why"))
    ACT_REFUSED = (
        "act refused",
        "A campaign did not allow an act that spends: a cap was reached, or it does not run.",
        ("act", "why"),
        logging.WARNING,
    )
    BAG_ENDED = ("bag ended", "A bag of a parcel came to its end.", ("bag", "end", "why"))
    AUDITED = (
        "audited",
        "An audit of a bag version at a location ended.",
        ("bag", "version", "location", "mode", "outcome", "files", "bytes", "why"),
    )

    def __init__(self, name: str, meaning: str, fields: tuple[str, ...], level: int = logging.INFO) -> None:
        self.text = name
        self.meaning = meaning
        self.fields = fields
        self.level = level
