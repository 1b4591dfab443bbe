"""fetch.txt lists a file once. Storage service V20."""

from __future__ import annotations

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parser_rule import parser_rule
from bagfill.bag.rules.rule import BOTH

RULE = parser_rule(FormatCode.FETCH_DUPLICATE, "V20", BOTH)
