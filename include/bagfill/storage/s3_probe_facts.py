"""How a bucket of S3 is set up: versions, lifecycle, locks, holds, strangers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from bagfill.storage.probe import BucketFacts, LifecycleRule, Outcome, Seen
from bagfill.storage.s3_state import ARCHIVE_CLASSES, TIERING_CLASS

_ANSWERED = {Outcome.DONE, Outcome.UNSET}


class Call(Protocol):
    """One call of boto3, by its name; the bucket is added."""

    def __call__(self, method: str, call: str, **arguments: Any) -> Seen:
        """What came of it."""
        ...


def bucket_facts(call: Call, key: str | None) -> BucketFacts:
    """Ask for everything that can be asked for, and note each refusal.

    Args:
        call: makes the calls.
        key: an object whose hold and retention are looked at; ``None``: there is none.
    """
    unknown: dict[str, Seen] = {}

    def asked(fact: str, method: str, action: str, **arguments: Any) -> Mapping[str, Any] | None:
        """The answer; empty: not configured; ``None``: not to be found out."""
        seen = call(method, action, **arguments)
        if seen.outcome in _ANSWERED:
            return seen.data if seen.outcome is Outcome.DONE else {}
        unknown[fact] = seen
        return None

    versioning = asked("versioned", "get_bucket_versioning", "s3:GetBucketVersioning")
    rules = asked("lifecycle", "get_bucket_lifecycle_configuration", "s3:GetLifecycleConfiguration")
    lock = asked("locked", "get_object_lock_configuration", "s3:GetBucketObjectLockConfiguration")
    block = asked("public", "get_public_access_block", "s3:GetBucketPublicAccessBlock")
    policy = asked("policy", "get_bucket_policy_status", "s3:GetBucketPolicyStatus")
    locked = None if lock is None else _lock(lock)
    hold: bool | None = None
    if key is None or not locked:
        hold = False if locked is not None else None
    elif (answer := asked("legal_hold", "get_object_legal_hold", "s3:GetObjectLegalHold", Key=key)) is not None:
        hold = answer.get("LegalHold", {}).get("Status") == "ON"
    return BucketFacts(
        versioned=None if versioning is None else versioning.get("Status") == "Enabled",
        lifecycle=None if rules is None else [_rule(rule) for rule in rules.get("Rules", []) if _is_on(rule)],
        locked=locked,
        legal_hold=hold,
        public=_public(block, policy),
        unknown=unknown,
    )


def _is_on(rule: Mapping[str, Any]) -> bool:
    return rule.get("Status") == "Enabled"


def _lock(answer: Mapping[str, Any]) -> str:
    configuration = answer.get("ObjectLockConfiguration", {})
    if configuration.get("ObjectLockEnabled") != "Enabled":
        return ""
    default = configuration.get("Rule", {}).get("DefaultRetention", {})
    if not default:
        return "object lock is on, without a default retention"
    span = f"{default['Days']} days" if "Days" in default else f"{default.get('Years')} years"
    return f"object lock: every new object is kept for {span} ({default.get('Mode', 'unknown mode')})"


def _public(block: Mapping[str, Any] | None, policy: Mapping[str, Any] | None) -> bool | None:
    """Whether the configuration lets strangers in; a block of all public access answers it alone."""
    settings = (block or {}).get("PublicAccessBlockConfiguration", {})
    if settings and all(settings.values()):
        return False
    if policy is None:
        return None
    return bool(policy.get("PolicyStatus", {}).get("IsPublic", False))


def _rule(rule: Mapping[str, Any]) -> LifecycleRule:
    moves = [
        (int(step.get("Days", 0)), str(step["StorageClass"]))
        for step in rule.get("Transitions", [])
        if step.get("StorageClass") in ARCHIVE_CLASSES | {TIERING_CLASS}
    ]
    first = min(moves, default=None)
    deletes = []
    expiration = rule.get("Expiration", {})
    if "Days" in expiration or "Date" in expiration:
        deletes.append(f"objects after {expiration.get('Days', expiration.get('Date'))} days")
    if "NoncurrentVersionExpiration" in rule:
        days = rule["NoncurrentVersionExpiration"].get("NoncurrentDays", "?")
        deletes.append(f"replaced versions after {days} days")
    return LifecycleRule(
        name=str(rule.get("ID", "without a name")),
        prefix=_prefix(rule),
        moves_after_days=None if first is None else first[0],
        moves_to="" if first is None else first[1],
        deletes=" and ".join(deletes),
        drops_uploads="AbortIncompleteMultipartUpload" in rule,
    )


def _prefix(rule: Mapping[str, Any]) -> str:
    """A filter by tag or size may touch any object, so it counts as no prefix."""
    found: Any = rule.get("Filter", {})
    if "And" in found:
        found = found["And"]
    return str(found.get("Prefix", rule.get("Prefix", "")))
