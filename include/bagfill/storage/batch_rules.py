"""What S3 Batch Operations need to act on a location's objects."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchRules:
    """For one location.

    Args:
        account: the AWS account's number, twelve digits.
        role: ARN of the role that the jobs act as.
        bucket: in the location's region; gets manifests and reports, and is no bucket of bags.
        prefix: of these, empty or ending in ``/``.
        connection: id of the connection that creates jobs and writes and reads there; ``None``: the default chain.
        above: objects asked for at once above which a job asks for them.
        check_source: whether archived objects are hashed in place, and held against the manifests, before their thaw is
            paid.
    """

    account: str
    role: str
    bucket: str
    prefix: str = ""
    connection: str | None = None
    above: int = 10_000
    check_source: bool = False
