"""What tasks hand to each other is small, and comes out as it went in."""

from __future__ import annotations

import json
from dataclasses import replace

from bagfill.steps.outcomes import IngestRef
from bagfill_airflow.operators.mapped import sound_places
from bagfill_airflow.references import (
    Planned,
    fitting,
    pack_ingests,
    shares,
    unpack_ingests,
    unpack_plans,
)

REF = IngestRef(
    ingest_id="0b7c1f9e-0d9c-5d3e-8e4b-000000000000",
    bag_version="born digital/a b/c.d/v1",
    source="primary",
    destination="azure",
    token=7,
    thaw_tier="Bulk",
    thaw_days=7,
)


def test_ingests_survive_packing() -> None:
    refs = (
        REF,
        replace(REF, bag_version="born digital/a b/c.d/v2", token=8),
        replace(REF, bag_version="born digital/a b/c.d/v10", source="glacier", thaw_tier="Standard", thaw_days=3),
    )
    assert unpack_ingests(json.loads(json.dumps(pack_ingests(refs)))) == refs


def test_no_ingests_survive_packing() -> None:
    assert unpack_ingests(pack_ingests(())) == ()


def test_a_hundred_versions_stay_below_ten_kilobytes() -> None:
    refs = [replace(REF, bag_version=f"born digital/a b/c.d/v{n}", token=n) for n in range(1, 101)]
    assert len(json.dumps(pack_ingests(refs))) < 10_000


def test_a_thousand_shares_stay_below_ten_kilobytes() -> None:
    plans = [Planned(place, 0, 250, 250) for place in range(4)]
    assert len(json.dumps(shares(plans))) < 11_000


def test_plans_survive_packing() -> None:
    plans = [Planned(0, 3, 20, 1), Planned(2, 0, 1, 1)]
    assert unpack_plans(json.loads(json.dumps([plan.to_json() for plan in plans]))) == {0: plans[0], 2: plans[1]}


def test_shares_cover_the_greater_number_of_shards() -> None:
    assert shares([Planned(0, 0, 2, 1), Planned(2, 0, 1, 3)]) == [[0, 0], [0, 1], [2, 0], [2, 1], [2, 2]]


def test_what_does_not_fit_into_a_run_is_cut_off_at_a_whole_version() -> None:
    plans = [Planned(0, 0, 400, 1), Planned(1, 0, 1, 600), Planned(2, 0, 1, 1), Planned(3, 0, 1, 1)]
    assert fitting(plans, most=1000) == (plans[:2], plans[2:])
    assert fitting(plans[2:], most=1000) == (plans[2:], [])
    assert fitting([Planned(0, 0, 1001, 1)], most=1000) == ([], [Planned(0, 0, 1001, 1)])


def test_one_lost_share_makes_its_version_unsound_and_no_other() -> None:
    cut = [[0, 0], [0, 1], [2, 0]]
    states = {"copy_0": "success", "copy_1": "failed", "copy_2": "success", "verify_1": "success"}
    assert sound_places(cut, "copy", states) == {2}


def test_a_share_without_a_state_is_not_taken_for_a_success() -> None:
    assert sound_places([[0, 0]], "copy", {}) == set()
