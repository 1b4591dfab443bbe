"""Sizes and durations as people write them: ``4 GiB``, ``1h 30m``."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kKMGTP]?i?B)?", re.ASCII)
_SIZE_UNITS = {
    "B": 1,
    **{f"{letter}iB": 1024**power for power, letter in enumerate("KMGTP", start=1)},
    **{f"{letter}B": 1000**power for power, letter in enumerate("kMGTP", start=1)},
}
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(days?|hours?|[smhd])", re.ASCII)
_DURATION = re.compile(rf"(?:{_DURATION_PART.pattern} ?)+", re.ASCII)
_DURATION_UNITS = {"s": 1, "m": 60, "h": 3600, "hour": 3600, "hours": 3600, "d": 86400, "day": 86400, "days": 86400}


def parse_size(text: str) -> int:
    """Bytes of ``4 GiB``, ``500 MB`` or ``1024``.

    Raises:
        ValueError: no such quantity, or no whole number of bytes.
    """
    match = _SIZE.fullmatch(text.strip())
    unit = (match[2] or "B") if match else ""
    if match is None or unit not in _SIZE_UNITS:
        raise ValueError(f"{text!r} is no size; write a number and a unit: B, kB, MB, GB, TB, KiB, MiB, GiB, TiB")
    size = Decimal(match[1]) * _SIZE_UNITS[unit]
    if size != size.to_integral_value():
        raise ValueError(f"{text!r} is no whole number of bytes")
    return int(size)


def parse_duration(text: str) -> timedelta:
    """The duration of ``90s``, ``1h``, ``1h 30m`` or ``90 days``.

    Raises:
        ValueError: no such quantity.
    """
    stripped = text.strip()
    if not _DURATION.fullmatch(stripped):
        raise ValueError(f"{text!r} is no duration; write numbers with units: s, m, h, d")
    parts = _DURATION_PART.findall(stripped)
    return timedelta(seconds=float(sum(Decimal(number) * _DURATION_UNITS[unit] for number, unit in parts)))


def show_size(size: int) -> str:
    """A size for people: ``4.0 GiB``; the exact number belongs into JSON."""
    if size < 1024:
        return f"{size} B"
    value = float(size)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        value /= 1024
        if value < 1024:
            return f"{value:.1f} {unit}"
    return f"{value / 1024:.1f} PiB"
