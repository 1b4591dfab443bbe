"""Which keys a provider can hold without changing them: rules as data, checked before any byte moves.

A key that a provider silently changes (Azure drops a segment's last ``.`` and turns a backslash into ``/``) is a
replica that differs from its source, so such a key is refused with a reason instead of being sent.

Sources: S3 "Naming Amazon S3 objects"; Azure "Naming and Referencing Containers, Blobs, and Metadata"; POSIX limits.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class NameRule(StrEnum):
    """Stable codes of the rules a key can break."""

    EMPTY = "NAME-EMPTY"
    NOT_UNICODE = "NAME-NOT-UNICODE"
    TOO_MANY_CHARACTERS = "NAME-TOO-MANY-CHARACTERS"
    TOO_MANY_BYTES = "NAME-TOO-MANY-BYTES"
    TOO_MANY_SEGMENTS = "NAME-TOO-MANY-SEGMENTS"
    SEGMENT_TOO_LONG = "NAME-SEGMENT-TOO-LONG"
    TRAILING_SLASH = "NAME-TRAILING-SLASH"
    EMPTY_SEGMENT = "NAME-EMPTY-SEGMENT"
    DOT_SEGMENT = "NAME-DOT-SEGMENT"
    ABOVE_ROOT = "NAME-ABOVE-ROOT"
    SEGMENT_ENDS_WITH_DOT = "NAME-SEGMENT-ENDS-WITH-DOT"
    FORBIDDEN_CHARACTER = "NAME-FORBIDDEN-CHARACTER"
    RESERVED = "NAME-RESERVED"


@dataclass(frozen=True, slots=True)
class NameProblem:
    """The first rule that a key breaks.

    Args:
        rule: stable code.
        found: what is in the key.
        allowed: what the provider can hold.
        remedy: what a person can do.
    """

    rule: NameRule
    found: str
    allowed: str
    remedy: str

    @property
    def message(self) -> str:
        """One sentence for events and errors."""
        return f"{self.rule.value}: {self.found}; allowed: {self.allowed}; {self.remedy}"


_REMEDY = "keep this bag out of the destination's policy, or choose a location whose provider can hold the name"
_PLAIN = re.compile(r"[A-Za-z0-9_-]++(?:[./][A-Za-z0-9_-]++)*+")
"""Segments of ASCII that neither begin nor end with a dot, none of them empty."""
_DOT_SEGMENTS = frozenset({".", ".."})


@dataclass(frozen=True, slots=True)
class NameRules:
    """The rules of one provider.

    Args:
        provider: the provider's name, for messages.
        max_characters: most UTF-16 code units (how .NET, and so Azure, counts characters), if limited.
        max_bytes: most bytes in UTF-8, if limited.
        max_segments: most ``/``-separated segments, if limited.
        max_segment_bytes: most bytes of one segment in UTF-8, if limited.
        trailing_slash: whether a key may end in ``/``.
        empty_segments: whether a key may start with ``/`` or contain ``//``.
        dot_segments: whether a segment may be ``.`` or ``..``.
        above_root: whether ``..`` segments may outnumber the segments before them.
        segment_may_end_with_dot: whether a segment may end in ``.`` (``.`` and ``..`` are judged by ``dot_segments``).
        forbidden: pattern of one character that may not occur, or ``None``.
        forbidden_words: the pattern in words.
        reserved: first segments that belong to the store itself.
        folders_are_names: whether a folder takes the name of a file: ``a`` and ``a/b`` cannot both be there.
    """

    provider: str
    max_characters: int | None = None
    max_bytes: int | None = None
    max_segments: int | None = None
    max_segment_bytes: int | None = None
    trailing_slash: bool = True
    empty_segments: bool = True
    dot_segments: bool = True
    above_root: bool = True
    segment_may_end_with_dot: bool = True
    forbidden: re.Pattern[str] | None = None
    forbidden_words: str = ""
    reserved: frozenset[str] = frozenset()
    folders_are_names: bool = False
    shortest_limit: int = field(init=False, repr=False)
    """A plain key that is no longer keeps all limits of length."""

    def __post_init__(self) -> None:
        limits = (self.max_characters, self.max_bytes, self.max_segment_bytes)
        shortest = min((limit for limit in limits if limit is not None), default=sys.maxsize)
        object.__setattr__(self, "shortest_limit", shortest)

    def stored_as(self, key: str) -> str:
        """The name under which the provider would keep ``key``, if it were sent all the same.

        The same as ``key`` for everything that :meth:`check` lets through.
        """
        if not self.segment_may_end_with_dot:
            key = "/".join(segment.rstrip(".") for segment in key.replace("\\", "/").split("/"))
        if not self.empty_segments:
            key = "/".join(segment for segment in key.split("/") if segment)
        return key

    def check(self, key: str) -> NameProblem | None:
        """The first rule that ``key`` breaks, or ``None`` if the provider holds it exactly as it is."""
        if not key:
            return self._problem(NameRule.EMPTY, "an empty key", "at least one character")
        return None if self._holds_plain(key) else next(self._problems(key), None)

    def _holds_plain(self, key: str) -> bool:
        """Whether the key is so plain and short that no rule needs a closer look: most are, and pass by often."""
        return (
            len(key) <= self.shortest_limit
            and _PLAIN.fullmatch(key) is not None
            and (self.max_segments is None or key.count("/") < self.max_segments)
            and (self.forbidden is None or not self.forbidden.search(key))
            and (not self.reserved or key.partition("/")[0] not in self.reserved)
        )

    def _problem(self, rule: NameRule, found: str, allowed: str) -> NameProblem:
        return NameProblem(rule, found, f"{allowed} ({self.provider})", _REMEDY)

    def _problems(self, key: str) -> Iterator[NameProblem]:
        try:
            encoded = key.encode()
        except UnicodeEncodeError as error:
            found = f"no Unicode character at position {error.start}"
            yield self._problem(NameRule.NOT_UNICODE, found, "names that UTF-8 can encode")
            return
        segments = key.split("/")
        yield from self._length_problems(key, encoded, segments)
        if not self.trailing_slash and key.endswith("/"):
            yield self._problem(NameRule.TRAILING_SLASH, "the key ends in '/'", "a name after the last '/'")
        if not self.empty_segments and "" in segments:
            yield self._problem(NameRule.EMPTY_SEGMENT, "'//' or a leading '/'", "no empty segment")
        if not self.dot_segments and not _DOT_SEGMENTS.isdisjoint(segments):
            yield self._problem(NameRule.DOT_SEGMENT, "a segment '.' or '..'", "no such segment")
        if not self.above_root and _climbs_above_root(segments):
            yield self._problem(NameRule.ABOVE_ROOT, "more '..' than segments before them", "'..' below the root only")
        if not self.segment_may_end_with_dot:
            yield from (
                self._problem(NameRule.SEGMENT_ENDS_WITH_DOT, f"the segment {segment!r}", "segments not ending in '.'")
                for segment in segments
                if segment.endswith(".") and segment not in _DOT_SEGMENTS
            )
        if self.forbidden is not None and (match := self.forbidden.search(key)):
            found = f"U+{ord(match.group()):04X} at position {match.start()}"
            yield self._problem(NameRule.FORBIDDEN_CHARACTER, found, f"no {self.forbidden_words}")
        if segments[0] in self.reserved:
            yield self._problem(
                NameRule.RESERVED, f"the first segment {segments[0]!r}", "names the store does not use itself"
            )

    def _length_problems(self, key: str, encoded: bytes, segments: list[str]) -> Iterator[NameProblem]:
        if self.max_characters is not None and (count := len(key.encode("utf-16-le")) // 2) > self.max_characters:
            yield self._problem(
                NameRule.TOO_MANY_CHARACTERS, f"{count} characters", f"{self.max_characters:,} characters"
            )
        if self.max_bytes is not None and len(encoded) > self.max_bytes:
            yield self._problem(NameRule.TOO_MANY_BYTES, f"{len(encoded)} bytes", f"{self.max_bytes:,} bytes of UTF-8")
        if self.max_segments is not None and len(segments) > self.max_segments:
            yield self._problem(
                NameRule.TOO_MANY_SEGMENTS, f"{len(segments)} segments", f"{self.max_segments} segments"
            )
        longest = max(len(segment.encode()) for segment in segments)
        if self.max_segment_bytes is not None and longest > self.max_segment_bytes:
            allowed = f"{self.max_segment_bytes} bytes a segment"
            yield self._problem(NameRule.SEGMENT_TOO_LONG, f"a segment of {longest} bytes", allowed)


def _climbs_above_root(segments: list[str]) -> bool:
    depth = 0
    for segment in segments:
        if segment == "..":
            depth -= 1
        elif segment not in {"", "."}:
            depth += 1
        if depth < 0:
            return True
    return False


S3_NAMES = NameRules(provider="Amazon S3", max_bytes=1024, above_root=False)
"""S3 holds nearly every key; ``..`` may not climb above the bucket."""

AZURE_NAMES = NameRules(
    provider="Azure Blob Storage",
    max_characters=1024,
    max_segments=254,
    trailing_slash=False,
    empty_segments=False,
    dot_segments=False,
    segment_may_end_with_dot=False,
    # A control character breaks every listing that contains the name; U+FFFE and U+FFFF cannot stand in its XML.
    forbidden=re.compile("[\\\\\x00-\x1f\x7f-\x9f\ufffe\uffff]"),
    forbidden_words="backslash, control character or noncharacter",
)
"""Azure normalises or drops what is refused here."""

STAGING_FOLDER = ".bagfill-staging"
"""Where the local store keeps unfinished files, at the top of its folder."""

LOCAL_NAMES = NameRules(
    provider="local folder",
    max_bytes=4095,
    max_segment_bytes=255,
    trailing_slash=False,
    empty_segments=False,
    dot_segments=False,
    forbidden=re.compile("\x00"),
    forbidden_words="NUL",
    reserved=frozenset({STAGING_FOLDER}),
    folders_are_names=True,
)
"""Linux file systems; the store takes the length of its own folder off ``max_bytes``."""

MEMORY_NAMES = NameRules(provider="memory", max_bytes=1024, above_root=False)
"""As permissive as S3, so that fast tests can hold the same awkward keys."""
