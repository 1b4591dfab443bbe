"""bagit.txt has 1,000 bytes at most: two lines never need more. Storage service V25."""

from __future__ import annotations

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parser_rule import parser_rule
from bagfill.bag.rules.rule import BOTH

RULE = parser_rule(FormatCode.DECLARATION_TOO_LARGE, "V25", BOTH)
