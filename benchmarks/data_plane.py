"""Copy and verify beside rclone: the same bag, the same servers, in turns."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from measured import Usage, run_measured
from places import BUCKET, SOURCE, Places
from rclone_peer import NAME, Rclone
from rows import Row
from sample_bags import Shape, write

from bagfill.demo.bag_maker import SampleBag
from bagfill.settings import load_settings
from bagfill.steps.import_location import import_location
from bagfill.steps.open_ingest import open_ingests
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.plan_replication import PlanSummary
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import Services
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.location import Location
from bagfill.wiring import open_services

_GIB = 1024**3
_MIB = 1024**2
Say = Callable[[str], None]


class WrongResult(RuntimeError):
    """What was moved is not what it should be: a fast run that moved something else does not count."""


def destination_names(identifier: str, repeats: int) -> list[str]:
    """The containers that a bag is copied to, one for each of our runs and one for each of the peer's."""
    name = identifier.replace("/", "-")
    return [f"{name}-{who}-{number}" for number in range(repeats) for who in ("ours", "peer")]


@dataclass(slots=True)
class Runs:
    """The measurements of one mover."""

    copies: list[Usage] = field(default_factory=list)
    checks: list[Usage] = field(default_factory=list)
    around: list[float] = field(default_factory=list)

    def whole(self, per: float) -> tuple[float, float]:
        """Medians of what is around copy and check (planning and concluding), and of everything, by ``per``."""
        all_steps = zip(self.copies, self.checks, self.around, strict=True)
        return median(self.around) / per, median(
            copy.cpu + check.cpu + around for copy, check, around in all_steps
        ) / per

    def cpu(self, per: float) -> tuple[float, float, float]:
        """Medians of processor seconds for copy, check and both, each divided by ``per``."""
        both = [copy.cpu + check.cpu for copy, check in zip(self.copies, self.checks, strict=True)]
        copies, checks = ([usage.cpu for usage in runs] for runs in (self.copies, self.checks))
        return median(copies) / per, median(checks) / per, median(both) / per

    def peaks(self) -> tuple[float, float]:
        """The highest memory of any copy and of any check, in MiB."""
        copies, checks = (max(usage.peak_bytes for usage in runs) / _MIB for runs in (self.copies, self.checks))
        return copies, checks


def measure(places: Places, shapes: Sequence[Shape], repeats: int, say: Say) -> list[Row]:
    """All rows for some bags.

    Raises:
        WrongResult: a run did not move what it should have.
        ProgramFailed: a run ended with an error.
    """
    environ = places.environment
    with open_services(load_settings(places.settings, environ), EnvironmentCredentials(environ)) as services:
        rows = [_start_up(places, repeats)]
        for shape in shapes:
            say(f"{shape.name}: making the bag at the source")
            source = services.locations[SOURCE]
            bag = shape.make(BUCKET)
            write(services.stores.writing(source), source, bag)
            imported = import_location(services, SOURCE)
            if not imported.is_clean:
                raise WrongResult(f"the bag was not imported: {imported.to_json()}")
            rows += _BagRuns(places, services, shape, bag, say).rows(repeats)
        return rows


def _start_up(places: Places, repeats: int) -> Row:
    """What each mapped task pays before its first object, and is part of every figure of ours."""
    runs = [_task(places, "start") for _ in range(repeats + 1)]
    # The first one compiled the modules.
    return Row("a task's start: interpreter, imports, clients", median(usage.cpu for usage in runs[1:]), "CPU s")


def _task(places: Places, step: str, *arguments: str) -> Usage:
    script = Path(__file__).with_name("shard_task.py")
    return run_measured((sys.executable, str(script), step, str(places.settings), *arguments), places.environment)


@dataclass(frozen=True, slots=True)
class _BagRuns:
    places: Places
    services: Services
    shape: Shape
    bag: SampleBag
    say: Say

    def rows(self, repeats: int) -> list[Row]:
        ours, peer = Runs(), Runs()
        names = destination_names(self.shape.identifier, repeats)
        for number in range(repeats):
            mine, theirs = names[2 * number : 2 * number + 2]
            turns = [lambda to=mine: self._ours(ours, to), lambda to=theirs: self._peer(peer, to)]
            for turn in turns if number % 2 == 0 else reversed(turns):
                turn()
        # A program that shares no code with ours agrees about the bytes of our replica.
        self.say(f"{self.shape.name}: rclone checks our last replica")
        Rclone(self.places).check(self._folder, names[-2])
        return self._made_rows(ours, peer)

    @property
    def _folder(self) -> str:
        return self.services.locations[SOURCE].version_prefix(self.bag.id).removesuffix("/")

    def _ours(self, runs: Runs, destination: str) -> None:
        ingest = json.dumps(self._open(destination).to_json())
        planning = _task(self.places, "plan", ingest)
        plan = PlanSummary.from_json(json.loads(planning.output))
        copy = _task(self.places, "copy", ingest, str(plan.copy_shards))
        self._require_same(destination)
        check = _task(self.places, "verify", ingest, str(plan.verify_shards))
        for usage in (copy, check):
            done = json.loads(usage.output)
            if done != {"files": len(self.bag.objects), "bytes": self.bag.size}:
                raise WrongResult(f"{destination}: {done}, expected {len(self.bag.objects)} files")
        concluding = _task(self.places, "conclude", ingest)
        runs.around.append(planning.cpu + concluding.cpu)
        self._keep(runs, copy, check, f"ours: plan {planning.cpu:.2f}, conclude {concluding.cpu:.2f} CPU s")

    def _peer(self, runs: Runs, container: str) -> None:
        rclone = Rclone(self.places, self.services.limits.concurrency)
        copy = rclone.copy(self._folder, container)
        self._require_same(container)
        self._keep(runs, copy, rclone.check(self._folder, container), NAME)

    def _open(self, destination: str) -> IngestRef:
        fields = {
            "space": str(self.bag.id.space),
            "external_identifier": str(self.bag.id.external_identifier),
            "destination": destination,
        }
        request = BackfillRequest.parse(self.services, f"bench:{destination}", fields)
        opened = open_ingests(self.services, request)
        if isinstance(opened, StepFailed):
            raise WrongResult(opened.text)
        return opened.refs[0]

    def _keep(self, runs: Runs, copy: Usage, check: Usage, who: str) -> None:
        runs.copies.append(copy)
        runs.checks.append(check)
        figures = "; ".join(
            f"{name} {use.cpu:.2f} CPU s, {use.wall:.1f} s" for name, use in (("copy", copy), ("check", check))
        )
        self.say(f"{self.shape.name}: {who}: {figures}")

    def _require_same(self, container: str) -> None:
        """The listings of both sides name the same paths with the same sizes."""
        source, there = (
            self._listing(self.services.locations[SOURCE]),
            self._listing(self.services.locations[container]),
        )
        if source != there or len(source) != len(self.bag.objects):
            differing = sorted(source.items() ^ there.items())[:5]
            raise WrongResult(f"{container} holds {len(there)} of {len(source)} objects; they differ in {differing}")

    def _listing(self, location: Location) -> dict[str, int]:
        prefix = location.version_prefix(self.bag.id)
        return {
            info.key.removeprefix(prefix): info.size for info in self.services.stores.reading(location).list(prefix)
        }

    def _made_rows(self, ours: Runs, peer: Runs) -> list[Row]:
        per_gib = self.shape.file_bytes >= _MIB
        per, unit = (self.bag.size / _GIB, "CPU s/GiB") if per_gib else (len(self.bag.objects) / 1000, "CPU s/1,000")
        verbs = ("copy", "verify", "copy and verify")
        peers = (f"{NAME} copy", f"{NAME} check --download", f"{NAME} copy + check --download")
        rows = [
            Row(f"{self.shape.name}: {verb}", mine, unit, peer_name, theirs)
            for verb, peer_name, mine, theirs in zip(verbs, peers, ours.cpu(per), peer.cpu(per), strict=True)
        ]
        around, everything = ours.whole(per)
        # rclone lists both sides in copy and in check; we list in these two steps, so this is like for like.
        rows += [
            Row(f"{self.shape.name}: plan and conclude", around, unit),
            Row(f"{self.shape.name}: all four steps", everything, unit, peers[2], peer.cpu(per)[2]),
        ]
        memory = zip(verbs[:2], peers[:2], ours.peaks(), peer.peaks(), strict=True)
        return rows + [
            Row(f"{self.shape.name}: peak memory of a {verb} task", mine, "MiB", peer_name, theirs)
            for verb, peer_name, mine, theirs in memory
        ]


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))
