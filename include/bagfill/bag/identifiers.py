"""The names of bags and bag versions.

The constructors are strict: they hold for what a user or another system asks for. The ``stored`` constructors read
what exists: a collection holds names from before some rule was made, and a bag that cannot be named cannot be saved.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self, TypeVar

# The storage service keeps versions as 32-bit integers.
_HIGHEST_VERSION = 2**31 - 1

_T = TypeVar("_T")


class InvalidIdentifier(ValueError):
    """Text that may not name a space, a bag or a version.

    Attributes:
        rule: the rule that is broken, without the value: ``External identifier cannot be empty``.
        value: the text that was refused.
    """

    def __init__(self, rule: str, value: str, message: str | None = None) -> None:
        super().__init__(message or (f"{rule}, was {value}" if value else rule))
        self.rule = rule
        self.value = value


# In the storage service's order, with its texts: the first that is broken is reported (ExternalIdentifier.scala).
_EXTERNAL_IDENTIFIER_RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (f"External identifier {text}", re.compile(broken))
    for text, broken in (
        ("cannot be empty", r"\A\Z"),
        ("cannot end with /versions", r"/versions\Z"),
        ("cannot end with a version string", r"/v[0-9]+\Z"),
        ("cannot contain a version string", r"/v[0-9]+/"),
        ("cannot start with a version string", r"\Av[0-9]+/"),
        ("cannot start with a slash", r"\A/"),
        ("cannot end with a slash", r"/\Z"),
        ("cannot contain consecutive slashes", r"//"),
        ("cannot contain consecutive spaces", r"  "),
        ("must begin with a Basic Latin letter or digit", r"\A[^a-zA-Z0-9]"),
        ("must end with a Basic Latin letter or digit", r"[^a-zA-Z0-9]\Z"),
        ("can only contain characters in the class [-_/ .a-zA-Z0-9]", r"[^-_/ .a-zA-Z0-9]"),
        # Ours: the service's identifiers let these pass and its storage locations refuse them later.
        ("cannot contain a . or .. path segment", r"(?:\A|/)\.\.?(?:/|\Z)"),
    )
)

_SPACE_RULES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("Space must not be empty", re.compile(r"\A\Z")),
    ("Space must not contain slashes", re.compile(r"/")),
    # Ours: such a space would leave its location's prefix, or could not be written in a key or a URL.
    ("Space must not be . or ..", re.compile(r"\A\.\.?\Z")),
    ("Space must not contain control characters", re.compile(r"[\x00-\x1f\x7f-\x9f]")),
)


def _refuse(rules: tuple[tuple[str, re.Pattern[str]], ...], value: str) -> None:
    for rule, broken in rules:
        if broken.search(value):
            raise InvalidIdentifier(rule, value)


@dataclass(frozen=True, order=True, slots=True)
class Space:
    """A broad category of bag, such as ``digitised``.

    Raises:
        InvalidIdentifier: empty, a slash in it, ``.`` or ``..``, or control characters.
    """

    value: str

    def __post_init__(self) -> None:
        _refuse(_SPACE_RULES, self.value)

    @classmethod
    def stored(cls, value: str) -> Self:
        """Read a space from stored data: not empty and no slash, anything else goes.

        Raises:
            InvalidIdentifier: empty, or a slash in it: the name of a bag could not be taken apart again.
        """
        _refuse(_SPACE_RULES[:2], value)
        return _unchecked(cls, value)

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, order=True, slots=True)
class ExternalIdentifier:
    """A bag's identifier in another system, unique in its space; case matters and slashes are allowed.

    Raises:
        InvalidIdentifier: with the storage service's text for the first of its rules that is broken.
    """

    value: str

    def __post_init__(self) -> None:
        _refuse(_EXTERNAL_IDENTIFIER_RULES, self.value)

    @classmethod
    def stored(cls, value: str) -> Self:
        """Read an identifier from stored data: anything but nothing, a trailing slash for example.

        Raises:
            InvalidIdentifier: empty.
        """
        _refuse(_EXTERNAL_IDENTIFIER_RULES[:1], value)
        return _unchecked(cls, value)

    @property
    def is_legacy(self) -> bool:
        """Whether the strict constructor would refuse it."""
        return any(broken.search(self.value) for _, broken in _EXTERNAL_IDENTIFIER_RULES)

    def __str__(self) -> str:
        return self.value


def _unchecked(cls: type[_T], value: str) -> _T:
    made = object.__new__(cls)
    object.__setattr__(made, "value", value)
    return made


@dataclass(frozen=True, order=True, slots=True)
class BagVersion:
    """The version of a bag, counted from 1 and written ``v1``.

    Raises:
        InvalidIdentifier: below 1, or beyond 2,147,483,647.
    """

    number: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= _HIGHEST_VERSION:
            raise InvalidIdentifier(f"A bag version is a number from 1 to {_HIGHEST_VERSION}", str(self.number))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``v12``. Leading zeros are refused: ``v01`` is not the folder of ``v1``.

        Raises:
            InvalidIdentifier: ``Cannot parse version string: X``, the storage service's text.
        """
        if not re.fullmatch(r"v[1-9][0-9]{0,9}", text) or int(text[1:]) > _HIGHEST_VERSION:
            raise InvalidIdentifier("Cannot parse version string", text, f"Cannot parse version string: {text}")
        return cls(int(text[1:]))

    def __str__(self) -> str:
        return f"v{self.number}"


@dataclass(frozen=True, order=True, slots=True)
class BagId:
    """A bag, whatever the version: its space and its external identifier. Prints as ``space/identifier``."""

    space: Space
    external_identifier: ExternalIdentifier

    @classmethod
    def parse(cls, text: str, *, stored: bool = False) -> Self:
        """Split at the first slash, which a space cannot contain.

        Args:
            text: ``space/external identifier``.
            stored: whether the text comes from stored data, and is to be read leniently.

        Raises:
            InvalidIdentifier: no slash, or a part that is refused.
        """
        space, slash, identifier = text.partition("/")
        if not slash:
            raise InvalidIdentifier("A bag is named space/external identifier", text)
        if stored:
            return cls(Space.stored(space), ExternalIdentifier.stored(identifier))
        return cls(Space(space), ExternalIdentifier(identifier))

    def version(self, number: int) -> BagVersionId:
        """One version of this bag."""
        return BagVersionId(self, BagVersion(number))

    def __str__(self) -> str:
        return f"{self.space}/{self.external_identifier}"


@dataclass(frozen=True, order=True, slots=True)
class BagVersionId:
    """One version of a bag. Prints as ``space/identifier/v3``."""

    bag: BagId
    version: BagVersion

    @classmethod
    def parse(cls, text: str, *, stored: bool = False) -> Self:
        """Split at the last slash, then at the first.

        Args:
            text: ``space/external identifier/v3``, without a trailing slash.
            stored: whether the text comes from stored data, and is to be read leniently.

        Raises:
            InvalidIdentifier: a part is missing or refused.
        """
        bag, slash, version = text.rpartition("/")
        if not slash:
            raise InvalidIdentifier("A bag version is named space/external identifier/version", text)
        return cls(BagId.parse(bag, stored=stored), BagVersion.parse(version))

    @property
    def space(self) -> Space:
        """The space of the bag."""
        return self.bag.space

    @property
    def external_identifier(self) -> ExternalIdentifier:
        """The external identifier of the bag."""
        return self.bag.external_identifier

    @property
    def prefix(self) -> str:
        """The version's folder in every location, with a slash at its end, or ``v1`` would list ``v10`` too."""
        return f"{self}/"

    def __str__(self) -> str:
        return f"{self.bag}/{self.version}"
