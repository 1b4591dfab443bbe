"""The settings file: what is read, and what is told when it is wrong."""

from __future__ import annotations

import copy
import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bagfill.audit.rules import AuditRules
from bagfill.bag.rules.finding import Profile
from bagfill.planning.limits import Limits
from bagfill.settings import DEFAULT_PATH, Settings, SettingsError, load_settings, parse_settings, settings_path
from bagfill.settings.sections import AuditSection, LimitsSection, SigningSource
from bagfill.storage.held_names import NamesHeld
from bagfill.storage.location import Provider
from bagfill.storage.store import ThawTier

FILE = Path("/etc/bagfill/bagfill.toml")


def document(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "registry": {"database": "sqlite:///registry.sqlite"},
        "work_area": {"path": "state/work"},
        "receipts": {"path": "state/receipts"},
        "manifests": {"path": "state/manifests"},
        "locations": [
            {"name": "primary", "provider": "amazon-s3", "bucket": "storage", "read_connection": "aws_read"},
            {"name": "azure", "provider": "azure-blob-storage", "container": "replicas", "write_connection": "wasb"},
        ],
    }
    return {**found, **changes}


def parse(environ: dict[str, str] | None = None, **changes: Any) -> Settings:
    return parse_settings(document(**changes), FILE, environ or {})


def problems(environ: dict[str, str] | None = None, **changes: Any) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        parse(environ, **changes)
    assert all(problem in str(raised.value) for problem in raised.value.problems)
    return list(raised.value.problems)


def location(**keys: Any) -> dict[str, Any]:
    return {"name": "one", "provider": "amazon-s3", "bucket": "storage", **keys}


def test_the_example_in_the_repository_is_valid() -> None:
    settings = load_settings(DEFAULT_PATH, {})
    assert set(settings.locations) == {"primary", "azure", "shelf"}
    assert settings.limits == Limits()
    assert settings.path == DEFAULT_PATH


def test_the_file_is_named_by_argument_then_environment_then_default(tmp_path: Path) -> None:
    assert settings_path(tmp_path / "a.toml", {"BAGFILL_CONFIG": "/b.toml"}) == tmp_path / "a.toml"
    assert settings_path(None, {"BAGFILL_CONFIG": "/b.toml"}) == Path("/b.toml")
    assert settings_path(None, {}) == DEFAULT_PATH


def test_locations_are_writable_with_a_write_connection_unless_said_otherwise() -> None:
    rows = [
        location(name="a", bucket="aaa"),
        location(name="b", bucket="bbb", write_connection="w"),
        location(name="c", bucket="ccc", write_connection="w", writable=False),
        {"name": "d", "provider": "local", "path": "/srv/bags", "writable": True},
    ]
    settings = parse(locations=rows)
    assert {name: found.writable for name, found in settings.locations.items()} == {
        "a": False,
        "b": True,
        "c": False,
        "d": True,
    }


def test_relative_paths_start_at_the_file() -> None:
    settings = parse(locations=[{"name": "d", "provider": "local", "path": "bags"}])
    assert settings.locations["d"].bucket == "/etc/bagfill/bags"
    assert settings.work_area.location.bucket == "/etc/bagfill/state/work"
    assert settings.database.get_secret_value() == "sqlite:////etc/bagfill/registry.sqlite"


def test_areas_may_lie_at_a_provider() -> None:
    area = {"provider": "amazon-s3", "bucket": "areas", "prefix": "work/", "connection": "areas"}
    found = parse(work_area=area).work_area.location
    assert (found.provider, found.bucket, found.prefix) == (Provider.AMAZON_S3, "areas", "work/")
    assert found.read_connection == found.write_connection == "areas"
    assert found.writable


def test_the_key_that_signs_is_a_file_or_a_connection() -> None:
    assert parse().signing is None
    assert parse(signing={"key": "keys/a.pem"}).signing == SigningSource(key=Path("/etc/bagfill/keys/a.pem"))
    assert parse(signing={"connection": "signing"}).signing == SigningSource(connection="signing")
    assert problems(signing={}) == ["signing: of key and connection, found neither; needed is one"]
    both = problems(signing={"key": "a", "connection": "b"})
    assert both == ["signing: of key and connection, found both; needed is one"]


def test_sizes_and_durations_are_written_for_people() -> None:
    limits = parse(limits={"shard_bytes": "2 GiB", "block_bytes": 16777216, "lease": "1h 30m"}).limits
    assert (limits.shard_bytes, limits.block_bytes) == (2 * 1024**3, 16 * 1024**2)
    assert limits.lease == timedelta(minutes=90)


def test_every_limit_can_be_set_and_defaults_are_those_of_the_core() -> None:
    assert set(LimitsSection.model_fields) == {field.name for field in dataclasses.fields(Limits)}
    assert parse().limits == Limits()


def test_thaw_defaults() -> None:
    rows = [location(thaw={"tier": "Bulk", "days": 14})]
    assert parse(locations=rows).locations["one"].thaw.tier is ThawTier.BULK


def test_variables_come_from_the_environment() -> None:
    rows = [location(bucket="${BUCKET}-${STAGE:-dev}")]
    assert parse({"BUCKET": "abc"}, locations=rows).locations["one"].bucket == "abc-dev"
    assert problems({}, locations=rows) == ["locations[0](one).bucket: the environment variable BUCKET is not set"]


def test_plain_dollar_brace() -> None:
    url = "postgresql://u:a$${b@host/db"
    assert "%24%7Bb" in parse(registry={"database": url}).database.get_secret_value()


SECRET = "hunter2"


@pytest.mark.parametrize(
    "url",
    [f"postgres://bagfill:{SECRET}@host/db", f"postgresql:bagfill:{SECRET}@host", f"mysql://x:{SECRET}@h/{'d' * 300}"],
)
def test_a_wrong_database_url_is_not_shown(url: str) -> None:
    for found in (problems(registry={"database": url}), problems({"URL": url}, registry={"database": "${URL}"})):
        assert len(found) == 1
        assert "registry.database" in found[0]
        assert "postgresql://user:password@host/database" in found[0]
        assert SECRET not in found[0]


def test_settings_show_no_secret() -> None:
    settings = parse({"PW": SECRET}, registry={"database": "postgresql://bagfill:${PW}@host/db"})
    assert SECRET not in repr(settings)
    assert SECRET in settings.database.get_secret_value()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "postgresql://host"])
def test_databases_that_cannot_be_shared_are_refused(url: str) -> None:
    assert "registry.database" in problems(registry={"database": url})[0]


def test_values_of_the_environment_are_not_shown() -> None:
    rows = [location(name="${WHO}")]
    found = problems({"WHO": f"{SECRET} {SECRET}"}, locations=rows)
    assert "${WHO}" in found[0]
    assert SECRET not in found[0]


def test_all_problems_are_told_at_once_with_their_keys() -> None:
    found = problems(
        colour="red",
        registry={},
        limits={"concurrency": 0, "lease": "soon", "shard_byte": 1},
        locations=[
            {"name": "a", "provider": "gopher"},
            location(name="b", prefix="no-slash"),
            location(name="b2", bucket="UP", thaw={"tier": "Warp", "days": 0}),
        ],
        policies=[{"locations": ["nowhere"]}],
    )
    text = "\n".join(found)
    for key in (
        "colour: unknown key",
        "registry.database: missing",
        "limits.concurrency: found 0; allowed: greater than or equal to 1",
        "limits.lease: found 'soon'",
        "limits.shard_byte: unknown key; known are bags_at_once",
        "locations[0](a).provider: found 'gopher'; allowed: amazon-s3, azure-blob-storage, local",
        "locations[1](b).prefix: found 'no-slash'",
        "locations[2](b2).thaw.tier: found 'Warp'",
        "locations[2](b2).thaw.days: found 0",
        "policies[0].locations[0]: found 'nowhere'; known locations: a, b, b2",
    ):
        assert key in text


@pytest.mark.parametrize("prefix", ["x", "/x/", "a//b/", "../x/", "a/./b/", "/"])
def test_wrong_prefixes(prefix: str) -> None:
    assert "locations[0](one).prefix" in problems(locations=[location(prefix=prefix)])[0]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"provider": "amazon-s3"}, "found none of them; needed is bucket"),
        ({"provider": "azure-blob-storage", "bucket": "abc"}, "found bucket; needed is container"),
        ({"provider": "local", "path": "/x", "bucket": "abc"}, "found bucket and path; needed is path"),
        ({"provider": "azure-blob-storage", "container": "No_Such"}, "container: found 'No_Such'"),
        ({"provider": "memory"}, "allowed: amazon-s3, azure-blob-storage, local"),
    ],
)
def test_each_provider_has_its_own_key(keys: dict[str, str], told: str) -> None:
    assert told in problems(locations=[{"name": "one", **keys}])[0]


def test_two_locations_of_one_name() -> None:
    rows = [location(), location(bucket="other")]
    assert problems(locations=rows) == ["locations[1](one).name: 'one' is the name of locations[0]"]


@pytest.mark.parametrize(
    ("first", "second", "apart"),
    [
        ("", "", False),
        ("", "bags/", False),
        ("bags/", "bags/old/", False),
        ("bags/", "bags2/", True),
        ("a/", "b/", True),
    ],
)
def test_locations_may_not_lie_inside_one_another(first: str, second: str, apart: bool) -> None:
    rows = [location(name="a", prefix=first), location(name="b", prefix=second, read_connection="other_endpoint")]
    if apart:
        assert len(parse(locations=rows).locations) == 2
    else:
        assert "must lie apart from location 'a'" in problems(locations=rows)[0]


@pytest.mark.parametrize("key", ["work_area", "receipts", "manifests"])
@pytest.mark.parametrize("path", ["/srv", "/srv/bags", "/srv/bags/work"])
def test_areas_lie_outside_of_replicas(key: str, path: str) -> None:
    rows = [{"name": "shelf", "provider": "local", "path": "/srv", "prefix": "bags/"}]
    found = problems(locations=rows, **{key: {"path": path}})
    assert f"{key}: must lie apart from location 'shelf'" in found[0]


def test_areas_beside_the_replicas_of_one_folder_are_fine() -> None:
    rows = [{"name": "shelf", "provider": "local", "path": "/srv", "prefix": "bags/"}]
    assert parse(locations=rows, work_area={"path": "/srv/bags-work"}).work_area.location.bucket == "/srv/bags-work"


def test_areas_lie_apart_from_each_other() -> None:
    assert "receipts: must lie apart from the work area" in problems(receipts={"path": "state/work/receipts"})[0]


def cold(container: str = "bags", copies: str = "thawed-copies") -> dict[str, Any]:
    return {"name": container, "provider": "azure-blob-storage", "container": container, "thaw": {"copies": copies}}


def test_thawed_copies_have_a_container_of_their_own() -> None:
    assert parse(locations=[cold()]).locations["bags"].thaw.copies == "thawed-copies"
    # Two locations of one account may share it: names of copies are names of blobs.
    assert len(parse(locations=[cold(), cold("more-bags")]).locations) == 2


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([cold(copies="bags")], "this one is that of 'bags'"),
        ([cold(), cold("thawed-copies", "others")], "this one is that of 'thawed-copies'"),
        ([cold(copies="Not_A_Container")], "copies"),
        ([location(thaw={"copies": "thawed"})], "thaw.copies is for azure-blob-storage; this location is amazon-s3"),
    ],
)
def test_a_container_of_copies_in_which_something_else_lies_is_refused(rows: list[Any], told: str) -> None:
    assert told in problems(locations=rows)[0]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"a = ", "is not TOML"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"locations = 3", "needed are tables headed [[locations]]"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, data: bytes, told: str) -> None:
    (tmp_path / "x.toml").write_bytes(data)
    with pytest.raises(SettingsError, match=r".*") as raised:
        load_settings(tmp_path / "x.toml", {})
    assert told in str(raised.value).replace("\\", "")


def test_a_missing_file_says_how_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="BAGFILL_CONFIG"):
        load_settings(tmp_path / "none.toml", {})


def test_errors_cross_process_borders() -> None:
    with pytest.raises(SettingsError) as raised:
        parse(locations=[])
    assert copy.copy(raised.value).problems == raised.value.problems


def test_by_which_rules_bags_are_judged_is_said_for_all_and_for_a_policy() -> None:
    assert parse().profile is Profile.BAGIT
    settings = parse(
        rules={"profile": "storage-service"},
        policies=[{"locations": ["primary"]}, {"locations": ["primary"], "profile": "bagit"}],
    )
    assert settings.profile is Profile.STORAGE_SERVICE
    assert [policy.profile for policy in settings.policies] == [None, Profile.BAGIT]
    (told,) = problems(rules={"profile": "strict"})
    assert told.startswith("rules.profile: found 'strict'; allowed: 'bagit' or 'storage-service'")


def test_which_names_a_place_holds_apart_is_said_in_words() -> None:
    assert parse().locations["primary"].names is NamesHeld.EXACT
    folder = {"name": "disk", "provider": "local", "path": "disk", "names": "case-insensitive-nfc"}
    assert parse(locations=[location(), folder]).locations["disk"].names is NamesHeld.CASE_INSENSITIVE_NFC
    (told,) = problems(locations=[location(names="upper")])
    assert "found 'upper'" in told
    assert "'case-insensitive'" in told


def test_audits_have_their_numbers() -> None:
    assert parse().audit == AuditRules()
    audit = parse(audit={"period": "30 days", "confidence": 0.99, "thaw_bytes": "10 GiB"}).audit
    assert audit == AuditRules(period=timedelta(days=30), confidence=0.99, thaw_bytes=10 << 30)
    assert dataclasses.asdict(AuditRules()).keys() == AuditSection.model_fields.keys()


@pytest.mark.parametrize(
    "wrong", [{"period": "1h"}, {"confidence": 1.0}, {"detectable_loss": 0.0}, {"thaw_days": 0}, {"thaw_bytes": "-1"}]
)
def test_audits_refuse_nonsense(wrong: dict[str, Any]) -> None:
    [problem] = problems(audit=wrong)
    assert problem.startswith(f"audit.{next(iter(wrong))}:")


def test_a_location_says_when_it_archives() -> None:
    assert parse().locations["azure"].archives_after is None
    [found] = parse(locations=[location(archives_after="30 days", verify_rate="5 MiB")]).locations.values()
    assert (found.archives_after, found.verify_rate) == (timedelta(days=30), 5 << 20)
