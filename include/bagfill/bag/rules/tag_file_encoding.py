"""Tag files are in the encoding that bagit.txt declares. RFC 8493, section 2.3."""

from __future__ import annotations

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parser_rule import parser_rule
from bagfill.bag.rules.rule import BOTH

RULE = parser_rule(FormatCode.TAG_FILE_ENCODING, "RFC 8493 2.3", BOTH)
