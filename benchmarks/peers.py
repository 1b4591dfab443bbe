"""What people use instead: rclone, and a script of their own with the providers' libraries."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from measured import Usage
from places import BUCKET, Places

CHECKSUM = "rclone copy + checksum SHA256 --download"
CHECK = "rclone copy + check --download"
SDK = "boto3 + azure-storage-blob, 8 threads"
FLOOR = "the requests alone (obstore, nothing hashed or recorded)"
WORKER = "our copy through a worker"
ALONE = "in a run of its own"


@dataclass(frozen=True, slots=True)
class Rclone:
    """rclone between the two servers, configured by its environment alone.

    Args:
        places: the servers.
        transfers: files at once, as many as one of our tasks takes.
    """

    places: Places
    transfers: int = 8

    def copy(self, folder: str, container: str) -> Usage:
        """``rclone copy`` of one bag version's folder. Raises ProgramFailed."""
        return self._run("copy", f"source:{BUCKET}/{folder}", f"destination:{container}/{folder}")

    def check(self, folder: str, container: str) -> Usage:
        """``rclone check --download``: reads both sides and compares the bytes. Raises ProgramFailed."""
        return self._run("check", f"source:{BUCKET}/{folder}", f"destination:{container}/{folder}", "--download")

    def checksum(self, manifest: Path, folder: str, container: str) -> Usage:
        """``rclone checksum SHA256 --download``: reads the destination and hashes it. Raises ProgramFailed.

        Args:
            manifest: a copy of the bag's ``manifest-sha256.txt``. It does not list tag files, so ``--one-way``.
            folder: of the bag version.
            container: at the destination.
        """
        there = f"destination:{container}/{folder}"
        return self._run("checksum", "SHA256", str(manifest), there, "--download", "--one-way")

    def _run(self, verb: str, *arguments: str) -> Usage:
        at_once = ("--transfers", str(self.transfers), "--checkers", str(self.transfers))
        command = (str(Path(sys.executable).parent / "rclone"), verb, "--config=", *at_once)
        return self.places.run((*command, *arguments), self._env())

    def _env(self) -> dict[str, str]:
        ends = self.places.ends
        source = {
            "TYPE": "s3",
            "PROVIDER": "SeaweedFS",
            "ENDPOINT": ends.s3_endpoint,
            "REGION": ends.region,
            "ACCESS_KEY_ID": ends.access_key,
            "SECRET_ACCESS_KEY": ends.secret_key,
            "NO_CHECK_BUCKET": "true",
        }
        destination = {
            "TYPE": "azureblob",
            "ACCOUNT": ends.account,
            "KEY": ends.account_key,
            "ENDPOINT": ends.azure_endpoint,
            "NO_CHECK_CONTAINER": "true",
        }
        # A whole environment: with AWS_CA_BUNDLE rclone would refuse S3.
        return {
            "PATH": "",
            "HOME": str(self.places.settings.parent),
            **{f"RCLONE_CONFIG_SOURCE_{name}": value for name, value in source.items()},
            **{f"RCLONE_CONFIG_DESTINATION_{name}": value for name, value in destination.items()},
        }


@dataclass(frozen=True, slots=True)
class SdkScript:
    """``sdk_task.py`` between the two servers."""

    places: Places

    def copy(self, folder: str, container: str) -> Usage:
        """Every object, through memory. Raises ProgramFailed."""
        return self._run("copy", folder, container)

    def verify(self, folder: str, container: str) -> Usage:
        """Every object read from the destination and hashed. Raises ProgramFailed."""
        return self._run("verify", folder, container)

    def _run(self, verb: str, folder: str, container: str) -> Usage:
        ends = self.places.ends
        script = Path(__file__).with_name("sdk_task.py")
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.places.settings.parent),
            "AWS_ENDPOINT_URL_S3": ends.s3_endpoint,
            "AWS_DEFAULT_REGION": ends.region,
            "AWS_ACCESS_KEY_ID": ends.access_key,
            "AWS_SECRET_ACCESS_KEY": ends.secret_key,
            "AZURE_STORAGE_CONNECTION_STRING": ends.connection_string,
        }
        return self.places.run((sys.executable, str(script), verb, BUCKET, container, folder), environment)


def moved(usage: Usage) -> dict[str, int]:
    """Files and bytes that a program of ours, or the script, says it moved."""
    done: dict[str, int] = json.loads(usage.output)
    return done
