"""Paths inside a bag, and the percent encoding BagIt uses for them."""

from __future__ import annotations

import re
import unicodedata
from typing import Self

_ESCAPE = re.compile(r"%(0A|0D|25)", re.IGNORECASE)
_ESCAPED = {"0A": "\n", "0D": "\r", "25": "%"}


class InvalidBagPath(ValueError):
    """Text that names nothing inside a bag.

    Attributes:
        rule: what is wrong with it, without the value.
        value: the text that was refused.
    """

    def __init__(self, rule: str, value: str) -> None:
        super().__init__(f"{rule}: {value!r}")
        self.rule = rule
        self.value = value


class BagPath(str):
    """A path relative to the folder of a bag version, such as ``data/a.txt``; a string that can only be that.

    Kept as given, without Unicode normalisation or collapsing of slashes: it has to find an object by its exact name.
    What cannot be constructed is what would leave the bag.

    Raises:
        InvalidBagPath: empty, from the root (``/x``) or a home folder (``~x``), a ``.`` or ``..`` segment, or a NUL.
    """

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        if not value:
            raise InvalidBagPath("A path in a bag cannot be empty", value)
        if value[0] in "/~":
            raise InvalidBagPath(f"A path in a bag cannot start with {value[0]}", value)
        if "\0" in value:
            raise InvalidBagPath("A path in a bag cannot contain a NUL", value)
        # The cheap test first: a bag may have a million paths.
        if "." in value and any(segment in (".", "..") for segment in value.split("/")):
            raise InvalidBagPath("A path in a bag cannot contain a . or .. segment", value)
        return super().__new__(cls, value)

    @classmethod
    def known(cls, value: str) -> Self:
        """A path that was looked at before: a bag may have a million."""
        return super().__new__(cls, value)

    @classmethod
    def from_manifest(cls, text: str) -> Self:
        """Read a path as manifests may write it: ``./data/a.txt``, from ``find . | xargs md5sum``, is ``data/a.txt``.

        Raises:
            InvalidBagPath: see the class.
        """
        while text.startswith("./"):
            text = text[2:]
        return cls(text)

    @property
    def is_payload(self) -> bool:
        """Whether it is under ``data/``."""
        return self.startswith("data/")

    def decoded(self) -> BagPath:
        """The path with ``%0A``, ``%0D`` and ``%25`` replaced by what they stand for (RFC 8493, section 2.1.3).

        Raises:
            InvalidBagPath: cannot happen for what the class lets through; see the class.
        """
        return BagPath(decode_percent(self))


def decode_percent(text: str) -> str:
    """Replace ``%0A``, ``%0D`` and ``%25`` alone, in either letter case (RFC 8493, sections 2.1.3 and 2.2.3)."""
    if "%" not in text:
        return text
    return _ESCAPE.sub(lambda escape: _ESCAPED[escape[1].upper()], text)


def encode_percent(text: str) -> str:
    """What a manifest writes for a path: line feed, carriage return and per cent encoded (RFC 8493, section 2.1.3)."""
    return text.replace("%", "%25").replace("\n", "%0A").replace("\r", "%0D")


def nfc(text: str) -> str:
    """The Unicode normalisation form C of a name: what names that look the same have in common (RFC 8493, 6.1.1)."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)
