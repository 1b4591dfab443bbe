"""Program: the stand-in storage service. ``STORAGE_SERVICE`` holds its setting as JSON, the argument is its port."""

from __future__ import annotations

import json
import os
import sys
from http.client import HTTPConnection, HTTPException
from typing import Any

from bagfill.demo.ports import LOOPBACK
from bagfill.demo.storage_service.setting import ServiceSetting
from bagfill.demo.storage_service.web import serve
from bagfill.demo.storage_service.worker import IngestsWorker


def main() -> None:
    setting, port = ServiceSetting.of_json(os.environ["STORAGE_SERVICE"]), int(sys.argv[1])
    setting.make()

    def patch(ingest_id: str, update: Any) -> int:
        # Over HTTP, as the real worker: so that faults of the tracker meet it as well.
        connection = HTTPConnection(LOOPBACK, port, timeout=30)
        try:
            connection.request("PATCH", f"/ingest/{ingest_id}", json.dumps(update).encode())
            return connection.getresponse().status
        except (OSError, HTTPException):
            return 0
        finally:
            connection.close()

    server = serve(setting, port)
    worker = IngestsWorker(setting, patch)
    worker.start()
    server.serve_forever()


if __name__ == "__main__":
    main()
