"""How buckets are set up, and what stands at the door: clocks, regions, names, accounts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bagfill.demo.azurite import Azurite
from bagfill.demo.ministack import MiniStack
from bagfill.demo.seaweedfs import SeaweedFS
from bagfill.doctor.model import Identity, Verdict
from bagfill.storage.location import Provider
from contracts.stub_provider import refusing
from doctor_place import Place, account_key, aws, location, s3_place

pytestmark = pytest.mark.servers


def rule(prefix: str = "", **what: object) -> dict[str, object]:
    return {"Rules": [{"ID": "rule", "Status": "Enabled", "Filter": {"Prefix": prefix}, **what}]}


def put_rules(place: Place, rules: dict[str, object]) -> None:
    place.client.put_bucket_lifecycle_configuration(Bucket=place.location.bucket, LifecycleConfiguration=rules)


def archiving(days: int) -> dict[str, object]:
    return rule(Transitions=[{"Days": days, "StorageClass": "DEEP_ARCHIVE"}])


def test_a_bucket_without_rules_is_all_right(at_ministack: Place) -> None:
    examined = at_ministack.examine()
    assert examined.said("lifecycle-archives") == {Verdict.GOOD}
    assert examined.said("lifecycle-deletes") == {Verdict.GOOD}


def test_a_rule_that_archives_must_be_known(at_ministack: Place) -> None:
    put_rules(at_ministack, archiving(30))
    [found] = at_ministack.examine().of("lifecycle-archives")
    assert found.diagnosis.verdict is Verdict.MEND
    assert "'rule'" in found.diagnosis.seen
    assert 'archives_after = "30 days"' in found.diagnosis.advice
    at_ministack.change(archives_after=timedelta(days=30))
    assert at_ministack.examine().said("lifecycle-archives") == {Verdict.GOOD}
    at_ministack.change(archives_after=timedelta(days=60))
    assert at_ministack.examine().said("lifecycle-archives") == {Verdict.MEND}


def test_a_rule_that_deletes_is_found_and_one_for_other_keys_is_not(at_ministack: Place) -> None:
    put_rules(at_ministack, rule("logs/", Expiration={"Days": 3}))
    at_ministack.change(prefix="bags/")
    assert at_ministack.examine().said("lifecycle-deletes") == {Verdict.GOOD}
    put_rules(at_ministack, rule("bags/digitised/", Expiration={"Days": 3}))
    [found] = at_ministack.examine().of("lifecycle-deletes")
    assert found.diagnosis.verdict is Verdict.MEND
    assert "3 days" in found.diagnosis.seen


def test_a_rule_that_drops_uploads_is_advised(at_ministack: Place) -> None:
    assert at_ministack.examine().said("uploads-kept") == {Verdict.ADVICE}
    put_rules(at_ministack, rule(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 14}))
    assert at_ministack.examine().said("uploads-kept") == {Verdict.GOOD}


def test_versions_are_looked_at_and_a_delete_marker_of_ours_is_named(at_ministack: Place) -> None:
    assert at_ministack.examine().said("versions-off") == {Verdict.ADVICE}
    bucket = at_ministack.location.bucket
    at_ministack.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    examined = at_ministack.examine()
    assert examined.said("versions-off") == {Verdict.GOOD}
    versions = at_ministack.client.list_object_versions(Bucket=bucket)
    marked = {entry["Key"] for entry in versions.get("DeleteMarkers", [])}
    assert {f"{key} (a delete marker)" for key in marked} <= set(examined.remains)
    assert all(key.startswith("bagfill-probe/") for key in marked)


def test_object_lock_and_a_legal_hold_are_told_apart(ministack: MiniStack) -> None:
    place = s3_place(ministack, ObjectLockEnabledForBucket=True)
    examined = place.examine()
    assert examined.said("locked") == {Verdict.NOTE}
    assert examined.said("legal-hold") == {Verdict.GOOD}
    held = {"Bucket": place.location.bucket, "Key": "digitised/b1/v1/bagit.txt"}
    place.client.put_object_legal_hold(**held, LegalHold={"Status": "ON"})
    assert place.examine().said("legal-hold") == {Verdict.NOTE}


def test_a_bucket_that_strangers_may_list_is_found(at_ministack: Place, at_seaweedfs: Place) -> None:
    # MiniStack asks nobody who they are.
    assert Verdict.MEND in at_ministack.examine().said("public")
    assert Verdict.MEND not in at_seaweedfs.examine().said("public")


def test_a_container_that_strangers_may_list_is_found(at_azurite: Place) -> None:
    assert Verdict.MEND not in at_azurite.examine().said("public")
    at_azurite.client.set_container_access_policy({}, public_access="container")
    assert Verdict.MEND in at_azurite.examine().said("public")


def test_what_only_an_inspector_may_ask_is_unknown_until_there_is_one(at_azurite: Place, azurite: Azurite) -> None:
    examined = at_azurite.examine()
    for code in ("locked", "legal-hold", "public"):
        assert Verdict.UNKNOWN in examined.said(code), code
        assert "inspect_connection" in examined.of(code)[-1].diagnosis.advice
    assert examined.verdict is Verdict.UNKNOWN
    at_azurite.connect("inspector", account_key(azurite))
    at_azurite.change(inspect_connection="inspector")
    examined = at_azurite.examine()
    assert examined.said("locked", Identity.INSPECTOR) == {Verdict.GOOD}
    assert examined.said("locked", Identity.READER) == set()
    # Azure's rules are told by another API: somebody has to look, and the command for it is there.
    assert examined.said("lifecycle-deletes") == {Verdict.NOTE}
    assert "management-policy" in examined.of("lifecycle-deletes")[0].diagnosis.advice


@pytest.mark.parametrize(
    ("off", "verdict", "words"),
    [
        (timedelta(seconds=1), Verdict.GOOD, ""),
        (timedelta(seconds=100), Verdict.ADVICE, "ahead of"),
        (timedelta(minutes=-20), Verdict.MEND, "behind"),
    ],
)
def test_a_clock_that_is_off_is_told_in_seconds(
    at_ministack: Place, off: timedelta, verdict: Verdict, words: str
) -> None:
    at_ministack.change(writable=False)
    [found] = at_ministack.examine(now=lambda: datetime.now(UTC) + off).of("clock-skew")
    assert found.diagnosis.verdict is verdict
    assert words in found.diagnosis.seen
    seconds = int(found.diagnosis.seen.removeprefix("this machine is ").partition(" s ")[0])
    assert abs(seconds - abs(off.total_seconds())) < 30


def stubbed(provider: Provider, url: str) -> Place:
    place = Place(location(provider, "bucket"), {}, None)
    place.change(writable=False)
    if provider is Provider.AMAZON_S3:
        place.connect("reader", aws(url, "key", "secret"))
    else:
        text = f"BlobEndpoint={url}/account;SharedAccessSignature=sv=x"
        place.connect("reader", {"conn_type": "wasb", "extra": {"connection_string": text}})
    return place


@pytest.mark.parametrize(
    ("provider", "status", "code", "found"),
    [
        (Provider.AMAZON_S3, 403, "RequestTimeTooSkewed", "clock-skew"),
        (Provider.AMAZON_S3, 403, "SignatureDoesNotMatch", "identity-refused"),
        (Provider.AMAZON_S3, 403, "ExpiredToken", "identity-refused"),
        (Provider.AMAZON_S3, 301, "PermanentRedirect", "region-wrong"),
        (Provider.AMAZON_S3, 404, "NoSuchBucket", "bucket-unknown"),
        (Provider.AMAZON_S3, 403, "AccessDenied", "may-not-list"),
        (Provider.AZURE_BLOB_STORAGE, 403, "AuthenticationFailed", "identity-refused"),
        (Provider.AZURE_BLOB_STORAGE, 404, "ContainerNotFound", "bucket-unknown"),
        (Provider.AZURE_BLOB_STORAGE, 403, "AuthorizationPermissionMismatch", "may-not-list"),
    ],
)
def test_what_refuses_at_the_door_is_told_apart(provider: Provider, status: int, code: str, found: str) -> None:
    with refusing(status, code) as stub:
        examined = stubbed(provider, stub.url).examine()
    assert found in examined.to_mend()
    others = {"clock-skew", "identity-refused", "region-wrong", "bucket-unknown"} - {found}
    assert not others & examined.to_mend()


def test_the_region_of_a_bucket_is_compared_with_the_connections(at_ministack: Place, ministack: MiniStack) -> None:
    at_ministack.connect(
        "reader", aws(ministack.endpoint, ministack.access_key, ministack.secret_key, region="eu-west-1")
    )
    [found] = at_ministack.examine().of("region-wrong", Identity.READER)
    assert found.diagnosis.verdict is Verdict.MEND
    assert "the bucket is in us-east-1, the connection says eu-west-1" in found.diagnosis.seen


def test_a_bucket_that_is_not_there_is_found(at_seaweedfs: Place) -> None:
    at_seaweedfs.change(bucket="no-such-bucket-here")
    assert at_seaweedfs.examine().to_mend() == {"bucket-unknown"}


def test_an_unknown_key_is_found(at_seaweedfs: Place, seaweedfs: SeaweedFS) -> None:
    at_seaweedfs.connect("reader", aws(seaweedfs.endpoint, "nobody", "wrong"))
    at_seaweedfs.change(writable=False)
    assert at_seaweedfs.examine().to_mend() == {"identity-refused"}


def test_an_account_without_an_address_is_told_from_one_that_does_not_answer() -> None:
    nowhere = stubbed(Provider.AZURE_BLOB_STORAGE, "http://no-such-account.invalid")
    assert nowhere.examine().to_mend() == {"host-unknown"}
    # Port 1 of this machine: refused at once.
    silent = stubbed(Provider.AZURE_BLOB_STORAGE, "http://127.0.0.1:1").examine()
    assert silent.said("host-unknown") == {Verdict.UNKNOWN}
    assert silent.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(("status", "code"), [(500, "InternalError"), (503, "SlowDown")])
def test_trouble_at_the_provider_is_never_taken_for_an_answer(status: int, code: str) -> None:
    with refusing(status, code) as stub:
        examined = stubbed(Provider.AMAZON_S3, stub.url).examine()
    assert examined.to_mend() == set()
    assert examined.verdict is Verdict.UNKNOWN
