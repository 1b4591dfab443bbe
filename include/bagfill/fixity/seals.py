"""Seals: small documents beside the receipts that put them into one chain for each location."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from bagfill.bag.identifiers import BagVersionId
from bagfill.fixity.canonical import canonical_json, canonical_moment, sha256_hex
from bagfill.fixity.receipt_form import SEAL_FORMAT, Seal
from bagfill.fixity.receipt_writer import ReceiptSummary
from bagfill.fixity.receipts import first_fault
from bagfill.fixity.signing import PublicKey, SigningKey
from bagfill.registry.seals import ChainPosition, MakeSeal

_FOLDER = "_seals"


class SealDamaged(ValueError):
    """A text is no seal, or another than was written."""

    retryable = True


def seal_folder(location: str) -> str:
    """Where a location's seals lie in the receipt store, ending in ``/``."""
    return f"{location}/{_FOLDER}/"


def seal_name(location: str, sequence: int) -> str:
    """A seal's name in the receipt store; names ascend as the numbers do."""
    return f"{seal_folder(location)}{sequence:012d}.json"


@dataclass(frozen=True, slots=True)
class ReceiptToSeal:
    """A receipt that lies in the receipt store and waits for its place in the chain.

    Args:
        name: in the receipt store.
        bag_version, ingest_id: what it is about.
        summary: what it comes to.
        key: signs the seal; ``None``: nobody does.
    """

    name: str
    bag_version: BagVersionId
    ingest_id: str
    summary: ReceiptSummary
    key: SigningKey | None = None

    @property
    def make(self) -> MakeSeal:
        """For the registry, which knows the place."""
        return self._at

    def _at(self, position: ChainPosition) -> bytes:
        body: dict[str, Any] = {
            "format": SEAL_FORMAT,
            "location": position.location,
            "sequence": position.sequence,
            "previous": None if position.previous is None else _link(position.previous),
            "bagVersion": str(self.bag_version),
            "ingest": self.ingest_id,
            "receipt": {"name": self.name, "sha256": self.summary.sha256, "bytes": self.summary.length},
            "merkleRoot": self.summary.merkle_root,
            "files": self.summary.files,
            "bytes": self.summary.bytes,
            "sealed": canonical_moment(position.sealed),
        }
        signed = canonical_json(body)
        signature = None if self.key is None else _signature(self.key, signed)
        return canonical_json({**body, "sha256": sha256_hex(signed), "signature": signature}) + b"\n"


def _link(previous: bytes) -> dict[str, str]:
    return {"seal": sha256_hex(previous), "receipt": json.loads(previous)["receipt"]["sha256"]}


def _signature(key: SigningKey, signed: bytes) -> dict[str, str]:
    value = base64.b64encode(key.sign(signed)).decode()
    return {"algorithm": "ed25519", "key": key.public.fingerprint, "value": value}


def read_seal(text: bytes) -> Seal:
    """A seal from its text, with its own hash checked; chain and signature are for others to check.

    Raises:
        SealDamaged: it is none.
    """
    try:
        values = json.loads(text)
        canonical = canonical_json(values) + b"\n"
    except (ValueError, RecursionError) as error:
        raise SealDamaged(f"no JSON ({type(error).__name__})") from None
    if canonical != text:
        raise SealDamaged("not in canonical form")
    try:
        seal = Seal.model_validate(values)
    except ValidationError as error:
        raise SealDamaged(first_fault(error)) from None
    if (found := sha256_hex(_signed_text(values))) != seal.sha256:
        raise SealDamaged(f"its SHA-256: said {seal.sha256}, found {found}")
    return seal


def signature_problem(text: bytes, keys: Mapping[str, PublicKey]) -> str | None:
    """Why a seal does not count as signed by one of some keys; ``None`` when it does.

    Args:
        text: of a seal that :func:`read_seal` accepts.
        keys: by fingerprint.
    """
    values = json.loads(text)
    signature = values["signature"]
    if signature is None:
        return "is not signed"
    key = keys.get(signature["key"])
    if key is None:
        return f"is signed by another key, {signature['key']}"
    if not key.verifies(_signed_text(values), base64.b64decode(signature["value"])):
        return "has a signature that is not its own"
    return None


def _signed_text(values: Mapping[str, Any]) -> bytes:
    return canonical_json({name: value for name, value in values.items() if name not in {"sha256", "signature"}})
