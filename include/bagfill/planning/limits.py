"""Limits of one installation, parsed once from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one task, one bag version and one run may do.

    Args:
        shard_bytes: a shard is closed when it holds this many bytes.
        shard_files: a shard is closed when it holds this many files.
        max_shards: shards of one bag version (Airflow maps at most 1,024 tasks).
        small_object_bytes: objects up to this size are written in one conditional request, larger ones in blocks.
        block_bytes: smallest block of a staged write; grows with the file so that providers' block counts are kept.
        hash_before_write: files up to this size are compared with their manifests before they are written; larger ones
            when they are read back.
        concurrency: objects (or blocks of one object) in flight in one task.
        versions_per_run: bag versions that one run opens; the rest is left to the next run.
        lease: how long a claim lives without a heartbeat.
        thaw_requests_per_second: of all runs and machines together, to one account.
        looks_per_second: of one task, where each object has to be asked for its thaw's state.
        max_thaw_bytes: archived bytes that one ingest may ask for; ``None``: no limit.
        parcel_bytes, parcel_files, parcel_bags: a parcel of small bags is closed when it holds this many; with 0 bags
            every bag has a run of its own.
        bags_at_once: bags of one parcel that are worked on at the same time.
    """

    shard_bytes: int = 4 * 1024 * MIB
    shard_files: int = 2000
    max_shards: int = 256
    small_object_bytes: int = 8 * MIB
    block_bytes: int = 16 * MIB
    hash_before_write: int = MIB
    concurrency: int = 8
    versions_per_run: int = 100
    lease: timedelta = timedelta(hours=1)
    thaw_requests_per_second: float = 100.0
    looks_per_second: float = 200.0
    max_thaw_bytes: int | None = None
    parcel_bytes: int = 4 * 1024 * MIB
    parcel_files: int = 30_000
    parcel_bags: int = 100
    bags_at_once: int = 2
