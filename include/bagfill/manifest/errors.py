"""What can be wrong with a storage manifest."""

from __future__ import annotations

from typing import Any


class ManifestFormatError(ValueError):
    """Stored JSON that is no storage manifest.

    Attributes:
        json_path: where: ``$.manifest.files[3].size``.
        expected: what should be there.
        found: what is there, shortened.
    """

    def __init__(self, json_path: str, expected: str, found: str) -> None:
        super().__init__(f"{json_path}: expected {expected}, found {found}")
        self.json_path = json_path
        self.expected = expected
        self.found = found

    def __reduce__(self) -> tuple[type[ManifestFormatError], tuple[str, str, str]]:
        return type(self), (self.json_path, self.expected, self.found)


class ManifestBuildError(ValueError):
    """A bag version from which no storage manifest can be made.

    Attributes:
        file: the path in the bag that is to blame, or the name of a tag file.
        reason: what is wrong.
    """

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason

    def __reduce__(self) -> tuple[type[ManifestBuildError], tuple[str, str]]:
        return type(self), (self.file, self.reason)


def shown(value: Any) -> str:
    """A value of JSON for a message, shortened: a manifest may have a hundred megabytes."""
    if isinstance(value, dict):
        return f"an object with the keys {', '.join(sorted(map(str, value))[:10]) or '(none)'}"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:120]}..."
