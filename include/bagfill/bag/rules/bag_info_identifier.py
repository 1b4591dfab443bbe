"""The External-Identifier is one that the storage service can keep. Storage service V5."""

from __future__ import annotations

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parser_rule import parser_rule
from bagfill.bag.rules.rule import SERVICE_ONLY

RULE = parser_rule(FormatCode.BAG_INFO_IDENTIFIER, "V5", SERVICE_ONLY)
