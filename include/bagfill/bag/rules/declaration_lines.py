"""bagit.txt has exactly two lines. RFC 8493, section 2.1.1; storage service V27."""

from __future__ import annotations

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parser_rule import parser_rule
from bagfill.bag.rules.rule import BOTH

RULE = parser_rule(FormatCode.DECLARATION_LINES, "RFC 8493 2.1.1; V27", BOTH)
