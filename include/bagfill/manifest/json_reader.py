"""Reads JSON that is longer than memory should be: one value at a time, with the offset of each in bytes.

The values themselves are decoded by the standard library; what is here moves a window over the text.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

_BLANK = re.compile(r"[ \t\r\n]*")
_LEAST = 64 * 1024
_LONGEST = 32 * 1024 * 1024
"""Characters of one value: what does not end is not read into memory."""


class NotJson(ValueError):
    """The text is not JSON in UTF-8.

    Args:
        problem: what is wrong, with the offset in bytes.
        encoding: whether it is not even UTF-8.
    """

    def __init__(self, problem: str, *, encoding: bool = False) -> None:
        super().__init__(problem)
        self.encoding = encoding


class JsonReader:
    """A cursor in a JSON text.

    Whoever reads an object or an array consumes each member or element before the next is asked for.

    Args:
        chunks: the text in UTF-8, in pieces of any length.
        parse_float: makes a value of the text of a number that is no integer.

    Raises:
        NotJson: from every method.
    """

    def __init__(self, chunks: Iterable[bytes | memoryview], *, parse_float: Callable[[str], Any] = float) -> None:
        self._chunks = iter(chunks)
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._decode = json.JSONDecoder(parse_constant=_no_constant, parse_float=parse_float).raw_decode
        self._text = ""
        self._at = 0
        self._before = 0
        self._ended = False
        self._hash = hashlib.sha256()
        self._length = 0

    @property
    def offset(self) -> int:
        """Of the cursor, in bytes from the start of the text."""
        return self._before + _bytes_of(self._text[: self._at])

    def skip_blanks(self) -> str:
        """Move over white space, and say what it was."""
        skipped = ""
        while True:
            match = _BLANK.match(self._text, self._at)
            end = match.end() if match else self._at
            skipped += self._text[self._at : end]
            self._at = end
            if end < len(self._text) or not self._more():
                return skipped

    def peek(self) -> str:
        """The next character that is not white space; nothing at the end of the text."""
        if self._at >= len(self._text) or self._text[self._at] in " \t\r\n":
            self.skip_blanks()
        return self._text[self._at : self._at + 1]

    def take(self, mark: str) -> None:
        """Move over one character that has to be there."""
        if self.peek() != mark:
            self._fail(f"expected {mark!r}")
        self._at += 1

    def value(self) -> Any:
        """The value at the cursor, decoded."""
        self.peek()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except NotJson:
                raise
            except (ValueError, RecursionError) as error:
                # Cut off by the window, or no JSON: the rest of the text tells.
                if not self._more():
                    self._fail(error.msg if isinstance(error, json.JSONDecodeError) else str(error))
            else:
                # Digits at the very end of the window may go on.
                if end < len(self._text) or not self._more():
                    self._at = end
                    return value

    def elements(self) -> Iterator[Any]:
        """The elements of the array at the cursor, decoded one by one."""
        self.take("[")
        if self.peek() == "]":
            self._at += 1
            return
        while True:
            yield self.value()
            if self.peek() != ",":
                break
            self._at += 1
        self.take("]")

    def members(self) -> Iterator[tuple[str, str]]:
        """The members of the object at the cursor: the white space before each key, and the key.

        The cursor is right behind the colon then; the caller consumes the value.
        """
        self.take("{")
        blanks = self.skip_blanks()
        if self.peek() == "}":
            self._at += 1
            return
        while True:
            if self.peek() != '"':
                self._fail("expected a key")
            key = self.value()
            self.take(":")
            yield blanks, key
            if self.peek() != ",":
                break
            self._at += 1
            blanks = self.skip_blanks()
        self.take("}")

    def end(self) -> tuple[str, int]:
        """Require the end of the text; its SHA-256 in hexadecimal digits, and its length in bytes."""
        if self.peek():
            self._fail("something follows the value")
        return self._hash.hexdigest(), self._length

    def _more(self) -> bool:
        """Read on: at least as much as is in the window already, so that a long value costs its length."""
        if self._ended:
            return False
        if self._at:
            self._before += _bytes_of(self._text[: self._at])
            self._text = self._text[self._at :]
            self._at = 0
        if len(self._text) > _LONGEST:
            self._fail(f"a value that is longer than {_LONGEST} characters")
        wanted = max(_LEAST, 2 * len(self._text))
        pieces = [self._text]
        have = len(self._text)
        while have < wanted and not self._ended:
            piece = self._next()
            pieces.append(piece)
            have += len(piece)
        self._text = "".join(pieces)
        return True

    def _next(self) -> str:
        chunk = next(self._chunks, None)
        self._ended = chunk is None
        start = self._length - len(self._utf8.getstate()[0])
        if chunk is not None:
            self._hash.update(chunk)
            self._length += len(chunk)
        try:
            return self._utf8.decode(b"" if chunk is None else bytes(chunk), final=chunk is None)
        except UnicodeDecodeError as error:
            raise NotJson(f"an undecodable byte at offset {start + error.start}", encoding=True) from None

    def _fail(self, problem: str) -> NoReturn:
        raise NotJson(f"{problem} at byte {self.offset}")


def _bytes_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _no_constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is not JSON")
