"""What every place that keeps timings does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bagfill.planning.rates import Activity, ShardTiming
from bagfill.planning.thaw_waits import ThawTiming
from bagfill.rates.log import NEWEST_SHARDS, RateLog, ShardDone, ThawSeen
from bagfill.storage.store import ThawTier

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DONE = ShardDone("s3", "azure", Activity.COPY, "ingest-1", 0, ShardTiming(12, 3_000_000_000_000, 30.25, NOON, 61.5))
SEEN = ThawSeen("s3", "chunk-1", ThawTiming("GLACIER", ThawTier.BULK, 3600.5, 7200.25, NOON))


def done(number: int, **changes: object) -> ShardDone:
    timing = replace(DONE.timing, files=number, ended=NOON + number * HOUR)
    return replace(DONE, ingest_id=f"ingest-{number}", timing=timing, **changes)


class RatesContract:
    """Inherit, and give a fixture ``rates``."""

    def test_a_shard_is_found_as_it_was_noted(self, rates: RateLog) -> None:
        rates.shard_done(DONE)
        assert list(rates.shards(Activity.COPY, "azure", "s3")) == [DONE.timing]
        assert list(rates.shards(Activity.COPY, "azure")) == [DONE.timing]

    def test_other_activities_and_pairs_are_told_apart(self, rates: RateLog) -> None:
        rates.shard_done(DONE)
        rates.shard_done(replace(DONE, source="tape", ingest_id="ingest-2"))
        assert list(rates.shards(Activity.VERIFY, "azure")) == []
        assert list(rates.shards(Activity.COPY, "s3", "azure")) == []
        assert len(rates.shards(Activity.COPY, "azure", "tape")) == 1
        assert len(rates.shards(Activity.COPY, "azure")) == 2

    def test_a_shard_that_is_noted_again_changes_nothing(self, rates: RateLog) -> None:
        for seconds in (30.25, 99.0):
            rates.shard_done(replace(DONE, timing=replace(DONE.timing, seconds=seconds)))
        assert list(rates.shards(Activity.COPY, "azure", "s3")) == [DONE.timing]

    def test_each_shard_and_each_activity_of_an_ingest_counts(self, rates: RateLog) -> None:
        for shard in (0, 1):
            for activity in Activity:
                rates.shard_done(replace(DONE, shard=shard, activity=activity))
        assert [len(rates.shards(activity, "azure")) for activity in Activity] == [2, 2]

    def test_the_newest_come_first_and_no_more_than_are_needed(self, rates: RateLog) -> None:
        for number in range(NEWEST_SHARDS + 5):
            rates.shard_done(done(number))
        found = [timing.files for timing in rates.shards(Activity.COPY, "azure", "s3")]
        assert found == list(range(NEWEST_SHARDS + 4, 4, -1))

    def test_a_group_of_thaws_is_found_as_it_was_noted(self, rates: RateLog) -> None:
        rates.thaw_seen(SEEN)
        assert list(rates.thaws("s3")) == [SEEN.timing]
        assert list(rates.thaws("azure")) == []

    def test_a_group_that_becomes_readable_little_by_little_keeps_its_first_and_its_last(self, rates: RateLog) -> None:
        later = ThawTiming("GLACIER", ThawTier.BULK, 5000.0, 9000.0, NOON + HOUR)
        for timing in (later, SEEN.timing, later):
            rates.thaw_seen(replace(SEEN, timing=timing))
        assert list(rates.thaws("s3")) == [ThawTiming("GLACIER", ThawTier.BULK, 3600.5, 9000.0, NOON + HOUR)]

    def test_classes_tiers_and_groups_are_told_apart(self, rates: RateLog) -> None:
        rates.thaw_seen(SEEN)
        rates.thaw_seen(replace(SEEN, chunk="chunk-2"))
        rates.thaw_seen(replace(SEEN, timing=replace(SEEN.timing, tier=ThawTier.STANDARD)))
        rates.thaw_seen(replace(SEEN, timing=replace(SEEN.timing, storage_class="DEEP_ARCHIVE")))
        assert len(rates.thaws("s3")) == 4

    def test_of_old_rows_the_newest_of_each_pair_and_location_stay(self, rates: RateLog) -> None:
        for number in range(5):
            rates.shard_done(done(number))
            rates.thaw_seen(replace(SEEN, chunk=str(number), timing=replace(SEEN.timing, seen=NOON + number * HOUR)))
        rates.shard_done(done(9, activity=Activity.VERIFY))
        assert rates.forget(keep=2) == 6
        assert [timing.files for timing in rates.shards(Activity.COPY, "azure")] == [4, 3]
        assert [timing.files for timing in rates.shards(Activity.VERIFY, "azure")] == [9]
        assert [timing.seen for timing in rates.thaws("s3")] == [NOON + 4 * HOUR, NOON + 3 * HOUR]
        assert rates.forget(keep=2) == 0
