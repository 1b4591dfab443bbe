"""bagit.txt is in UTF-8, whatever the other tag files are in. RFC 8493, section 2.1.1; storage service V26."""

from __future__ import annotations

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parser_rule import parser_rule
from bagfill.bag.rules.rule import BOTH

RULE = parser_rule(FormatCode.DECLARATION_NOT_UTF8, "RFC 8493 2.1.1; V26", BOTH)
