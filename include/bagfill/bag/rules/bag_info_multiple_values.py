"""A label that means one thing has one value in bag-info.txt; in BagIt that is the Payload-Oxum.

RFC 8493, section 2.2.2; storage service V4.
"""

from __future__ import annotations

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parser_rule import parser_rule
from bagfill.bag.rules.rule import BOTH

RULE = parser_rule(FormatCode.BAG_INFO_MULTIPLE_VALUES, "RFC 8493 2.2.2; V4", BOTH)
