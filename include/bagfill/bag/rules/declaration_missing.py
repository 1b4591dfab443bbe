"""bagit.txt is there. RFC 8493, section 2.1.1; storage service V24."""

from __future__ import annotations

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parser_rule import parser_rule
from bagfill.bag.rules.rule import BOTH

RULE = parser_rule(FormatCode.DECLARATION_MISSING, "RFC 8493 2.1.1; V24", BOTH)
