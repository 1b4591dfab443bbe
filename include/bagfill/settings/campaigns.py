"""``[campaigns]``: what campaigns need a person for, and which spaces go first."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from bagfill.planning.order import MOST_URGENT
from bagfill.settings.sections import Section
from bagfill.steps.services import CampaignRules


def _money(value: Any) -> Any:
    """Money as a text or a whole number: a fraction that passed through binary is not what was written."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError('write money as a text, such as "500" or "99.50"')  # noqa: TRY004 - pydantic collects them
    try:
        return Decimal(value)
    except InvalidOperation:
        raise ValueError(f'{value!r} is no amount; write "500" or "99.50"') from None


Money = Annotated[Decimal, BeforeValidator(_money), Field(ge=0)]
"""An amount that is not negative."""

Priority = Annotated[int, Field(strict=True, ge=-MOST_URGENT, le=MOST_URGENT)]
"""Higher goes first."""


class CampaignsSection(Section):
    """``[campaigns]``."""

    approval_above: Money | None = None
    priorities: dict[str, Priority] = Field(default={})

    def rules(self) -> CampaignRules:
        """As the steps take them."""
        return CampaignRules(approval_above=self.approval_above, priorities=self.priorities)
