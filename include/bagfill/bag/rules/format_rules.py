"""The rules that parsers enforce: a tag file that breaks one cannot be understood.

Each code is one rule; the parsers in ``bagfill.bag`` say what breaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, SERVICE_ONLY, Fault, Rule

_CLAUSES = {
    FormatCode.DECLARATION_MISSING: "RFC 8493 2.1.1; V24",
    FormatCode.DECLARATION_TOO_LARGE: "V25",
    FormatCode.DECLARATION_NOT_UTF8: "RFC 8493 2.1.1; V26",
    FormatCode.DECLARATION_BOM: "RFC 8493 2.1.1",
    FormatCode.DECLARATION_LINES: "RFC 8493 2.1.1; V27",
    FormatCode.DECLARATION_VERSION: "RFC 8493 2.1.1; V27",
    FormatCode.DECLARATION_ENCODING: "RFC 8493 2.1.1; V27",
    FormatCode.DECLARATION_FORMAT: "RFC 8493 2.1.1; V27",
    FormatCode.TAG_FILE_ENCODING: "RFC 8493 2.1.1",
    FormatCode.BAG_INFO_MISSING: "V1",
    FormatCode.BAG_INFO_LINE: "RFC 8493 2.2.2; V2",
    FormatCode.BAG_INFO_KEY_MISSING: "V3",
    FormatCode.BAG_INFO_MULTIPLE_VALUES: "RFC 8493 2.2.2; V4",
    FormatCode.BAG_INFO_IDENTIFIER: "V5",
    FormatCode.BAG_INFO_OXUM: "RFC 8493 2.2.2; V6",
    FormatCode.BAG_INFO_DATE: "RFC 8493 2.2.2; V7",
    FormatCode.MANIFEST_LINE: "RFC 8493 2.1.3; V10",
    FormatCode.MANIFEST_DUPLICATE: "RFC 8493 2.1.3; V11",
    FormatCode.FETCH_LINE: "RFC 8493 2.2.3; V17",
    FormatCode.FETCH_URI: "RFC 8493 2.2.3; V18",
    FormatCode.FETCH_TAG_FILE: "RFC 8493 2.2.3; V19",
    FormatCode.FETCH_DUPLICATE: "V20",
    FormatCode.PATH_LEAVES_BAG: "RFC 8493 5.1",
}

_SERVICE_ONLY = (
    FormatCode.BAG_INFO_MISSING,
    FormatCode.BAG_INFO_KEY_MISSING,
    FormatCode.BAG_INFO_IDENTIFIER,
    FormatCode.BAG_INFO_DATE,
)


def _finder(code: FormatCode) -> Callable[[ParsedBag], Iterable[Fault]]:
    def find(bag: ParsedBag) -> Iterable[Fault]:
        return [Fault(fault.file, fault.message) for fault in bag.faults if fault.code is code]

    return find


FORMAT_RULES = tuple(
    Rule(code.value, clause, SERVICE_ONLY if code in _SERVICE_ONLY else BOTH, _finder(code))
    for code, clause in _CLAUSES.items()
)
