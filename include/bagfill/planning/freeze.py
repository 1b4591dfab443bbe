"""Whether a bag version can be verified before the destination's lifecycle archives it.

A verification that comes too late cannot be made without a thaw, and until then nobody knows what was archived. So

    needed = 2 · (2 · bytes / rate + 2 · files · 0.05 s)
    room   = archives_after − age of the oldest object that is there already − (48 h if objects are there and the rest
             has to be thawed first)

and what needs more than its room is refused. Every byte passes twice, to the destination and back; each file costs a
request each way; the factor in front is for queues and retries. A lifecycle rule counts from an object's creation, so
the clock starts with the first copy.
"""

from __future__ import annotations

from datetime import timedelta

_SECONDS_A_FILE = 0.05
_MARGIN = 2
_SLOWEST_THAW = timedelta(hours=48)


def time_to_verify(*, files: int, size: int, rate: int) -> timedelta:
    """How long copying and reading back may take.

    Args:
        files: to copy and read back.
        size: of them, in bytes.
        rate: bytes a second.
    """
    return _MARGIN * timedelta(seconds=2 * size / rate + 2 * files * _SECONDS_A_FILE)


def room_before_archive(archives_after: timedelta, *, oldest: timedelta | None, thaws_first: bool) -> timedelta:
    """How long there is until the first object is archived.

    Args:
        archives_after: age at which the lifecycle archives.
        oldest: age of the oldest object that is there already; ``None``: none is there.
        thaws_first: whether files have to be thawed before they can be copied.
    """
    if oldest is None:
        return archives_after
    return archives_after - oldest - (_SLOWEST_THAW if thaws_first else timedelta(0))
