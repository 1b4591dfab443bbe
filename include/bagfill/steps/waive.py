"""Grant or end a waiver: a person lets a known bag version through although it breaks a certain rule."""

from __future__ import annotations

from datetime import UTC, datetime

from bagfill.bag.identifiers import BagVersionId
from bagfill.bag.rules.catalogue import RULES
from bagfill.registry.waivers import Waiver
from bagfill.steps.requests import RequestError
from bagfill.steps.services import Services

WAIVABLE_CODES = tuple(sorted(rule.code for rule in RULES if rule.waivable))
"""The closed list: rules about form, never about fixity, completeness, identity, or paths that lead out of the bag."""


def grant_waiver(
    services: Services,
    bag_version: BagVersionId,
    *,
    code: str,
    path: str,
    who: str,
    why: str,
    until: str | None = None,
) -> Waiver:
    """Let a bag version break one rule in one file, from now on.

    Args:
        bag_version: a known one.
        code: of the rule.
        path: as the finding names it: a file of the bag, or empty for the bag as a whole.
        who: decides it.
        why: for those who read the receipt.
        until: when it ends: ``YYYY-MM-DD`` or a moment in ISO 8601, UTC unless it says otherwise; ``None``: never.

    Raises:
        RequestError: every reason why it cannot be granted.
    """
    now = services.clock()
    end, problems = _end(until, now)
    problems += _problems(services, bag_version, code, path)
    problems += [f"--{name}: is empty" for name, text in (("who", who), ("why", why)) if not text.strip()]
    if problems:
        raise RequestError(tuple(problems))
    waiver = Waiver(bag_version, path, code, who.strip(), why.strip(), now, end)
    services.waivers.grant(waiver)
    return waiver


def end_waiver(services: Services, bag_version: BagVersionId, *, code: str, path: str, who: str, why: str) -> Waiver:
    """End a waiver that holds. It stays on the receipts of replicas that were registered with it.

    Raises:
        RequestError: there is none that holds, or nobody says why.
    """
    now = services.clock()
    held = [each for each in services.waivers.of(bag_version) if each.covers(code, path) and each.holds_at(now)]
    problems = [] if held else [f"{bag_version} has no waiver of {code} for {path or 'the bag as a whole'} that holds"]
    problems += [f"--{name}: is empty" for name, text in (("who", who), ("why", why)) if not text.strip()]
    if problems:
        raise RequestError(tuple(problems))
    waiver = Waiver(bag_version, path, code, who.strip(), why.strip(), now, now)
    services.waivers.grant(waiver)
    return waiver


def _problems(services: Services, bag_version: BagVersionId, code: str, path: str) -> list[str]:
    problems: list[str] = []
    allowed = f"rules that can be waived are {', '.join(WAIVABLE_CODES)}"
    if code not in {rule.code for rule in RULES}:
        problems.append(f"--code: found {code!r}, which is no rule; {allowed}")
    elif code not in WAIVABLE_CODES:
        problems.append(f"--code: {code} cannot be waived; {allowed}")
    stored = services.registry.manifest(bag_version)
    if stored is None:
        problems.append(f"{bag_version} is not known to the registry")
    elif path and not any(file.name == path for file in stored.manifest.files):
        problems.append(f"--path: found {path!r}, which is no file of {bag_version}; without it: the bag as a whole")
    return problems


def _end(text: str | None, now: datetime) -> tuple[datetime | None, list[str]]:
    if text is None:
        return None, []
    try:
        end = datetime.fromisoformat(text)
    except ValueError:
        return None, [f"--until: found {text!r}, allowed is YYYY-MM-DD or a moment in ISO 8601"]
    end = end if end.tzinfo else end.replace(tzinfo=UTC)
    return end, [f"--until: {text} is over; a waiver ends in the future"] if end <= now else []
