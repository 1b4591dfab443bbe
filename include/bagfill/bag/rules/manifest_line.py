"""Every line of a manifest is a checksum of its algorithm, blanks, and a path.

RFC 8493, section 2.1.3; storage service V10.
"""

from __future__ import annotations

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parser_rule import parser_rule
from bagfill.bag.rules.rule import BOTH

RULE = parser_rule(FormatCode.MANIFEST_LINE, "RFC 8493 2.1.3; V10", BOTH)
