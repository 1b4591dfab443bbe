"""bag-info.txt has the External-Identifier, the Payload-Oxum and the Bagging-Date. Storage service V3."""

from __future__ import annotations

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parser_rule import parser_rule
from bagfill.bag.rules.rule import SERVICE_ONLY

RULE = parser_rule(FormatCode.BAG_INFO_KEY_MISSING, "V3", SERVICE_ONLY, waivable=True)
