"""What the plugin gives Airflow to mount.

Every component of Airflow loads plugins, tasks too, and only the API server mounts applications: elsewhere nothing of
ours is imported for it.
"""

from __future__ import annotations

import sys
from typing import Any


def mounted_apps() -> list[dict[str, Any]]:
    """The applications, in the API server; none elsewhere."""
    if "airflow.api_fastapi.core_api.app" not in sys.modules:
        return []
    from bagfill_airflow.api.app import PREFIX, create_app
    from bagfill_airflow.api.places import Surroundings
    from bagfill_airflow.api.runs import AirflowRuns
    from bagfill_airflow.api.services import ServerServices

    app = create_app(Surroundings(ServerServices(), AirflowRuns()))
    return [{"app": app, "url_prefix": PREFIX, "name": "Bagfill"}]


def external_views() -> list[dict[str, Any]]:
    """Pages in Airflow's own: an entry of its navigation, and a tab of each run and each task."""
    ui = "/bagfill/ui"
    return [
        {
            "name": "Bagfill",
            "href": f"{ui}/coverage",
            "destination": "nav",
            "category": "browse",
            "url_route": "bagfill",
        },
        *(
            {"name": "Bag", "href": f"{ui}/runs/{{RUN_ID}}", "destination": place, "url_route": f"bagfill-bag-{place}"}
            for place in ("dag_run", "task_instance")
        ),
    ]
