"""Measurements of one bag, and the rows they make: pure, so that it can be tested without a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from measured import Usage
from peers import CHECK, CHECKSUM, FLOOR, SDK
from rows import Row
from sample_bags import MIB, Shape

COPY_AND_PROVE = {
    CHECKSUM: ("rclone copy", "rclone checksum SHA256 --download"),
    CHECK: ("rclone copy", "rclone check --download"),
    SDK: (f"{SDK}: copy", f"{SDK}: verify"),
}
"""What each peer does for copy and verify."""

Turn = Mapping[str, Usage]
"""What each program used, by its name, in one round."""


@dataclass(slots=True)
class Runs:
    """All rounds with one bag.

    Args:
        shape: the bag.
        rounds: ours are ``plan``, ``copy``, ``verify`` and ``conclude``; the peers' names are in ``COPY_AND_PROVE``.
    """

    shape: Shape
    rounds: list[Turn] = field(default_factory=list)

    def rows(self) -> list[Row]:
        """Every row of this bag."""
        return [*self._whole(), *self._each_step(), *self._peaks()]

    @property
    def peers(self) -> dict[str, tuple[str, str]]:
        """Those of ``COPY_AND_PROVE`` that took part in every round."""
        return {
            peer: programs
            for peer, programs in COPY_AND_PROVE.items()
            if all(program in turn for program in programs for turn in self.rounds)
        }

    def peak(self, *programs: str) -> float:
        """The most memory that any of some programs held, in MiB."""
        return max(turn[program].peak_bytes for turn in self.rounds for program in programs) / MIB

    def cpu(self, *programs: str) -> float:
        """Median of the processor seconds of some programs together, by the shape's unit."""
        return median(sum(turn[program].cpu for program in programs) for turn in self.rounds) / self.shape.amount

    def _row(self, name: str, ours: float, peer_name: str | None = None, peer: float | None = None) -> Row:
        return Row(name, ours, self.shape.unit, peer_name, peer, bag=self.shape.name)

    def _whole(self) -> Iterator[Row]:
        key = self.shape.key
        for peer, programs in self.peers.items():
            yield self._row(f"copy_verify_{key}", self.cpu("copy", "verify"), peer, self.cpu(*programs))
        for peer, programs in self.peers.items():
            ours = self.cpu("plan", "copy", "verify", "conclude")
            yield self._row(f"copy_verify_{key}_all_steps", ours, peer, self.cpu(*programs))
        if all(FLOOR in turn for turn in self.rounds):
            yield self._row(f"floor_{key}", self.cpu("copy", "verify"), FLOOR, self.cpu(FLOOR))

    def _each_step(self) -> Iterator[Row]:
        key = self.shape.key
        for step, number in (("copy", 0), ("verify", 1)):
            for program in dict.fromkeys(programs[number] for programs in self.peers.values()):
                yield self._row(f"{step}_{key}", self.cpu(step), program, self.cpu(program))
        for step in ("plan", "conclude"):
            yield self._row(f"{step}_{key}", self.cpu(step))

    def _peaks(self) -> Iterator[Row]:
        key, name = self.shape.key, self.shape.name
        for step, number in (("copy", 0), ("verify", 1)):
            for program in dict.fromkeys(programs[number] for programs in self.peers.values()):
                mine, theirs = self.peak(step), self.peak(program)
                yield Row(f"peak_memory_{step}_{key}", mine, "MiB", program, theirs, bag=name)


def peak_rows(every: Sequence[Runs]) -> list[Row]:
    """The most memory of any copy or verify task, over all bags, beside the most of each peer's programs."""
    ours = max(runs.peak("copy", "verify") for runs in every)
    bags = "the highest of all bags"
    return [
        Row("task_peak_memory", ours, "MiB", peer, max(runs.peak(*programs) for runs in every), bag=bags)
        for peer, programs in COPY_AND_PROVE.items()
        if all(peer in runs.peers for runs in every)
    ]


def request_rows(shape: Shape, objects: int, counts: Mapping[str, int]) -> list[Row]:
    """Requests for each object, ours for all four steps beside each peer's for copying and proving.

    Args:
        shape: the bag.
        objects: how many it has, tag files included.
        counts: requests of each program to both servers.
    """
    ours = sum(counts[step] for step in ("plan", "copy", "verify", "conclude")) / objects
    return [
        Row(
            f"requests_per_object_{shape.key}",
            ours,
            "requests",
            peer,
            sum(counts[program] for program in programs) / objects,
            bag=shape.name,
            note="all four steps",
        )
        for peer, programs in COPY_AND_PROVE.items()
    ]
