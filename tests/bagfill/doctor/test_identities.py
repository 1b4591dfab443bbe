"""What identities must and must not be able to do, against servers that enforce it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from bagfill.demo.azurite import Azurite
from bagfill.demo.ports import free_port, release_ports
from bagfill.demo.readiness import answers_http
from bagfill.demo.seaweedfs import SeaweedFS
from bagfill.demo.server import installed_script
from bagfill.doctor.model import Identity, Verdict
from bagfill.storage.location import Provider, ThawDefaults
from doctor_place import Place, account_key, account_signature, aws, location, signature

pytestmark = pytest.mark.servers


def test_a_reader_that_may_only_read_is_all_right(at_seaweedfs: Place) -> None:
    examined = at_seaweedfs.examine()
    assert examined.to_mend(Identity.READER) == set()
    for code in ("may-not-list", "may-not-stat", "may-not-read", "may-delete", "reader-may-write"):
        assert examined.said(code, Identity.READER) == {Verdict.GOOD}, code


def test_an_identity_that_may_delete_is_found_and_nothing_is_deleted(at_seaweedfs: Place) -> None:
    examined = at_seaweedfs.examine()
    found = examined.of("may-delete", Identity.WRITER)
    assert {f.diagnosis.verdict for f in found} == {Verdict.MEND}
    assert {f.diagnosis.seen.split(":")[1] for f in found} == {"DeleteObjectVersion", "DeleteObject"}
    listed = at_seaweedfs.client.list_objects_v2(Bucket=at_seaweedfs.location.bucket)["Contents"]
    assert {entry["Key"] for entry in listed} == {"digitised/b1/v1/bagit.txt", *examined.remains}


def test_a_writer_that_may_only_read_is_told_which_action_is_missing(at_seaweedfs: Place, seaweedfs: SeaweedFS) -> None:
    at_seaweedfs.connect("writer", aws(seaweedfs.endpoint, seaweedfs.reader_access_key, seaweedfs.reader_secret_key))
    examined = at_seaweedfs.examine()
    [create] = examined.of("may-not-create", Identity.WRITER)
    assert create.diagnosis.verdict is Verdict.MEND
    assert "s3:PutObject" in create.diagnosis.advice
    assert f"arn:aws:s3:::{at_seaweedfs.location.bucket}/" in create.diagnosis.advice
    assert examined.remains == []
    assert examined.said("one-identity") == {Verdict.ADVICE}


def test_what_is_written_lies_below_the_probe_prefix_and_is_named(at_seaweedfs: Place) -> None:
    at_seaweedfs.change(probe_prefix="digitised-probes/bagfill-probe/")
    examined = at_seaweedfs.examine()
    listed = at_seaweedfs.client.list_objects_v2(Bucket=at_seaweedfs.location.bucket)["Contents"]
    written = {entry["Key"] for entry in listed} - {"digitised/b1/v1/bagit.txt"}
    assert written == set(examined.remains)
    assert all(key.startswith("digitised-probes/bagfill-probe/") for key in written)
    assert len(written) == 1


@pytest.mark.parametrize("place", ["at_seaweedfs", "at_ministack"])
def test_without_a_probe_prefix_nothing_is_written_and_that_is_said(place: str, request: pytest.FixtureRequest) -> None:
    here: Place = request.getfixturevalue(place)
    here.change(probe_prefix=None)
    examined = here.examine()
    assert examined.said("may-not-create", Identity.WRITER) == {Verdict.UNKNOWN}
    assert "probe_prefix" in examined.of("may-not-create")[0].diagnosis.advice
    listed = here.client.list_objects_v2(Bucket=here.location.bucket)["Contents"]
    assert [entry["Key"] for entry in listed] == ["digitised/b1/v1/bagit.txt"]
    assert examined.remains == []


def test_signatures_of_azure_are_all_right_when_they_hold_no_more_than_they_must(at_azurite: Place) -> None:
    examined = at_azurite.examine()
    assert examined.to_mend() == set()
    assert examined.said("may-delete") == {Verdict.GOOD}
    assert examined.said("reader-may-write", Identity.READER) == {Verdict.GOOD}
    # No signature of Azure permits blocks and forbids to overwrite.
    assert examined.said("may-overwrite", Identity.WRITER) == {Verdict.ADVICE}


def test_an_azure_signature_that_may_only_create_cannot_stage(at_azurite: Place, azurite: Azurite) -> None:
    at_azurite.connect("writer", signature(azurite, at_azurite.location.bucket, "rlc"))
    examined = at_azurite.examine()
    assert examined.to_mend(Identity.WRITER) == {"may-not-stage"}
    assert "Put Block" in examined.of("may-not-stage")[0].diagnosis.advice
    assert examined.said("may-overwrite", Identity.WRITER) == {Verdict.GOOD}
    assert examined.said("conditions-ignored", Identity.WRITER) == {Verdict.GOOD}


@pytest.mark.parametrize(
    ("thaw", "to_mend"), [("rlcw", set()), ("rl", {"may-not-thaw"}), ("r", {"may-not-list", "may-not-thaw"})]
)
def test_where_thaws_make_copies_their_container_is_looked_at(
    at_azurite: Place, azurite: Azurite, thaw: str, to_mend: set[str]
) -> None:
    copies = f"{at_azurite.location.bucket}-copies"
    BlobServiceClient.from_connection_string(azurite.connection_string).create_container(copies)
    # A signature reaches one container: here that of the copies is all that the identity needs to be right for.
    at_azurite.connect("thaw", signature(azurite, copies, thaw))
    at_azurite.connect("reader", account_signature(azurite, "rl"))
    at_azurite.change(thaw=ThawDefaults(copies=copies), thaw_connection="thaw", writable=False, probe_prefix=None)
    found = [f for f in at_azurite.examine().examination.findings if f.subject == "place: copies"]
    assert {f.identity for f in found} == {Identity.READER, Identity.THAWER}
    assert {f.code for f in found if f.diagnosis.verdict is Verdict.MEND} == to_mend
    assert {f.code for f in found} >= {"may-not-list", "may-not-stat", "may-not-read", "may-not-thaw", "may-delete"}


def test_where_thaws_make_copies_nobody_needs_to_change_a_blob_of_a_bag(at_azurite: Place, azurite: Azurite) -> None:
    copies = f"{at_azurite.location.bucket}-copies"
    BlobServiceClient.from_connection_string(azurite.connection_string).create_container(copies)
    at_azurite.change(thaw=ThawDefaults(copies=copies), thaw_connection="thaw")
    for permission, verdict in (("rl", Verdict.GOOD), ("rlw", Verdict.ADVICE)):
        at_azurite.connect("thaw", signature(azurite, at_azurite.location.bucket, permission))
        of_bags = [
            f.diagnosis.verdict
            for f in at_azurite.examine().of("may-not-thaw", Identity.THAWER)
            if f.subject == "place"
        ]
        assert of_bags == [verdict], permission


def test_an_account_key_is_found_to_be_too_much(at_azurite: Place, azurite: Azurite) -> None:
    for name in ("reader", "writer"):
        at_azurite.connect(name, account_key(azurite))
    examined = at_azurite.examine()
    assert examined.to_mend(Identity.READER) == {"may-delete", "reader-may-write"}
    assert examined.to_mend(Identity.WRITER) == {"may-delete"}
    assert examined.said("one-identity") == {Verdict.ADVICE}
    names = {blob.name for blob in at_azurite.client.list_blobs()}
    assert names == {"digitised/b1/v1/bagit.txt", *(key for key in examined.remains if " (" not in key)}


def test_a_server_that_ignores_conditions_is_refused(tmp_path: Path) -> None:
    """Rclone's S3 server answers 200 to a second create of the same key."""
    (tmp_path / "bucket").mkdir()
    port = free_port()
    command = [str(installed_script("rclone", "rclone")), "serve", "s3", f"--addr=127.0.0.1:{port}"]
    server = subprocess.Popen(
        [*command, "--auth-key=key,secret", "--config=", str(tmp_path)], stderr=subprocess.DEVNULL
    )
    try:
        is_ready = answers_http(port, "/")
        while not is_ready():
            assert server.poll() is None
        place = Place(location(Provider.AMAZON_S3, "bucket"), {}, None)
        for name in ("reader", "writer"):
            place.connect(name, aws(f"http://127.0.0.1:{port}", "key", "secret"))
        examined = place.examine()
    finally:
        server.kill()
        server.wait()
        release_ports(port)
    assert examined.said("conditions-ignored", Identity.WRITER) == {Verdict.MEND}
    written = {
        str(path.relative_to(tmp_path / "bucket")) for path in (tmp_path / "bucket").rglob("*") if path.is_file()
    }
    assert written <= {key.partition(" ")[0] for key in examined.remains}
