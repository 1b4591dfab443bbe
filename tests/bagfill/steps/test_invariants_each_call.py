"""Invariant 8, exhaustively: one fault at each single call that a backfill makes, one call after the other.

A process killed before call n + 1 leaves the world that one killed after call n leaves; so "killed before" is played
for the first call to each part only. Refused calls (before their effect) and lost answers (after it): for all. Where
the same is shown again under other circumstances, the kinds of faults take turns from call to call; with
``make test-deep`` each comes at every call there too.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache

import pytest

from bagfill.storage.faults import Fault, FaultKind
from invariants_drill import CAREFUL, LIMITS, PARTS, V1, V1_FILES, V2, V2_FILES, Chaos, Drill, make_small_and_repeatable

ARCHIVED = ("data/a.txt", "data/large.bin")
BOTH: Mapping[str, Mapping[str, bytes]] = {V1: V1_FILES, V2: V2_FILES}
ROUNDS = 3
"""Requests until all is registered: one fault spoils one at most."""

AFTER = (FaultKind.KILL_AFTER, FaultKind.LOSE_ANSWER)

pytestmark = [pytest.mark.usefixtures("small_and_repeatable"), pytest.mark.deep]


@pytest.fixture(scope="module")
def small_and_repeatable() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        make_small_and_repeatable(patch)
        yield


@cache
def calls_of_a_good_run(*, archived: tuple[str, ...] = (), both: bool = False, careful: bool = False) -> Counter[str]:
    drill = Drill(archived=archived, limits=CAREFUL if careful else LIMITS, **({"versions": BOTH} if both else {}))
    drill.until_registered(1)
    return drill.chaos.calls


def in_turn(calls: int, kind: FaultKind) -> range:
    """The calls that this kind of fault strikes."""
    return range(calls) if "BAGFILL_DEEP" in os.environ else range(AFTER.index(kind), calls, len(AFTER))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", [FaultKind.KILL_AFTER, FaultKind.REFUSE, FaultKind.LOSE_ANSWER])
def test_invariant_8_a_fault_at_any_call_changes_nothing_but_the_time_it_takes(part: str, kind: FaultKind) -> None:
    count = calls_of_a_good_run(archived=ARCHIVED)[part]
    assert count

    places = [(0, FaultKind.KILL_BEFORE), *((number, kind) for number in range(count))]
    for number, played in places:
        drill = Drill(Chaos({(part, number): Fault(played)}), archived=ARCHIVED)
        drill.until_registered(ROUNDS)
        assert drill.chaos.met, number
        paid = Counter(key for key, _, _ in drill.world.source.thaw_requests)
        assert paid == {f"{V1}/{path}": 1 for path in ARCHIVED}, number


@pytest.mark.parametrize("part", ["source", "work"])
@pytest.mark.parametrize("kind", AFTER)
def test_invariant_8_and_10_the_same_when_tag_files_are_thawed_and_judged_first(part: str, kind: FaultKind) -> None:
    everything = tuple(sorted(V1_FILES))
    tag_files = {f"{V1}/{path}" for path in everything if "/" not in path}
    for number in in_turn(calls_of_a_good_run(archived=everything)[part], kind):
        drill = Drill(Chaos({(part, number): Fault(kind)}), archived=everything)
        drill.until_registered(ROUNDS)
        asked = [key for key, _, _ in drill.world.source.thaw_requests]
        assert Counter(asked) == {f"{V1}/{path}": 1 for path in everything}, number
        assert set(asked[: len(tag_files)]) == tag_files, number


@pytest.mark.parametrize("part", ["destination", "receipts", "registry", "tracker"])
@pytest.mark.parametrize("kind", AFTER)
def test_invariant_5_and_8_the_same_for_a_version_that_fetches_from_another(part: str, kind: FaultKind) -> None:
    for number in in_turn(calls_of_a_good_run(both=True)[part], kind):
        drill = Drill(Chaos({(part, number): Fault(kind)}), versions=BOTH)
        drill.until_registered(ROUNDS)


@pytest.mark.parametrize("part", ["source", "destination", "work", "receipts"])
@pytest.mark.parametrize("kind", [FaultKind.FLIP_READ, FaultKind.FLIP_WRITE])
def test_invariant_1_one_wrong_bit_anywhere_is_never_registered(part: str, kind: FaultKind) -> None:
    # `Drill.watch` looks after every process; once the damage is gone (removed by a person, where a write of the
    # provider was wrong), the bag still gets there.
    for number in range(calls_of_a_good_run(archived=ARCHIVED)[part]):
        drill = Drill(Chaos({(part, number): Fault(kind)}), archived=ARCHIVED)
        drill.until_registered(ROUNDS)


@pytest.mark.parametrize("part", ["source", "destination"])
def test_invariant_1_the_same_where_every_digest_is_compared_before_writing(part: str) -> None:
    for number in range(calls_of_a_good_run(archived=ARCHIVED, careful=True)[part]):
        drill = Drill(Chaos({(part, number): Fault(FaultKind.FLIP_READ)}), archived=ARCHIVED, limits=CAREFUL)
        drill.until_registered(ROUNDS)
