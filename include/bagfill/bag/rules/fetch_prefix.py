"""fetch.txt points into the same bag at the primary location. Storage service V33."""

from __future__ import annotations

from collections.abc import Sequence

from bagfill.bag.fetch import FetchEntry
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import SERVICE_ONLY, Fault, Rule, each


def find(bag: ParsedBag) -> list[Fault]:
    return each([entry.path for entry in bag.fetch if not points_into_bag(bag, entry)], text)


def points_into_bag(bag: ParsedBag, entry: FetchEntry) -> bool:
    """Whether a line points into the bag, as far as it is known which bag that is and where."""
    contents = bag.contents
    return (
        entry.scheme == "s3"
        and contents.primary_bucket in (None, entry.bucket)
        and (contents.identity is None or entry.key.startswith(f"{contents.primary_prefix}{contents.identity}/"))
    )


def text(paths: Sequence[str]) -> str:
    return f"fetch.txt refers to paths in a mismatched prefix or with a non-S3 URI scheme: {', '.join(paths)}"


RULE = Rule("FETCH-PREFIX", "V33", SERVICE_ONLY, find, fold=text)
