"""Listings page by page, read from the XML itself: an SDK spends thirty times the work on the same page.

A listing decides what is there and what is not, so a page counts only when it is whole: an answer that was cut, is no
XML, or says that more follows without saying where, is an error and never the end of a listing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from xml.etree import ElementTree as ET

from bagfill.storage.lean_http import Answer
from bagfill.storage.retries import Retries, RetryPolicy

Item = TypeVar("Item")

PAGE = 1000
"""Objects of a page: S3 gives no more, and at Azure a larger page would only take memory."""
LONGEST_PAGE = 32 * 1024 * 1024
"""Bytes: a page of the longest names, each of their characters percent-encoded, is half of this."""


class PageUnsound(Exception):
    """An answer that cannot be taken for a page of a listing.

    Args:
        detail: why, without anything of the answer's text.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A part of a listing.

    Args:
        items: in the order of the answer.
        following: what to ask the next page with; ``None``: this is the last.
    """

    items: Sequence[Item]
    following: str | None


def parse_page(answer: Answer, root: str) -> ET.Element:
    """The document of an answer.

    Args:
        answer: with status 200.
        root: the name that its first element has, without namespace.

    Returns:
        its root; namespaces are gone from no element's name.

    Raises:
        PageUnsound: it is cut, no XML, another document, or declares entities.
    """
    if not answer.is_whole:
        raise PageUnsound("the answer is longer than any page can be")
    # Entities could grow to any size; no provider's listing has a document type.
    if b"<!DOCTYPE" in answer.body[:4096]:
        raise PageUnsound("the answer declares a document type")
    try:
        document = ET.fromstring(answer.body)  # noqa: S314 - see above
    except ET.ParseError:
        raise PageUnsound("the answer is no whole XML") from None
    if document.tag.rpartition("}")[2] != root:
        raise PageUnsound(f"the answer is no {root}")
    return document


def each_item(
    fetch: Callable[[str | None], Page[Item]], stuck: Callable[[], Exception], retries: Retries | None = None
) -> Iterator[Item]:
    """Every item, page after page.

    The first page is fetched once: until something was handed out, whoever asked may ask again. Later ones are tried
    again here, each from where the one before it ended, so that nothing is repeated and nothing is left out.

    Args:
        fetch: gives a page; raises StoreError.
        stuck: the error for a page that leads back to one that was read.
        retries: of later pages.
    """
    again = retries or Retries(RetryPolicy(), time.sleep)
    page, asked = fetch(None), set[str]()
    while True:
        yield from page.items
        token = page.following
        if token is None:
            return
        if token in asked:
            raise stuck()
        asked.add(token)
        page = again(lambda token=token: fetch(token))  # type: ignore[misc]
