"""``[forecast]``: what plans and simulations start from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bagfill.planning.forecast_rules import ForecastRules
from bagfill.settings.sections import LocationName, Section, Size

_DEFAULTS = ForecastRules()


class ForecastSection(Section):
    """The same names and defaults as :class:`bagfill.planning.forecast_rules.ForecastRules`."""

    workers: Annotated[int, Field(ge=1, le=100_000)] = _DEFAULTS.workers
    workers_at: LocationName | None = _DEFAULTS.workers_at
    bandwidth: Annotated[Size, Field(ge=1)] | None = _DEFAULTS.bandwidth
    seconds_a_file: Annotated[float, Field(ge=0, le=3600)] = _DEFAULTS.seconds_a_file
    sample: Annotated[int, Field(ge=1, le=1_000_000)] = _DEFAULTS.sample

    def rules(self) -> ForecastRules:
        """As the steps take them."""
        return ForecastRules(**{name: getattr(self, name) for name in type(self).model_fields})
