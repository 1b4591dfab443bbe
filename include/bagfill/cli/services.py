"""Services for one command, with credentials of the environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bagfill.settings import load_settings
from bagfill.steps.services import Services
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.wiring import open_services


@contextmanager
def services_for(config: Path | None) -> Iterator[Services]:
    """The services that a settings file describes; closed at the end of the block.

    Raises:
        SettingsError: what is wrong with the file.
    """
    with open_services(load_settings(config), EnvironmentCredentials(os.environ)) as services:
        yield services
