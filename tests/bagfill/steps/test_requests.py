"""Requests from outside: every field is checked, every problem is named, nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.bag.identifiers import BagId, BagVersion, BagVersionId
from bagfill.campaigns.memory import MemoryCampaigns
from bagfill.campaigns.model import Campaign, Definition, Scope
from bagfill.planning.budget import Caps
from bagfill.registry.registry import Added
from bagfill.steps.requests import FIELDS, BackfillRequest, RequestError
from bagfill.steps.services import CallbackRules, Services
from bagfill.storage.store import ThawTier
from contracts.campaigns_contract import campaign
from contracts.sample_manifests import sample_manifest
from world import World

GOOD = {"space": "digitised", "external_identifier": "b1234", "destination": "azure"}


@pytest.fixture
def services() -> Services:
    campaigns = MemoryCampaigns()
    campaigns.create(campaign("azure-2026"), who="ada")
    rules = CallbackRules(("callbacks.example.org", "localhost:8080"))
    return replace(World().services(), callbacks=rules, campaigns=campaigns)


def problems(services: Services, fields: Mapping[str, Any], request_id: str = "bag__test") -> tuple[str, ...]:
    with pytest.raises(RequestError) as caught:
        BackfillRequest.parse(services, request_id, fields)
    assert not caught.value.retryable
    return caught.value.problems


def test_a_request_with_every_field_is_read_whole(services: Services) -> None:
    fields = {
        **GOOD,
        "version": "v3",
        "source": "primary",
        "thaw_tier": "Bulk",
        "thaw_days": 3,
        "callback_url": "https://callbacks.example.org/done?x=1",
        "campaign": "azure-2026",
    }
    request = BackfillRequest.parse(services, "bag__test", fields)

    assert request == BackfillRequest(
        request_id="bag__test",
        bag=BagId.parse("digitised/b1234"),
        destination="azure",
        version=BagVersion(3),
        source="primary",
        thaw_tier=ThawTier.BULK,
        thaw_days=3,
        callback_url="https://callbacks.example.org/done?x=1",
        campaign="azure-2026",
    )
    assert set(fields) == set(FIELDS)


def test_a_campaign_must_exist_serve_the_destination_and_hold_the_bag(services: Services) -> None:
    elsewhere = Campaign("elsewhere", Definition(Scope(spaces=("born",)), "primary"), Caps(), services.clock())
    services.campaigns.create(elsewhere, who="ada")
    assert problems(services, {**GOOD, "campaign": "none"}) == ("campaign: no campaign is named 'none'",)
    first, second = problems(services, {**GOOD, "campaign": "elsewhere"})
    assert "is for destination 'primary'" in first
    assert "digitised/b1234 is not in the scope" in second


@pytest.mark.parametrize("nothing", [None, ""])
def test_none_and_empty_text_count_as_not_given(services: Services, nothing: str | None) -> None:
    optional = dict.fromkeys(set(FIELDS) - set(GOOD), nothing)
    assert BackfillRequest.parse(services, "r", {**GOOD, **optional}) == BackfillRequest.parse(services, "r", GOOD)


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_field_is_named(services: Services, name: str) -> None:
    assert f"{name}: missing" in problems(services, {key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("space", "a/b", "space: Space must not contain slashes, was a/b"),
        ("space", 7, "space: found 7, a text is needed"),
        ("external_identifier", "b1/", "external_identifier: External identifier cannot end with a slash, was b1/"),
        ("external_identifier", ["b1"], "external_identifier: found ['b1'], a text is needed"),
        ("version", "3", "version: found '3', needed is v1, v2, …, or nothing for all that are missing"),
        ("version", "v0", "version: found 'v0', needed is v1, v2, …, or nothing for all that are missing"),
        ("version", 3, "version: found 3, a text is needed"),
        ("destination", "moon", "destination: found 'moon', configured locations are azure, primary"),
        ("destination", "primary", "destination: 'primary' is configured for reading only"),
        ("source", "moon", "source: found 'moon', configured locations are azure, primary"),
        ("source", "azure", "source: 'azure' is also the destination"),
        ("thaw_tier", "Fast", "thaw_tier: found 'Fast', allowed are Expedited, Standard, Bulk"),
        ("thaw_days", 0, "thaw_days: found 0, allowed are whole numbers from 1 to 365"),
        ("thaw_days", 366, "thaw_days: found 366, allowed are whole numbers from 1 to 365"),
        ("thaw_days", True, "thaw_days: found True, allowed are whole numbers from 1 to 365"),
        ("thaw_days", "5", "thaw_days: found '5', allowed are whole numbers from 1 to 365"),
        (
            "callback_url",
            "ftp://callbacks.example.org/",
            "callback_url: needed is http(s)://host/…, without a user name",
        ),
        ("callback_url", "https:///x", "callback_url: needed is http(s)://host/…, without a user name"),
        ("callback_url", "http://localhost:99999/", "callback_url: not a URL"),
        ("callback_url", "https://callbacks.example.org/\t", "callback_url: not a URL"),
        ("callback_url", "https://callbacks.example.org/a b", "callback_url: not a URL"),
    ],
)
def test_a_bad_value_is_named_with_what_was_found_and_what_is_allowed(
    services: Services, name: str, value: object, said: str
) -> None:
    assert problems(services, {**GOOD, name: value}) == (said,)


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example.org/",
        "http://localhost/",
        "http://localhost:8081/",
        "https://user@callbacks.example.org/",
        "https://callbacks.example.org@evil.example/",
        "https://callbacks.example.org.evil.example/",
        "http://169.254.169.254/latest/meta-data/",
        "https://callbacks.example.org\\@evil.example/",
        "https://callbacks.example\n.org/",
    ],
)
def test_a_callback_reaches_no_host_that_is_not_allowed(services: Services, url: str) -> None:
    assert problems(services, {**GOOD, "callback_url": url})


def test_unknown_fields_are_refused_by_name(services: Services) -> None:
    said = problems(services, {**GOOD, "desination": "azure"})
    assert said == (f"'desination': unknown field; known are {', '.join(FIELDS)}",)


def test_all_problems_are_told_at_once(services: Services) -> None:
    said = problems(services, {"space": "", "version": "1", "thaw_tier": "x", "more": 1}, request_id="with space")
    assert {problem.partition(":")[0].strip("'") for problem in said} == {
        "more",
        "request id",
        "space",
        "external_identifier",
        "destination",
        "version",
        "thaw_tier",
    }


@pytest.mark.parametrize("request_id", ["", "a b", "ü", "x" * 251, "a\n"])
def test_a_request_id_that_no_workflow_can_have_is_refused(services: Services, request_id: str) -> None:
    assert problems(services, GOOD, request_id)[0].startswith("request id: ")


@pytest.mark.parametrize("identifier", ["b1234/", "b1//x", "b1 (old)"])
def test_a_stored_identifier_that_the_rules_for_new_ones_refuse_is_accepted(identifier: str) -> None:
    world = World()
    bag = BagId.parse(f"digitised/{identifier}", stored=True)
    added = world.registry.add_bag_version(sample_manifest(bag.version(1)), locations=["primary"])
    assert isinstance(added, Added)

    request = BackfillRequest.parse(world.services(), "r", {**GOOD, "external_identifier": identifier})

    assert request.bag == bag
    assert BagVersionId.parse(f"{request.bag}/v1", stored=True) == bag.version(1)


@pytest.mark.parametrize("identifier", ["b1234/", "b1//x", "b1 (old)"])
def test_the_same_identifier_is_refused_when_no_such_bag_is_stored(services: Services, identifier: str) -> None:
    assert problems(services, {**GOOD, "external_identifier": identifier})[0].startswith("external_identifier: ")


@given(st.dictionaries(st.sampled_from([*FIELDS, "other"]), st.none() | st.text() | st.integers() | st.booleans()))
def test_whatever_comes_in_is_a_request_or_a_list_of_problems(fields: dict[str, Any]) -> None:
    try:
        BackfillRequest.parse(World().services(), "r", fields)
    except RequestError as error:
        found = error.problems
    else:
        found = ("none",)
    assert found
