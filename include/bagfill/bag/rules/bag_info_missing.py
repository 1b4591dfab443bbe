"""bag-info.txt is there, which BagIt leaves open. Storage service V1."""

from __future__ import annotations

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parser_rule import parser_rule
from bagfill.bag.rules.rule import SERVICE_ONLY

RULE = parser_rule(FormatCode.BAG_INFO_MISSING, "V1", SERVICE_ONLY, waivable=True)
