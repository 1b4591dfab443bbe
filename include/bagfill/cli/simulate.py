"""``bagfill simulate``."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Any

from rich.table import Table

from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.plan_bar import PlanBar
from bagfill.planning.simulation.acts import UnknownPrices
from bagfill.planning.simulation.run import Simulation, simulate
from bagfill.quantities import show_size
from bagfill.settings import settings_path
from bagfill.settings.simulation import load_profile

_FORMS = (".svg", ".png", ".pdf")
_HUNDRED = 100


def run(answers: Answers, config: Path | None, profile: str, *, seed: int, picture: Path | None) -> Exit:
    """Simulate, and tell how the campaign and the naive loop fared. Nothing but files of this computer is opened."""
    if picture is not None and picture.suffix not in _FORMS:
        raise CommandError(f"--picture: found {str(picture)!r}; its name must end in {', '.join(_FORMS)}")
    if picture is not None and not picture.absolute().parent.is_dir():
        raise CommandError(f"--picture: there is no folder {picture.absolute().parent}")
    loaded = load_profile(profile, settings_path(config).parent / "prices")
    begun, done = time.monotonic(), 0
    with PlanBar(answers.aside, f"simulating {loaded.name}", _HUNDRED) as bar:

        def looked(share: float) -> None:
            nonlocal done
            bar.advanced(int(share * _HUNDRED) - done)
            done = int(share * _HUNDRED)

        try:
            simulation = simulate(loaded, seed, looked=looked)
        except UnknownPrices as error:
            raise CommandError(str(error)) from None
    found = simulation.to_json()
    found["wall_seconds"] = round(time.monotonic() - begun, 1)
    found["peak_rss_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    if picture is not None:
        from bagfill.cli.simulation_picture import draw_simulation

        draw_simulation(simulation, picture)
        answers.remark(f"picture written to {picture}")
    if answers.as_json:
        answers.document(found)
    else:
        _show(answers, simulation, found)
    return Exit.NEGATIVE if simulation.campaign.stopped else Exit.DONE


def _show(answers: Answers, simulation: Simulation, found: dict[str, Any]) -> None:
    answers.text(
        f"{found['profile']}, seed {found['seed']}: {found['bags']:,} bags, {found['files']:,} files, "
        f"{show_size(found['bytes'])}, of which {show_size(found['archived_bytes'])} are archived"
    )
    currency = found["currency"] or ""
    table = Table()
    for name in ("", "campaign", "restore, wait, copy", "planned"):
        table.add_column(name, justify="right" if name else "left")
    naive, planned = found["naive"], found["planned"]

    def money(amount: float | None) -> str:
        return "–" if amount is None else f"{amount:,.2f} {currency}"

    def days(number: float) -> str:
        return f"{number:,.1f} days"

    table.add_row("time", days(found["virtual_days"]), days(naive["virtual_days"]), days(planned["virtual_days"]))
    table.add_row("99 % verified after", days(found["days_to_99_percent"]))
    table.add_row("cost", money(found["cost"]), money(naive["cost"]), money(planned["cost"]))
    if found["cap"] is not None:
        table.add_row(
            f"beyond the cap of {money(found['cap'])}", *(money(each["cap_overshoot"]) for each in (found, naive))
        )
    rows = {
        "copies that expired unverified": "expired_unverified",
        "bags asked for again": "asked_again",
        "pieces of work done again": "failures",
        "bags at the destination": "verified_bags",
    }
    for words, key in rows.items():
        table.add_row(words, f"{found[key]:,}", f"{naive[key]:,}")
    table.add_row("use of the workers", f"{found['worker_use']:.0%}", f"{naive['worker_use']:.0%}")
    answers.table(table)
    if simulation.campaign.stopped:
        answers.text(f"The campaign stopped: {simulation.campaign.stopped}.")
    if simulation.naive.stopped:
        answers.text(f"The loop of restore, wait, copy {simulation.naive.stopped}.")
