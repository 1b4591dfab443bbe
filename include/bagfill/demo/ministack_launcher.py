"""Program: MiniStack with an adjustable restore delay, which it has as a constant, and a clock that can be stopped."""

import os
import time
from pathlib import Path
from typing import Any

import ministack.services.s3
from ministack.app import main

STOPPED = Path(os.environ["STOPPED_CLOCK"])


class Clock:
    """The module ``time``, with a clock that stands still while there is a file: then no restore comes to its end."""

    def time(self) -> float:
        try:
            return min(time.time(), STOPPED.stat().st_mtime)
        except FileNotFoundError:
            return time.time()

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


ministack.services.s3._RESTORE_DELAY_SECONDS = float(os.environ["RESTORE_DELAY_SECONDS"])  # noqa: SLF001
ministack.services.s3.time = Clock()
main()
