"""The benchmarks are programs in a folder, no package: their modules are found like those of a program."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
