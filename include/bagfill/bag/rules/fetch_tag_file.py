"""fetch.txt lists no tag files. RFC 8493, section 2.2.3; storage service V19."""

from __future__ import annotations

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parser_rule import parser_rule
from bagfill.bag.rules.rule import BOTH

RULE = parser_rule(FormatCode.FETCH_TAG_FILE, "RFC 8493 2.2.3; V19", BOTH)
