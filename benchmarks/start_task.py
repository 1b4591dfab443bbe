"""What a task of ours takes before its first object, on top of what Airflow has loaded for any task.

``python start_task.py STEP SETTINGS``: loads Airflow's task runner, then the step's module, the settings, the services
and the clients of source and destination. Prints ``{"airflow", "ours"}``, processor seconds.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path

from shard_task import open_ends


def main() -> None:
    step, settings = sys.argv[1], Path(sys.argv[2])
    # What `airflow` does for any task: https://airflow.apache.org/docs/task-sdk/stable/
    import_module("airflow.sdk.execution_time.task_runner")
    loaded = time.process_time()
    import_module(f"bagfill.steps.{step}")
    opening = import_module("bagfill.wiring").open_services
    credentials = import_module("bagfill.storage.environment_credentials").EnvironmentCredentials(os.environ)
    with opening(import_module("bagfill.settings").load_settings(settings), credentials) as services:
        open_ends(services)
    print(json.dumps({"airflow": loaded, "ours": time.process_time() - loaded}))


if __name__ == "__main__":
    main()
