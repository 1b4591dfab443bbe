"""Reads objects back in ranges of one length, with SHA-256, as a verify task does; nothing is recorded.

``python range_task.py SETTINGS LOCATION PREFIX RANGE_BYTES``: prints ``{"files", "bytes"}``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from bagfill.checksum.algorithm import Algorithm
from bagfill.fixity import read_back as reading
from bagfill.settings import load_settings
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.providers import open_store


def main() -> None:
    settings, name, prefix, length = load_settings(Path(sys.argv[1])), sys.argv[2], sys.argv[3], int(sys.argv[4])
    # A constant of the module: whoever verifies has no reason to choose another.
    reading.RANGE_BYTES = length
    store = open_store(settings.locations[name], EnvironmentCredentials(os.environ), writing=False)
    done = {"files": 0, "bytes": 0}
    for info in store.list(prefix):
        done["files"] += 1
        done["bytes"] += reading.read_back(store, info, (Algorithm.SHA256,)).size
    print(json.dumps(done))


if __name__ == "__main__":
    main()
