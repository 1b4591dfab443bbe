"""Why a bag version was not replicated: stable codes, each with whether a retry can help and what to do."""

from __future__ import annotations

from enum import Enum


class Reason(Enum):
    """A code (``value``), whether trying again later may succeed by itself, and advice for a person."""

    BAD_REQUEST = ("bad-request", False, "Correct the request; nothing was opened.")
    NO_SUCH_BAG = ("no-such-bag", False, "Check the identifier, or import the location that holds the bag.")
    ALREADY_REGISTERED = ("already-registered", False, "Nothing to do: the replica is registered.")
    ALREADY_RUNNING = ("already-running", True, "Wait for the other ingest, or for its claim to expire.")
    OLDER_VERSION_MISSING = ("older-version-missing", True, "Backfill the older versions to this location first.")
    NAME_REFUSED = ("name-refused", False, "The destination cannot hold this name; choose another destination.")
    SOURCE_INCOMPLETE = (
        "source-incomplete",
        False,
        "The source folder and the storage manifest differ; repair the source.",
    )
    SOURCE_CORRUPT = (
        "source-corrupt",
        False,
        "The source's bytes do not match the manifest; repair it from another replica.",
    )
    SOURCE_CHANGED = ("source-changed", True, "The source was replaced while it was copied; look who writes there.")
    BAG_INVALID = ("bag-invalid", False, "The bag breaks the rules named; it cannot be registered as it is.")
    OTHER_BYTES_AT_DESTINATION = (
        "other-bytes-at-destination",
        False,
        "Something else lies under the destination's name; find out whose it is. Bagfill does not touch it.",
    )
    EXTRA_OBJECTS_AT_DESTINATION = (
        "extra-objects-at-destination",
        False,
        "The destination's folder holds objects that the source has not; find out whose they are.",
    )
    DESTINATION_CORRUPT = (
        "destination-corrupt",
        False,
        "What was read back is not what the manifests say; keep the object for analysis and replace it by hand.",
    )
    DESTINATION_INCOMPLETE = ("destination-incomplete", True, "Objects are missing at the destination; run again.")
    DESTINATION_ARCHIVED = (
        "destination-archived",
        False,
        "It exists there and is unverified: thaw it at the destination by hand, then run again while it can be read.",
    )
    FREEZES_FIRST = (
        "freezes-before-verified",
        False,
        "Let the destination's lifecycle archive later (archives_after), or say a higher verify_rate if it is true.",
    )
    SOURCE_UNREADABLE = ("source-unreadable", True, "The source did not answer or refused; see the detail.")
    DESTINATION_UNREADABLE = (
        "destination-unreadable",
        True,
        "The destination did not answer or refused; see the detail.",
    )
    ACCESS_DENIED = ("access-denied", False, "Give the identity the permission named, then run again.")
    CREDENTIALS_REFUSED = (
        "credentials-refused",
        False,
        "The provider does not accept the key or the signature: correct the connection, or the machine's clock.",
    )
    THAW_REFUSED = (
        "thaw-refused",
        False,
        "The provider refuses this thaw; choose another tier or look at the permissions.",
    )
    THAW_EXPIRED = (
        "thaw-expired",
        True,
        "The thawed copies went away before they were copied; they were asked for again.",
    )
    CAMPAIGN_HALTED = (
        "campaign-halted",
        True,
        "Nothing to do for this bag: it goes on when its campaign does (bagfill campaign show).",
    )
    PRICE_UNKNOWN = (
        "price-unknown",
        False,
        "Add the price to the location's table, or create the campaign with --unknown-prices.",
    )
    THAW_NOT_DUE = (
        "thaw-not-due",
        True,
        "Its files are thawed when those before them are copied, so that no thawed copy goes away unused.",
    )
    THAW_OVERDUE = (
        "thaw-overdue",
        False,
        "Ask the provider what holds this thaw up, or start again with a faster tier: that moves it on.",
    )
    BUDGET_REACHED = ("budget-reached", False, "Raise the limit, or leave the rest for later.")
    BAG_REPLACED = ("bag-replaced", False, "The bag's manifest changed meanwhile; start a new ingest.")
    BAG_GONE = (
        "bag-gone",
        False,
        "The bag was deleted meanwhile; objects at the destination are orphans, listed in the log.",
    )
    NEEDS_OWN_RUN = (
        "needs-own-run",
        True,
        "Archived or large: too much for a parcel. A run of its own is started, at the latest by the next sweep.",
    )
    MANIFEST_DAMAGED = (
        "manifest-damaged",
        True,
        "The stored storage manifest is not what was written; run again, and if it stays so restore what is named.",
    )
    MANIFEST_NOT_UNDERSTOOD = (
        "manifest-not-understood",
        False,
        "A storage manifest, or a record of the storage service, is in no known shape; nothing in it was changed.",
    )
    MANIFEST_CONTENDED = (
        "manifest-contended",
        True,
        "Others change the same storage manifest all the time; run again when they are done.",
    )
    CLAIM_LOST = ("claim-lost", True, "Another run took over this bag version; follow that one.")
    SERVICE_NOT_READY = (
        "storage-service-not-ready",
        False,
        "Make what is named, or correct [storage_service] in the settings; nothing was opened.",
    )
    INTERRUPTED = ("interrupted", True, "A task was killed before it ended; run again, finished work is kept.")
    UNEXPECTED = ("unexpected", True, "A fault in Bagfill or its surroundings; see the task's log.")

    def __init__(self, code: str, retryable: bool, advice: str) -> None:
        self.code = code
        self.retryable = retryable
        self.advice = advice

    @classmethod
    def of_code(cls, code: str) -> Reason:
        """The reason with this stable code. Raises ValueError for an unknown one."""
        for reason in cls:
            if reason.code == code:
                return reason
        msg = f"unknown reason code {code!r}; known: {', '.join(r.code for r in cls)}"
        raise ValueError(msg)
