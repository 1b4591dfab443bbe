"""Every line of fetch.txt is a URI, a length or a dash, and a path. RFC 8493, section 2.2.3; storage service V17."""

from __future__ import annotations

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parser_rule import parser_rule
from bagfill.bag.rules.rule import BOTH

RULE = parser_rule(FormatCode.FETCH_LINE, "RFC 8493 2.2.3; V17", BOTH)
