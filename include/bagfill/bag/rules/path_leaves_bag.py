"""No path in a manifest or in fetch.txt leads out of the bag: from the root, a home folder, or by dots.

RFC 8493, section 5.1.
"""

from __future__ import annotations

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parser_rule import parser_rule
from bagfill.bag.rules.rule import BOTH

RULE = parser_rule(FormatCode.PATH_LEAVES_BAG, "RFC 8493 5.1", BOTH)
