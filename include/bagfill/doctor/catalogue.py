"""Every check of a bucket or container, in the order in which they are tried."""

from __future__ import annotations

from types import ModuleType

from bagfill.doctor.checks import (
    bucket,
    checksums,
    clock,
    conditions,
    credentials,
    host,
    legal_hold,
    lifecycle_deletes,
    lifecycle_moves,
    locked,
    may_create,
    may_delete,
    may_list,
    may_overwrite,
    may_read,
    may_stage,
    may_stat,
    may_thaw,
    public,
    reader_writes,
    region,
    uploads_kept,
    versions_off,
)
from bagfill.doctor.model import Check

CHECK_MODULES: tuple[ModuleType, ...] = (
    host,
    clock,
    region,
    bucket,
    credentials,
    may_list,
    may_stat,
    may_read,
    may_thaw,
    may_create,
    conditions,
    checksums,
    may_stage,
    may_overwrite,
    may_delete,
    reader_writes,
    lifecycle_moves,
    lifecycle_deletes,
    uploads_kept,
    versions_off,
    locked,
    legal_hold,
    public,
)
CHECKS: tuple[Check, ...] = tuple(module.CHECK for module in CHECK_MODULES)
