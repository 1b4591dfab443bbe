"""The URIs in fetch.txt are absolute and well formed. RFC 8493, section 2.2.3; storage service V18."""

from __future__ import annotations

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parser_rule import parser_rule
from bagfill.bag.rules.rule import BOTH

RULE = parser_rule(FormatCode.FETCH_URI, "RFC 8493 2.2.3; V18", BOTH)
