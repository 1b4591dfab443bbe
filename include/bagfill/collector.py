"""How often Python looks for unreachable cycles, in processes of ours that do one thing and end."""

from __future__ import annotations

import gc

_YOUNG = 5_000
"""Objects made since the last look, less those that are gone. Python's own is 700: 1,000 modules with their classes are
then gone through again and again while they are loaded, a tenth of the start (measured). What no cycle holds goes at
once as ever, so a process has at most so many small objects more."""


def collect_seldom() -> None:
    """Look for cycles after 5,000 new objects instead of 700. For the main program to decide, not for a library.

    Source: https://docs.python.org/3/library/gc.html#gc.set_threshold
    """
    gc.set_threshold(_YOUNG, 10, 10)
