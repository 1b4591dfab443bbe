"""What a Bagfill process needs in its environment to work with an embedded stack and the settings of the project."""

from __future__ import annotations

import json

from bagfill.demo.stack import EmbeddedStack

BUCKET = "sample-storage"
CONTAINER = "sample-replicas"


def project_environment(stack: EmbeddedStack) -> dict[str, str]:
    """Variables for ``include/config/bagfill.toml``: bucket, container, their connections, the registry. Holds secrets.

    Makes the bucket, the container and the registry's empty database, so call it once for a stack: it is meant as the
    ``environment`` of an :class:`EmbeddedStack` with MiniStack, Azurite and PostgreSQL.
    """
    stack.ministack.create_bucket(BUCKET)
    stack.azurite.create_container(CONTAINER)
    s3 = {
        "conn_type": "aws",
        "login": stack.ministack.access_key,
        "password": stack.ministack.secret_key,
        "extra": {"endpoint_url": stack.ministack.endpoint, "region_name": stack.ministack.region},
    }
    azure = {"conn_type": "wasb", "extra": {"connection_string": stack.azurite.connection_string}}
    state = stack.work_dir / "bagfill"
    state.mkdir(exist_ok=True)
    return {
        "BAGFILL_STATE": str(state),
        "BAGFILL_SHELF": str(state / "shelf"),
        "BAGFILL_DATABASE": stack.postgresql.create_database("registry"),
        "BAGFILL_PRIMARY_BUCKET": BUCKET,
        "BAGFILL_AZURE_CONTAINER": CONTAINER,
        "AIRFLOW_CONN_BAGFILL_PRIMARY_READ": json.dumps(s3),
        "AIRFLOW_CONN_BAGFILL_AZURE_READ": json.dumps(azure),
        "AIRFLOW_CONN_BAGFILL_AZURE_WRITE": json.dumps(azure),
    }
