"""Copy and verify beside the peers: the same bag, the same servers, in turns."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from measured import Usage
from peers import FLOOR, Rclone, SdkScript, moved
from places import BUCKET, SOURCE, Places
from runs import COPY_AND_PROVE, Runs
from sample_bags import Shape, write

from bagfill.demo.bag_maker import SampleBag
from bagfill.steps.import_location import import_location
from bagfill.steps.open_ingest import open_ingests
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.plan_replication import PlanSummary
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import Services
from bagfill.storage.location import Location

Say = Callable[[str], None]
MOVERS = ("ours", "rclone", "sdk", "floor")


class WrongResult(RuntimeError):
    """What was moved is not what it should be: a fast run that moved something else does not count."""


def destination_names(shape: Shape, repeats: int) -> list[str]:
    """The containers that a bag is copied to, one for each mover and round."""
    return [f"{shape.key}-{who}-{number}" for number in range(repeats) for who in MOVERS]


def put_bag(services: Services, shape: Shape) -> SampleBag:
    """Make a bag at the source, and let the registry know it."""
    source = services.locations[SOURCE]
    bag = shape.make(BUCKET)
    write(services.stores.writing(source), source, bag)
    imported = import_location(services, SOURCE)
    if not imported.is_clean:
        raise WrongResult(f"the bag was not imported: {imported.to_json()}")
    return bag


def start_cost(places: Places, repeats: int) -> float:
    """What each mapped task pays before its first object, in processor seconds; it is part of every figure of ours."""
    return median(_task(places, "start").cpu for _ in range(repeats))


def start_on_airflow(places: Places, repeats: int) -> Mapping[str, float]:
    """The same for a task that copies, where Airflow is loaded already; and what loading Airflow takes."""
    script = str(Path(__file__).with_name("start_task.py"))
    command = (sys.executable, script, "copy_shard", str(places.settings))
    environment = {**places.environment, "AIRFLOW_HOME": str(places.settings.with_name("airflow"))}
    # Airflow may print before.
    found = [json.loads(places.run(command, environment).output.splitlines()[-1]) for _ in range(repeats)]
    return {part: median(each[part] for each in found) for part in ("ours", "airflow")}


def _task(places: Places, step: str, *arguments: str) -> Usage:
    script = Path(__file__).with_name("shard_task.py")
    return places.run((sys.executable, str(script), step, str(places.settings), *arguments), places.environment)


def split(both: Usage) -> dict[str, Usage]:
    """What copying (with the start of the process) and reading back used, of a process that did both in turn."""
    done = json.loads(both.output)
    counts = {step: json.dumps({"files": found["files"], "bytes": found["bytes"]}) for step, found in done.items()}
    cpu, wall = done["copy"]["cpu"], done["copy"]["wall"]
    copied = replace(both, cpu=cpu, wall=wall, output=counts["copy"])
    # Requests are counted for both together.
    read = replace(both, cpu=both.cpu - cpu, wall=both.wall - wall, output=counts["verify"], requests=0)
    return {"copy": copied, "verify": read}


@dataclass(frozen=True, slots=True)
class BagRuns:
    """One bag, copied again and again by every mover.

    Args:
        places: the servers, as the programs that are measured see them.
        services: for what is not measured.
        shape: the bag.
        bag: as it was made.
        say: is told what each program took.
    """

    places: Places
    services: Services
    shape: Shape
    bag: SampleBag
    say: Say

    def measured(self, repeats: int, *, brief: bool = False) -> Runs:
        """All rounds. ``brief``: beside rclone alone. Raises WrongResult and ProgramFailed."""
        runs = Runs(self.shape)
        for number in range(repeats):
            names = dict(zip(MOVERS, destination_names(self.shape, repeats)[len(MOVERS) * number :], strict=False))
            turns = [lambda to=names["ours"]: self.ours(to), lambda to=names["rclone"]: self.rclone(to)]
            if not brief:
                turns.append(lambda to=names["sdk"]: self.sdk(to))
            if self.shape.in_one_request and not brief:
                turns.append(lambda to=names["floor"]: self.floor(to))
            used: dict[str, Usage] = {}
            for turn in turns if number % 2 == 0 else reversed(turns):
                used |= turn()
            runs.rounds.append(used)
            # A program that shares no code with ours agrees about the bytes of our replica.
            if number == repeats - 1:
                self.say(f"{self.shape.name}: rclone checks our last replica")
                Rclone(self.places).check(self.folder, names["ours"])
        return runs

    @property
    def folder(self) -> str:
        """The bag version's folder, without a slash at the end."""
        return self.services.locations[SOURCE].version_prefix(self.bag.id).removesuffix("/")

    def ours(self, destination: str) -> Mapping[str, Usage]:
        """All four steps: planning, copying and reading back in one process, concluding."""
        reference = json.dumps(self._open(destination).to_json())
        used = {"plan": _task(self.places, "plan", reference)}
        plan = PlanSummary.from_json(json.loads(used["plan"].output))
        both = _task(self.places, "copy,verify", reference, f"{plan.copy_shards},{plan.verify_shards}")
        self._require_same(destination)
        used |= split(both)
        for step in ("copy", "verify"):
            self._require_all(destination, used[step])
        used["conclude"] = _task(self.places, "conclude", reference)
        return self._told(used)

    def copied(self, destination: str) -> Usage:
        """What copying alone used."""
        return self._copied(self._open(destination))[0]["copy"]

    def _copied(self, ingest: IngestRef) -> tuple[dict[str, Usage], PlanSummary]:
        reference = json.dumps(ingest.to_json())
        used = {"plan": _task(self.places, "plan", reference)}
        plan = PlanSummary.from_json(json.loads(used["plan"].output))
        used["copy"] = _task(self.places, "copy", reference, str(plan.copy_shards))
        self._require_same(ingest.destination)
        self._require_all(ingest.destination, used["copy"])
        return used, plan

    def rclone(self, container: str) -> Mapping[str, Usage]:
        """``copy``, and both ways to prove it."""
        rclone = Rclone(self.places, self.services.limits.concurrency)
        used = {"rclone copy": rclone.copy(self.folder, container)}
        self._require_same(container)
        manifest = self.places.settings.with_name(f"{self.shape.key}-manifest-sha256.txt")
        made = next(item.content for item in self.bag.objects if item.path == "manifest-sha256.txt")
        manifest.write_bytes(b"".join(made.chunks()))
        used["rclone checksum SHA256 --download"] = rclone.checksum(manifest, self.folder, container)
        used["rclone check --download"] = rclone.check(self.folder, container)
        return self._told(used)

    def sdk(self, container: str) -> Mapping[str, Usage]:
        """The script with the providers' libraries."""
        script = SdkScript(self.places)
        copy, verify = next(reversed(COPY_AND_PROVE.values()))
        used = {copy: script.copy(self.folder, container)}
        self._require_same(container)
        used[verify] = script.verify(self.folder, container)
        self._require_all(container, used[verify])
        return self._told(used)

    def floor(self, container: str) -> Mapping[str, Usage]:
        """The requests alone."""
        script = str(Path(__file__).with_name("floor_task.py"))
        command = (sys.executable, script, str(self.places.settings), container, self.folder)
        used = self.places.run(command, self.places.environment)
        self._require_all(container, used)
        return self._told({FLOOR: used})

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

    def _told(self, used: Mapping[str, Usage]) -> Mapping[str, Usage]:
        figures = "; ".join(f"{name} {use.cpu:.2f} CPU s, {use.wall:.1f} s" for name, use in used.items())
        self.say(f"{self.shape.name}: {figures}")
        return used

    def _require_all(self, container: str, usage: Usage) -> None:
        """A program of ours, or the script, says that it handled every file and every byte."""
        if moved(usage) != {"files": len(self.bag.objects), "bytes": self.bag.size}:
            raise WrongResult(f"{container}: {moved(usage)}, expected {len(self.bag.objects)} files")

    def _require_same(self, container: str) -> None:
        """The listings of both sides name the same paths with the same sizes."""
        locations = self.services.locations
        source, there = self._listing(locations[SOURCE]), self._listing(locations[container])
        if source != there or len(source) != len(self.bag.objects):
            differing = sorted(source.items() ^ there.items())[:5]
            raise WrongResult(f"{container} holds {len(there)} of {len(source)} objects; they differ in {differing}")

    def _listing(self, location: Location) -> dict[str, int]:
        prefix = location.version_prefix(self.bag.id)
        return {
            info.key.removeprefix(prefix): info.size for info in self.services.stores.reading(location).list(prefix)
        }
