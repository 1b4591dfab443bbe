"""Amazon S3 and Azure Blob Storage played on this machine, for whoever follows the tutorial without an account."""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bagfill.demo.azurite import Azurite
from bagfill.demo.ministack import MiniStack
from bagfill.demo.stop_signals import StopSignals

BUCKET = "tutorial-storage"
CONTAINER = "tutorial-replicas"


def tutorial_environment(s3: MiniStack, azure: Azurite) -> Mapping[str, str]:
    """What the tutorial expects of a shell, for these two servers.

    Args:
        s3, azure: running, with the tutorial's bucket and container made.
    """
    aws = {
        "conn_type": "aws",
        "login": s3.access_key,
        "password": s3.secret_key,
        "extra": {"endpoint_url": s3.endpoint, "region_name": s3.region},
    }
    wasb = json.dumps({"conn_type": "wasb", "extra": {"connection_string": azure.connection_string}})
    return {
        "PRIMARY_BUCKET": BUCKET,
        "AZURE_CONTAINER": CONTAINER,
        "AIRFLOW_CONN_PRIMARY_READ": json.dumps(aws),
        "AIRFLOW_CONN_AZURE_READ": wasb,
        "AIRFLOW_CONN_AZURE_WRITE": wasb,
        # For rclone, which plays the part of "any tool".
        "RCLONE_S3_PROVIDER": "Other",
        "RCLONE_S3_ENDPOINT": s3.endpoint,
        "AWS_ACCESS_KEY_ID": s3.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.secret_key,
        "NO_PROXY": "127.0.0.1",
    }


def make_tutorial_places(s3: MiniStack, azure: Azurite) -> None:
    """The bucket and the container; those that exist are left as they are."""
    s3.create_bucket(BUCKET)
    azure.create_container(CONTAINER)


def play_clouds() -> int:
    """Keep both servers running until the program is told to end, and print what a shell needs to use them."""
    stop_asked = StopSignals()
    with tempfile.TemporaryDirectory(prefix="bagfill-clouds-") as folder:
        s3, azure = MiniStack(Path(folder)), Azurite(Path(folder))
        with s3, azure:
            make_tutorial_places(s3, azure)
            for name, value in tutorial_environment(s3, azure).items():
                sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
            sys.stdout.flush()
            sys.stderr.write(
                "Both run until Ctrl-C; what they hold is gone then. Paste the lines into another shell.\n"
            )
            stop_asked.wait()
    return 0
