"""A manifest lists a file once, in whatever spelling. RFC 8493, section 2.1.3; storage service V11."""

from __future__ import annotations

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parser_rule import parser_rule
from bagfill.bag.rules.rule import BOTH

RULE = parser_rule(FormatCode.MANIFEST_DUPLICATE, "RFC 8493 2.1.3; V11", BOTH)
