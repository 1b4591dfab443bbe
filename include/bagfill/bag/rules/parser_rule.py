"""Makes the rule of a fault that a parser reports: a tag file that breaks it cannot be understood, or not in full."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bagfill.bag.errors import FormatCode
from bagfill.bag.rules.finding import Profile, Severity
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import Fault, Rule


def parser_rule(
    code: FormatCode, clause: str, severities: Mapping[Profile, Severity], *, waivable: bool = False
) -> Rule:
    """The rule whose breaches are the faults with this code.

    Args:
        code: of the fault; the parsers in ``bagfill.bag`` say what causes it.
        clause, severities, waivable: as of :class:`~bagfill.bag.rules.rule.Rule`.
    """

    def find(bag: ParsedBag) -> Iterable[Fault]:
        return [Fault(fault.file, fault.message) for fault in bag.faults if fault.code is code]

    return Rule(code.value, clause, severities, find, waivable=waivable)
