"""The Bagging-Date is ``YYYY-MM-DD``. RFC 8493, section 2.2.2; storage service V7."""

from __future__ import annotations

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.parser_rule import parser_rule
from bagfill.bag.rules.rule import SERVICE_BAGIT_WARNS

RULE = parser_rule(FormatCode.BAG_INFO_DATE, "RFC 8493 2.2.2; V7", SERVICE_BAGIT_WARNS, waivable=True)
