"""Every line of bag-info.txt is ``label: value`` or continues one. RFC 8493, section 2.2.2; storage service V2."""

from __future__ import annotations

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parser_rule import parser_rule
from bagfill.bag.rules.rule import BOTH

RULE = parser_rule(FormatCode.BAG_INFO_LINE, "RFC 8493 2.2.2; V2", BOTH)
