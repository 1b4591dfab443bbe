"""Judge a bag version by all rules of a profile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bagfill.bag.rules.catalogue import RULES
from bagfill.bag.rules.contents import BagContents
from bagfill.bag.rules.finding import Finding, Profile, Severity
from bagfill.bag.rules.parse_bag import parse_bag
from bagfill.bag.rules.parsed_bag import ParsedBag


def check(contents: BagContents, profile: Profile) -> list[Finding]:
    """Everything that is wrong with a bag version, not just the first thing.

    Args:
        contents: what was found and read. Payload is compared where its digests are given.
        profile: BagIt alone, or the storage service's rules.

    Returns:
        In the order of the rules; none when nothing is wrong.
    """
    return check_parsed(parse_bag(contents, profile))


def check_parsed(bag: ParsedBag) -> list[Finding]:
    """The same for a bag version that was parsed before, by the profile it was parsed for."""
    return [
        Finding(rule.code, rule.severities[bag.profile], fault.path, fault.message)
        for rule in RULES
        if bag.profile in rule.severities
        for fault in rule.find(bag)
    ]


def is_valid(findings: Iterable[Finding]) -> bool:
    """Whether none of some findings is an error."""
    return all(finding.severity is not Severity.ERROR for finding in findings)


def service_texts(findings: Iterable[Finding]) -> list[str]:
    """The messages as the storage service would word them: one for all files that break the same rule.

    A file that breaks one rule several times is named once.
    """
    folds = {rule.code: rule.fold for rule in RULES}
    texts: list[str] = []
    grouped: dict[Callable[[Sequence[str]], str], dict[str, None]] = {}
    for finding in findings:
        fold = folds.get(finding.code)
        if fold is None:
            texts.append(finding.message)
        else:
            grouped.setdefault(fold, {})[finding.path] = None
    return texts + [fold(list(paths)) for fold, paths in grouped.items()]
