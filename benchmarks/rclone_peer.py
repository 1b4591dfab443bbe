"""rclone, the program people reach for instead: ``copy``, then ``check --download`` to compare every byte."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from measured import Usage, run_measured
from places import BUCKET, Places

NAME = "rclone"


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
        return self._run("copy", folder, container)

    def check(self, folder: str, container: str) -> Usage:
        """``rclone check --download``: reads both sides and compares the bytes. Raises ProgramFailed."""
        return self._run("check", folder, container, "--download")

    def _run(self, verb: str, folder: str, container: str, *options: str) -> Usage:
        at_once = ("--transfers", str(self.transfers), "--checkers", str(self.transfers))
        command = (str(Path(sys.executable).parent / "rclone"), verb, "--config=", *at_once, *options)
        return run_measured((*command, f"source:{BUCKET}/{folder}", f"destination:{container}/{folder}"), self._env())

    def _env(self) -> dict[str, str]:
        seaweedfs, azurite = self.places.seaweedfs, self.places.azurite
        source = {
            "TYPE": "s3",
            "PROVIDER": "SeaweedFS",
            "ENDPOINT": seaweedfs.endpoint,
            "REGION": seaweedfs.region,
            "ACCESS_KEY_ID": seaweedfs.access_key,
            "SECRET_ACCESS_KEY": seaweedfs.secret_key,
            "NO_CHECK_BUCKET": "true",
        }
        destination = {
            "TYPE": "azureblob",
            "ACCOUNT": azurite.account,
            "KEY": azurite.account_key,
            "ENDPOINT": azurite.endpoint,
            "NO_CHECK_CONTAINER": "true",
        }
        # A whole environment: with AWS_CA_BUNDLE rclone would refuse S3.
        return {
            "PATH": "",
            "HOME": str(self.places.settings.parent),
            **{f"RCLONE_CONFIG_SOURCE_{name}": value for name, value in source.items()},
            **{f"RCLONE_CONFIG_DESTINATION_{name}": value for name, value in destination.items()},
        }
