"""Ed25519 keys (RFC 8032) for seals. The library is loaded only where a key is used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bagfill.fixity.canonical import sha256_hex

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class KeyUnusable(Exception):
    """A key that cannot be used. The message says where it is from and never what it is."""

    retryable = False


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures are checked with.

    Args:
        fingerprint: SHA-256 of its 32 raw bytes, in hexadecimal digits: how a seal names it.
    """

    fingerprint: str
    _key: Ed25519PublicKey = field(repr=False)

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        """Whether this key's owner signed these bytes."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._key.verify(signature, signed)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key; in no ``repr``.

    Args:
        public: the key that others check with.
    """

    public: PublicKey
    _key: Ed25519PrivateKey = field(repr=False)

    def sign(self, text: bytes) -> bytes:
        """64 bytes; the same text gives the same signature."""
        return self._key.sign(text)


def load_signing_key(pem: bytes, *, source: str) -> SigningKey:
    """Read a private key (PKCS #8 in PEM, without a password).

    Args:
        source: where it is from, for errors.

    Raises:
        KeyUnusable: it is none.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library's own message may quote a part of what it could not read.
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"{source}: no Ed25519 private key in PEM (PKCS #8, without a password)")
    return SigningKey(_public(key.public_key()), key)


def load_public_key(pem: bytes, *, source: str) -> PublicKey:
    """Read a public key (SubjectPublicKeyInfo in PEM). Raises KeyUnusable."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusable(f"{source}: no Ed25519 public key in PEM")
    return _public(key)


def _public(key: Ed25519PublicKey) -> PublicKey:
    return PublicKey(sha256_hex(key.public_bytes_raw()), key)
