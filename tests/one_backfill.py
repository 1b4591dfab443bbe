"""A worker to be killed: all steps of one request in a process of its own, which tells how far it is.

    python tests/one_backfill.py SETTINGS SPACE IDENTIFIER DESTINATION

The request's id is always the same, so that a second process takes up what the first one left, as a retry of a task
does.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bagfill.settings import load_settings
from bagfill.steps.backfill import BackfillResult, Silence, backfill
from bagfill.steps.plan_replication import PlanSummary
from bagfill.steps.requests import BackfillRequest
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.wiring import open_services


def say(line: str) -> None:
    """To whoever started this process, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Told(Silence):
    """Prints a line for each thing that is done."""

    def planned(self, plan: PlanSummary) -> None:
        say(f"planned {plan.files}")

    def copied(self, plan: PlanSummary, size: int) -> None:
        say(f"copied {size}")

    def verified(self, plan: PlanSummary, size: int) -> None:
        say(f"verified {size}")


def run(settings: Path, space: str, identifier: str, destination: str) -> BackfillResult:
    """One attempt."""
    with open_services(load_settings(settings, os.environ), EnvironmentCredentials(os.environ)) as services:
        fields = {"space": space, "external_identifier": identifier, "destination": destination}
        request = BackfillRequest.parse(services, "test:killed", fields)
        return backfill(services, request, progress=Told(), poll_seconds=0.1)


if __name__ == "__main__":
    result = run(Path(sys.argv[1]), *sys.argv[2:])
    say("registered" if result.succeeded else str(result))
