"""Program: MiniStack with an adjustable restore delay, which it has as a constant and not as a setting."""

import os

import ministack.services.s3
from ministack.app import main

ministack.services.s3._RESTORE_DELAY_SECONDS = float(os.environ["RESTORE_DELAY_SECONDS"])  # noqa: SLF001
main()
