"""The Payload-Oxum is ``bytes.files``, both numbers. RFC 8493, section 2.2.2; storage service V6."""

from __future__ import annotations

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parser_rule import parser_rule
from bagfill.bag.rules.rule import BOTH

RULE = parser_rule(FormatCode.BAG_INFO_OXUM, "RFC 8493 2.2.2; V6", BOTH)
