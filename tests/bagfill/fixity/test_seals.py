"""Seals: their place in the chain, their own hash, their signature."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from bagfill.fixity.canonical import canonical_json
from bagfill.fixity.chain import Evidence
from bagfill.fixity.seals import SealDamaged, read_seal, seal_name, signature_problem
from bagfill.fixity.signing import KeyUnusable, PublicKey, SigningKey, load_public_key, load_signing_key
from contracts.sample_receipts import SampleChain


def private_pem(key: object) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined, no-any-return]


def new_key() -> SigningKey:
    return load_signing_key(private_pem(Ed25519PrivateKey.generate()), source="test")


def keys(*given: SigningKey) -> dict[str, PublicKey]:
    return {key.public.fingerprint: key.public for key in given}


@pytest.fixture
def chain(tmp_path: Path) -> SampleChain:
    return SampleChain(tmp_path)


def test_a_seal_says_what_it_seals_and_what_it_follows(chain: SampleChain) -> None:
    first = chain.add("digitised/b1/v1")
    second = chain.add("digitised/b2/v3")
    seal = read_seal(second[1].read_bytes())
    assert (seal.location, seal.sequence, seal.bag_version) == ("azure", 2, "digitised/b2/v3")
    assert seal.receipt.sha256 == hashlib.sha256(second[0].read_bytes()).hexdigest()
    assert seal.receipt.name == second[0].relative_to(chain.folder).as_posix()
    assert seal.previous is not None
    assert seal.previous.seal == hashlib.sha256(first[1].read_bytes()).hexdigest()
    assert seal.previous.receipt == hashlib.sha256(first[0].read_bytes()).hexdigest()
    assert datetime.fromisoformat(seal.sealed).tzinfo is not None
    assert seal.signature is None


def test_names_of_seals_ascend_with_their_numbers() -> None:
    assert seal_name("azure", 7) == "azure/_seals/000000000007.json"
    assert sorted(seal_name("azure", n) for n in (10, 9, 100)) == [seal_name("azure", n) for n in (9, 10, 100)]


def test_a_seal_without_its_own_hash_is_damaged(chain: SampleChain) -> None:
    _, path = chain.add("digitised/b1/v1")
    seal = json.loads(path.read_bytes())
    with pytest.raises(SealDamaged, match="SHA-256"):
        read_seal(canonical_json({**seal, "files": seal["files"] + 1}) + b"\n")
    with pytest.raises(SealDamaged, match="canonical"):
        read_seal(path.read_bytes() + b"\n")


def test_a_signed_seal_is_signed_by_that_key_and_no_other(chain: SampleChain) -> None:
    key, other = new_key(), new_key()
    _, path = chain.add("digitised/b1/v1", key=key)
    text = path.read_bytes()
    assert signature_problem(text, keys(other, key)) is None
    assert "another key" in str(signature_problem(text, keys(other)))
    assert json.loads(text)["signature"]["key"] == key.public.fingerprint


def test_the_same_seal_is_signed_alike_by_whoever_writes_it(chain: SampleChain, tmp_path: Path) -> None:
    key = new_key()
    _, one = chain.add("digitised/b1/v1", key=key)
    _, other = SampleChain(tmp_path / "again").add("digitised/b1/v1", key=key)
    assert one.read_bytes() == other.read_bytes()


def test_a_signature_that_was_changed_or_taken_over_or_left_out_is_found(chain: SampleChain) -> None:
    key = new_key()
    _, first = chain.add("digitised/b1/v1", key=key)
    _, second = chain.add("digitised/b2/v1", key=key)
    seal, other = json.loads(second.read_bytes()), json.loads(first.read_bytes())
    value = seal["signature"]["value"]
    flipped = ("B" if value[0] == "A" else "A") + value[1:]
    for signature, problem in (
        ({**seal["signature"], "value": flipped}, "not its own"),
        (other["signature"], "not its own"),
        (None, "not signed"),
    ):
        second.write_bytes(canonical_json({**seal, "signature": signature}) + b"\n")
        evidence = Evidence(keys=keys(key))
        for path in (first, second):
            evidence.add_seal(path.relative_to(chain.folder).as_posix(), path.read_bytes())
        problems, _ = evidence.judge(partial=True)
        assert [problem in str(each) for each in problems] == [True]


def test_a_forger_without_the_key_can_sign_nothing(chain: SampleChain) -> None:
    key = new_key()
    _, path = chain.add("digitised/b1/v1", key=key)
    seal = json.loads(path.read_bytes())
    body = {name: value for name, value in seal.items() if name not in {"sha256", "signature"}}
    body["sealed"] = "2025-01-01T00:00:00.000000Z"
    own = hashlib.sha256(canonical_json(body)).hexdigest()
    forged = canonical_json({**body, "sha256": own, "signature": seal["signature"]}) + b"\n"
    read_seal(forged)
    assert "not its own" in str(signature_problem(forged, keys(key)))


def test_a_key_is_read_from_pem_and_shows_itself_nowhere() -> None:
    private = Ed25519PrivateKey.generate()
    key = load_signing_key(private_pem(private), source="keys/receipts.pem")
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert load_public_key(public, source="x").fingerprint == key.public.fingerprint
    assert key.public.fingerprint == hashlib.sha256(private.public_key().public_bytes_raw()).hexdigest()
    assert private.private_bytes_raw().hex() not in repr(key)
    assert "Ed25519" not in repr(key)


def test_a_key_that_is_none_is_told_by_where_it_is_from() -> None:
    other_kind = private_pem(generate_private_key(SECP256R1()))
    locked = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
    for text in (b"", b"secret", other_kind, locked):
        for load in (load_signing_key, load_public_key):
            with pytest.raises(KeyUnusable, match=r"keys/x\.pem: no Ed25519") as caught:
                load(text, source="keys/x.pem")
            assert not text or text.decode() not in str(caught.value)
