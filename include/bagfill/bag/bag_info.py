"""The bag's metadata, ``bag-info.txt``: as BagIt has it, and as the storage service has it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from bagfill.bag.bagging_date import parse_bagging_date
from bagfill.bag.errors import BagFormatError, FormatCode, loading
from bagfill.bag.identifiers import ExternalIdentifier, InvalidIdentifier
from bagfill.bag.lines import decode_tag_file, split_lines

BAG_INFO_FILE = "bag-info.txt"
OLD_BAG_INFO_FILE = "package-info.txt"
"""What BagIt 0.93 to 0.95 called it."""

# The storage service's two patterns, in its order (its labels keep blanks before the colon).
_STRICT_LINE = re.compile(r"([^:]+)\s*:\s(.+)\s*|([^:]+)\s*:\s*", re.ASCII)
_LENIENT_LINE = re.compile(r"([^:]+?)[ \t]*:[ \t]*(.*)")
_OXUM = re.compile(r"([0-9]+)\.([0-9]+)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class PayloadOxum:
    """The size of the payload, fetched files included (RFC 8493, section 2.2.2): ``bytes.files``."""

    payload_bytes: int
    payload_files: int

    @classmethod
    def parse(cls, text: str) -> PayloadOxum:
        """Read ``digits.digits``; blanks after it are tolerated.

        Raises:
            ValueError: anything else.
        """
        match = _OXUM.fullmatch(text)
        if match is None:
            raise ValueError(f"Not a Payload-Oxum: {text!r}")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.payload_bytes}.{self.payload_files}"


@dataclass(frozen=True, slots=True)
class BagInfo:
    """The metadata the storage service reads; everything else in the file is ignored by it.

    Args:
        external_identifier: the bag's identifier.
        payload_oxum: the size of the payload.
        bagging_date: when the content was prepared for delivery.
        source_organization: who sent it.
        external_description: what it is.
        internal_sender_identifier: the sender's name for it.
        internal_sender_description: the sender's description of it.
    """

    external_identifier: ExternalIdentifier
    payload_oxum: PayloadOxum
    bagging_date: date
    source_organization: str | None = None
    external_description: str | None = None
    internal_sender_identifier: str | None = None
    internal_sender_description: str | None = None


@dataclass(frozen=True, slots=True)
class BagInfoTags:
    """Every tag of the file in its order, repeated ones included."""

    tags: tuple[tuple[str, str], ...]

    def values(self, label: str) -> tuple[str, ...]:
        """The values of a label, which is compared without regard to letter case (RFC 8493, section 2.2.2)."""
        wanted = label.casefold()
        return tuple(value for name, value in self.tags if name.casefold() == wanted)


def bag_info_file(version: tuple[int, int] | None) -> str:
    """The name of the file in a BagIt version; in the newest where the version is not known."""
    return OLD_BAG_INFO_FILE if version is not None and version <= (0, 95) else BAG_INFO_FILE


def parse_tags(data: bytes, encoding: str = "utf-8", *, file: str = BAG_INFO_FILE) -> BagInfoTags:
    """Read ``bag-info.txt`` as BagIt has it: folded lines are joined, blanks around a colon are dropped.

    Args:
        data: the bytes of the file.
        encoding: as ``bagit.txt`` declares it.
        file: its name, for errors.

    Raises:
        BagFormatError: ``TAG-FILE-ENCODING``; ``BAG-INFO-LINE`` for lines that are no tag and continue none.
    """
    tags: list[tuple[str, list[str]]] = []
    broken: list[str] = []
    for _, text in split_lines(decode_tag_file(data, file, encoding)):
        if not text.strip():
            continue
        if text[0] in " \t" and tags:
            tags[-1][1].append(text.strip())
        elif match := _LENIENT_LINE.fullmatch(text):
            tags.append((match[1].strip(), [match[2].strip()]))
        else:
            broken.append(text)
    if broken:
        raise _error(
            FormatCode.BAG_INFO_LINE, f"Unable to parse the following lines in {file}: {', '.join(broken)}", file
        )
    return BagInfoTags(tuple((label, " ".join(folded).strip()) for label, folded in tags))


def parse_bag_info(data: bytes, encoding: str = "utf-8") -> BagInfo:
    """Read ``bag-info.txt`` as the storage service does: no folded lines, labels are case-sensitive (V2 to V7).

    Raises:
        BagFormatError: ``TAG-FILE-ENCODING`` or one of the ``BAG-INFO-`` codes, with the storage service's text.
    """
    found = _strict_tags(data, encoding)
    identifier = _one(found, "External-Identifier")
    oxum = _one(found, "Payload-Oxum")
    bagging_date = _one(found, "Bagging-Date")
    return BagInfo(
        external_identifier=_external_identifier(identifier),
        payload_oxum=_payload_oxum(oxum),
        bagging_date=_bagging_date(bagging_date),
        source_organization=_at_most_one(found, "Source-Organization"),
        external_description=_at_most_one(found, "External-Description"),
        internal_sender_identifier=_at_most_one(found, "Internal-Sender-Identifier"),
        internal_sender_description=_at_most_one(found, "Internal-Sender-Description"),
    )


def missing_bag_info() -> BagFormatError:
    """The error for a bag without ``bag-info.txt`` (V1)."""
    return _error(FormatCode.BAG_INFO_MISSING, "no such file!")


def _strict_tags(data: bytes, encoding: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    broken: list[str] = []
    for _, text in split_lines(decode_tag_file(data, BAG_INFO_FILE, encoding)):
        if not text:
            continue
        match = _STRICT_LINE.fullmatch(text)
        if match is None:
            broken.append(text)
        elif match[1] is not None:
            found.setdefault(match[1], []).append(match[2])
        else:
            found.setdefault(match[3], []).append("")
    if broken:
        raise _error(
            FormatCode.BAG_INFO_LINE, f"Unable to parse the following lines in bag-info.txt: {', '.join(broken)}"
        )
    return found


def _one(found: dict[str, list[str]], label: str) -> str:
    value = _at_most_one(found, label)
    if value is None:
        raise _error(FormatCode.BAG_INFO_KEY_MISSING, f"Missing key in bag-info.txt: {label}")
    return value


def _at_most_one(found: dict[str, list[str]], label: str) -> str | None:
    values = list(dict.fromkeys(found.get(label, ())))
    if len(values) > 1:
        raise several_values(label, values)
    return values[0] if values else None


def several_values(label: str, values: Iterable[str], file: str = BAG_INFO_FILE) -> BagFormatError:
    """The error for a label that has more than one value (V4)."""
    text = f"Multiple values for {label} in {file}: {', '.join(values)}"
    return _error(FormatCode.BAG_INFO_MULTIPLE_VALUES, text, file)


def _external_identifier(text: str) -> ExternalIdentifier:
    try:
        return ExternalIdentifier(text)
    except InvalidIdentifier as error:
        raise _unparsable(FormatCode.BAG_INFO_IDENTIFIER, "External-Identifier", str(error)) from None


def _payload_oxum(text: str) -> PayloadOxum:
    try:
        return PayloadOxum.parse(text)
    except ValueError:
        raise unparsable_oxum(text) from None


def unparsable_oxum(text: str, file: str = BAG_INFO_FILE) -> BagFormatError:
    """The error for a Payload-Oxum that is not ``digits.digits`` (V6)."""
    return _unparsable(FormatCode.BAG_INFO_OXUM, "Payload-Oxum", text, file)


def unparsable_date(reason: str, file: str = BAG_INFO_FILE) -> BagFormatError:
    """The error for a Bagging-Date that is no date (V7)."""
    return _unparsable(FormatCode.BAG_INFO_DATE, "Bagging-Date", reason, file)


def _bagging_date(text: str) -> date:
    try:
        return parse_bagging_date(text)
    except ValueError as error:
        raise unparsable_date(str(error)) from None


def _unparsable(code: FormatCode, label: str, reason: str, file: str = BAG_INFO_FILE) -> BagFormatError:
    return _error(code, f"Unable to parse {label} in {file}: {reason}", file)


def _error(code: FormatCode, reason: str, file: str = BAG_INFO_FILE) -> BagFormatError:
    return BagFormatError(code, file, None, loading(file, reason))
