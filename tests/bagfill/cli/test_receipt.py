"""``bagfill receipt``: on two folders, with receipts of real backfills."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

TOOL = Path(__file__).parents[3] / "tools" / "verify_receipt.py"
BAG = "digitised/b12345672"


@pytest.fixture
def replicated(collection: Any, fill: Any, bagfill: Any, place: Any) -> Path:
    """Three versions of a bag at ``shelf``; the folder of the receipts."""
    fill(tuple(sample for sample in collection if str(sample.id.bag) == BAG))
    bagfill("import", "primary")
    assert bagfill("backfill", BAG, "--to", "shelf").code == 0
    folder: Path = place.folder / "receipts"
    return folder


def tool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", str(TOOL), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_a_backfill_leaves_is_sound_offline_and_by_its_location_and_by_the_other_verifier(
    bagfill: Any, replicated: Path
) -> None:
    offline = bagfill("receipt", "verify", replicated, "--json")
    assert (offline.code, offline.json["sound"], offline.json["problems"]) == (0, True, [])
    assert [receipt["bagVersion"] for receipt in offline.json["receipts"]] == [f"{BAG}/v{n}" for n in (1, 2, 3)]
    assert offline.json["seals"] == 3
    location = bagfill("receipt", "verify", "shelf", "--json")
    assert (location.code, location.json["problems"]) == (0, [])
    assert len(location.json["receipts"]) == 3
    other = tool(replicated)
    assert (other.returncode, other.stdout) == (0, "sound: 3 receipts (0 without a seal), 3 seals\n"), other.stderr
    assert "sound: 3 receipts, 3 seals" in bagfill("receipt", "verify", replicated).out


def test_offline_needs_no_settings(bagfill: Any, replicated: Path, place: Any, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(replicated, elsewhere)
    place.settings.write_text("nonsense")
    assert bagfill("receipt", "verify", elsewhere).code == 0
    assert bagfill("receipt", "verify", "shelf").code == 2


def test_a_receipt_by_its_name_comes_with_its_seal(bagfill: Any, replicated: Path) -> None:
    shown = bagfill("receipt", "show", f"{BAG}/v2", "--at", "shelf", "--json").json
    one = bagfill("receipt", "verify", shown["receipt"], "--json")
    assert (one.code, one.json["seals"], len(one.json["receipts"])) == (0, 1, 1)
    assert one.json["receipts"][0]["merkleRoot"] == shown["merkleRoot"]
    assert bagfill("receipt", "verify", "shelf/none/v1/x.jsonl").code == 2
    path = replicated / shown["receipt"]
    alone = bagfill("receipt", "verify", path, "--json")
    assert alone.code == 0
    assert "no seal is there" in alone.json["remarks"][0]


def test_problems_are_a_negative_answer(bagfill: Any, replicated: Path) -> None:
    seal = replicated / "shelf" / "_seals" / "000000000002.json"
    head = hashlib.sha256((replicated / "shelf" / "_seals" / "000000000003.json").read_bytes()).hexdigest()
    seal.unlink()
    broken = bagfill("receipt", "verify", replicated, "--json")
    assert broken.code == 1
    assert broken.json["problems"] == [{"where": "shelf", "problem": "seal 2 is missing from its chain"}]
    assert bagfill("receipt", "verify", replicated, "--partial").code == 0
    assert bagfill("receipt", "verify", replicated, "--partial", "--head", head).code == 0
    assert bagfill("receipt", "verify", replicated, "--partial", "--head", "0" * 64).code == 1
    assert "problem  shelf: seal 2 is missing" in bagfill("receipt", "verify", replicated).out


def test_the_registry_notices_a_chain_that_was_cut_short(bagfill: Any, replicated: Path) -> None:
    shown = bagfill("receipt", "show", f"{BAG}/v3", "--at", "shelf", "--json").json
    (replicated / shown["receipt"]).unlink()
    (replicated / "shelf" / "_seals" / "000000000003.json").unlink()
    assert bagfill("receipt", "verify", replicated).code == 0
    location = bagfill("receipt", "verify", "shelf", "--json")
    assert location.code == 1
    assert any("000000000003" in problem["where"] for problem in location.json["problems"])
    assert bagfill("receipt", "show", f"{BAG}/v3", "--at", "shelf").code == 1


def test_a_seal_that_a_killed_process_left_unwritten_is_written_from_the_registry(
    bagfill: Any, replicated: Path, place: Any
) -> None:
    seal = replicated / "shelf" / "_seals" / "000000000003.json"
    text = seal.read_bytes()
    seal.unlink()
    with sqlite3.connect(place.folder / "registry.sqlite") as database:
        database.execute("UPDATE receipt_seals SET written = NULL WHERE sequence = 3")
    done = bagfill("receipt", "seal", "shelf", "--json")
    assert (done.code, done.json["written"]) == (0, 1)
    assert done.json["head"] == {"sequence": 3, "sha256": hashlib.sha256(text).hexdigest()}
    assert seal.read_bytes() == text
    assert bagfill("receipt", "seal", "shelf", "--json").json["written"] == 0
    assert bagfill("receipt", "seal", "nowhere").code == 2


def test_something_else_in_the_place_of_a_seal_is_told_and_kept(bagfill: Any, replicated: Path, place: Any) -> None:
    seal = replicated / "shelf" / "_seals" / "000000000001.json"
    seal.write_bytes(b"{}\n")
    with sqlite3.connect(place.folder / "registry.sqlite") as database:
        database.execute("UPDATE receipt_seals SET written = NULL WHERE sequence = 1")
    done = bagfill("receipt", "seal", "shelf")
    assert done.code == 1
    assert "shelf/_seals/000000000001.json is not the seal that was made" in done.out
    assert seal.read_bytes() == b"{}\n"


def test_live_reads_the_replica_again(bagfill: Any, replicated: Path, place: Any) -> None:
    live = bagfill("receipt", "verify", "shelf", "--live", "--json")
    assert (live.code, [read["problems"] for read in live.json["live"]]) == (0, [[], [], []])
    assert sum(read["files"] for read in live.json["live"]) == sum(r["files"] for r in live.json["receipts"])
    assert bagfill("receipt", "verify", replicated, "--live").code == 0


def _flip(folder: Path) -> None:
    path = folder / "data" / "METS" / "b12345672.xml"
    path = path if path.exists() else next(each for each in sorted((folder / "data").rglob("*")) if each.is_file())
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (_flip, "expected sha256:"),
        (lambda folder: (folder / "bag-info.txt").unlink(), "not there"),
        (lambda folder: (folder / "stray").write_bytes(b"x"), "not in the receipt"),
        (lambda folder: (folder / "bag-info.txt").open("ab").write(b"x"), "bytes, saw"),
    ],
    ids=["bit", "missing", "stray", "longer"],
)
def test_live_tells_what_became_of_a_replica(
    bagfill: Any, replicated: Path, place: Any, damage: Callable[[Path], Any], word: str
) -> None:
    damage(Path(place.shelf.bucket) / BAG / "v1")
    live = bagfill("receipt", "verify", replicated, "--live", "--json")
    assert live.code == 1
    first, *others = live.json["live"]
    assert len(first["problems"]) == 1
    assert word in first["problems"][0]
    assert [read["problems"] for read in others] == [[], []]


def test_live_does_not_take_unreadable_for_wrong(bagfill: Any, replicated: Path, place: Any) -> None:
    shutil.move(place.shelf.bucket, f"{place.shelf.bucket}.away")
    live = bagfill("receipt", "verify", replicated, "--live", "--json")
    assert live.code == 2
    assert all(read["unread"] and not read["problems"] for read in live.json["live"])


def test_the_same_bytes_written_anew_are_no_problem(bagfill: Any, replicated: Path, place: Any) -> None:
    path = Path(place.shelf.bucket) / BAG / "v1" / "bag-info.txt"
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)
    live = bagfill("receipt", "verify", replicated, "--live", "--json")
    assert live.code == 0
    assert live.json["live"][0]["remarks"] == ["bag-info.txt: was replaced since, by the same bytes"]


def test_show_tells_what_the_receipt_says(bagfill: Any, replicated: Path) -> None:
    shown = bagfill("receipt", "show", BAG, "--at", "shelf", "--json").json
    assert shown["header"]["bagVersion"] == f"{BAG}/v3"
    assert shown["header"]["ingest"]["requestId"].startswith("cli")
    assert shown["header"]["source"]["name"] == "primary"
    assert shown["seal"]["sequence"] == 3
    assert shown["seal"]["receipt"]["sha256"] == shown["sha256"]
    # v3 fetches from older versions; each is named with the receipt that proved it.
    for dependency in shown["header"]["dependencies"]:
        path = replicated / dependency["receipt"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == dependency["sha256"]
    assert shown["header"]["dependencies"]
    words = bagfill("receipt", "show", f"{BAG}/v1", "--at", "shelf")
    assert "seal 1, shelf/_seals/000000000001.json" in words.out
    raw = bagfill("receipt", "show", f"{BAG}/v3", "--at", "shelf", "--raw")
    assert raw.out.encode() == (replicated / shown["receipt"]).read_bytes()
    files = [json.loads(line) for line in raw.out.splitlines()[1:-1]]
    ways = {entry["how"] for file in files for entry in file["obtained"]}
    assert ways == {"manifest", "source-read", "destination-read"}


def test_what_has_no_receipt_is_told(bagfill: Any, replicated: Path) -> None:
    imported = bagfill("receipt", "show", BAG, "--at", "primary")
    assert (imported.code, "learnt by import" in imported.err) == (1, True)
    assert bagfill("receipt", "show", "digitised/none", "--at", "shelf").code == 2
    assert bagfill("receipt", "show", BAG, "--at", "nowhere").code == 2
    assert bagfill("receipt", "show", "nonsense", "--at", "shelf").code == 2


def test_premis_is_xml_of_one_receipt(bagfill: Any, replicated: Path) -> None:
    shown = bagfill("receipt", "show", BAG, "--at", "shelf", "--json").json
    printed = bagfill("receipt", "premis", shown["receipt"])
    assert printed.code == 0
    root = ET.fromstring(printed.out.encode())  # noqa: S314 - our own
    assert root.tag == "{http://www.loc.gov/premis/v3}premis"
    assert len(root.findall("{http://www.loc.gov/premis/v3}object")) == shown["files"] + 2
    path = replicated / shown["receipt"]
    assert bagfill("receipt", "premis", path).out == printed.out
    path.write_bytes(path.read_bytes()[:-10])
    damaged = bagfill("receipt", "premis", path)
    assert (damaged.code, "the receipt is damaged" in damaged.err) == (2, True)
    assert bagfill("receipt", "premis", "shelf/none.jsonl").code == 2


def test_signed_seals_are_verified_by_the_public_key(
    bagfill: Any, collection: Any, fill: Any, place: Any, tmp_path: Path
) -> None:
    key = Ed25519PrivateKey.generate()
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for name, public in (("key.pub", key.public_key()), ("other.pub", Ed25519PrivateKey.generate().public_key())):
        (tmp_path / name).write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    place.settings.write_text(place.settings.read_text() + '\n[signing]\nkey = "key.pem"\n')
    fill(tuple(sample for sample in collection if str(sample.id.bag) == BAG))
    bagfill("import", "primary")
    assert bagfill("backfill", BAG, "--to", "shelf").code == 0
    receipts = place.folder / "receipts"

    signed = bagfill("receipt", "verify", receipts, "--public-key", tmp_path / "key.pub", "--json")
    assert (signed.code, signed.json["signaturesChecked"]) == (0, True)
    other = bagfill("receipt", "verify", receipts, "--public-key", tmp_path / "other.pub")
    assert (other.code, "is signed by another key" in other.out) == (1, True)
    fingerprint = hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest()
    assert f"signed by {fingerprint}" in bagfill("receipt", "show", BAG, "--at", "shelf").out
    assert tool(receipts).returncode == 0
    assert bagfill("receipt", "verify", receipts, "--public-key", tmp_path / "key.pem").code == 2
    assert bagfill("receipt", "verify", receipts, "--public-key", tmp_path / "none.pub").code == 2


def test_without_the_key_nothing_is_registered_and_the_reason_says_so(
    bagfill: Any, collection: Any, fill: Any, place: Any
) -> None:
    place.settings.write_text(place.settings.read_text() + '\n[signing]\nkey = "missing.pem"\n')
    fill(tuple(sample for sample in collection if str(sample.id) == f"{BAG}/v1"))
    bagfill("import", "primary")
    done = bagfill("backfill", BAG, "--to", "shelf", "--json")
    assert (done.code, done.json["ingests"][0]["reason"]) == (1, "access-denied")
    assert "missing.pem" in done.json["ingests"][0]["message"]
    # The key is found again: what was copied is kept.
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (place.folder / "missing.pem").write_bytes(key)
    assert bagfill("backfill", BAG, "--to", "shelf").code == 0
