"""What can be wrong with the text of a tag file, and the error that says so."""

from __future__ import annotations

from enum import StrEnum


class FormatCode(StrEnum):
    """The stable code of each fault a parser reports; V-numbers are the storage service's checks."""

    # bagit.txt: RFC 8493, section 2.1.1; V24 to V27.
    DECLARATION_MISSING = "DECLARATION-MISSING"
    DECLARATION_TOO_LARGE = "DECLARATION-TOO-LARGE"
    DECLARATION_NOT_UTF8 = "DECLARATION-NOT-UTF8"
    DECLARATION_BOM = "DECLARATION-BOM"
    DECLARATION_LINES = "DECLARATION-LINES"
    DECLARATION_VERSION = "DECLARATION-VERSION"
    DECLARATION_ENCODING = "DECLARATION-ENCODING"
    DECLARATION_FORMAT = "DECLARATION-FORMAT"
    # Any other tag file: RFC 8493, section 2.1.1.
    TAG_FILE_ENCODING = "TAG-FILE-ENCODING"
    # So large, or with such a line, that it is not taken into memory; V21.
    TAG_FILE_UNREADABLE = "TAG-FILE-UNREADABLE"
    # bag-info.txt: RFC 8493, section 2.2.2; V1 to V7.
    BAG_INFO_MISSING = "BAG-INFO-MISSING"
    BAG_INFO_LINE = "BAG-INFO-LINE"
    BAG_INFO_KEY_MISSING = "BAG-INFO-KEY-MISSING"
    BAG_INFO_MULTIPLE_VALUES = "BAG-INFO-MULTIPLE-VALUES"
    BAG_INFO_IDENTIFIER = "BAG-INFO-IDENTIFIER"
    BAG_INFO_OXUM = "BAG-INFO-OXUM"
    BAG_INFO_DATE = "BAG-INFO-DATE"
    # manifest-*.txt and tagmanifest-*.txt: RFC 8493, sections 2.1.3 and 2.2.1; V10 and V11.
    MANIFEST_LINE = "MANIFEST-LINE"
    MANIFEST_DUPLICATE = "MANIFEST-DUPLICATE"
    # fetch.txt: RFC 8493, section 2.2.3; V17 to V20.
    FETCH_LINE = "FETCH-LINE"
    FETCH_URI = "FETCH-URI"
    FETCH_TAG_FILE = "FETCH-TAG-FILE"
    FETCH_DUPLICATE = "FETCH-DUPLICATE"
    # A path in a manifest or in fetch.txt: RFC 8493, section 5.1 (special directory characters).
    PATH_LEAVES_BAG = "PATH-LEAVES-BAG"


class BagFormatError(ValueError):
    """A tag file that cannot be understood.

    Attributes:
        code: what is wrong, for programs.
        file: the tag file's name.
        line: the number of the line, from 1, where one line is to blame.
        message: what is wrong, for people: the storage service's text where it has one.
    """

    def __init__(self, code: FormatCode, file: str, line: int | None, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.file = file
        self.line = line
        self.message = message

    def __reduce__(self) -> tuple[type[BagFormatError], tuple[FormatCode, str, int | None, str]]:
        return type(self), (self.code, self.file, self.line, self.message)


def loading(file: str, reason: str) -> str:
    """The storage service's text for a tag file that could not be loaded."""
    return f"Error loading {file}: {reason}"
