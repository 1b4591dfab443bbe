"""The floor: what the requests alone cost, by the storage library that we use; nothing is hashed, checked or recorded.

``python floor_task.py SETTINGS DESTINATION PREFIX``: reads each object below the source's prefix, writes it to the
destination and reads it back there, as many at once as we do. Prints ``{"files", "bytes"}``.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import obstore
from places import SOURCE

from bagfill.settings import load_settings
from bagfill.storage.azure_obstore import open_obstore as open_azure
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.s3_obstore import open_obstore as open_s3
from bagfill.storage.s3_place import find_place


def main() -> None:
    settings, name, prefix = load_settings(Path(sys.argv[1])), sys.argv[2], sys.argv[3]
    credentials, limits = EnvironmentCredentials(os.environ), RequestLimits()
    source, destination = settings.locations[SOURCE], settings.locations[name]
    access = credentials.s3(source.read_connection)
    place = find_place(access, location=SOURCE, limits=limits)
    there: Any = open_s3(place, access, source.bucket, location=SOURCE, limits=limits)
    here: Any = open_azure(
        credentials.azure(destination.write_connection), destination.bucket, location=name, limits=limits
    )

    def copy(key: str) -> None:
        obstore.put(here, key, obstore.get(there, key).bytes(), mode="create", use_multipart=False)

    def read(key: str) -> int:
        return len(obstore.get(here, key).bytes())

    keys = [found["path"] for page in obstore.list(there, prefix=prefix) for found in page]
    with ThreadPoolExecutor(settings.limits.concurrency) as pool:
        list(pool.map(copy, keys))
        sizes = list(pool.map(read, keys))
    print(json.dumps({"files": len(sizes), "bytes": sum(sizes)}))


if __name__ == "__main__":
    main()
