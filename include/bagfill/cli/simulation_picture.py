"""A simulated campaign as a picture: progress, thaw, spend and workers over time, beside the naive loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bagfill.planning.simulation.record import Course, Sample
from bagfill.planning.simulation.run import Simulation
from bagfill.planning.waves import DAY

_OURS, _NAIVE, _CAP = "#1b6ca8", "#b0b0b0", "#c0392b"
_TERA = 1e12


def draw_simulation(simulation: Simulation, file: Path) -> None:
    """Write the picture.

    Args:
        simulation: with its samples.
        file: its suffix says the form: ``.svg``, ``.png`` or ``.pdf``.

    Raises:
        ValueError: matplotlib knows no such form.
        OSError: the file cannot be written.
    """
    # Loaded here: only whoever wants a picture pays for it.
    import matplotlib as mpl

    mpl.use("Agg")
    # Without them two runs would write different files for the same picture.
    mpl.rcParams["svg.hashsalt"] = "bagfill"
    from matplotlib import pyplot as plt

    figure, ((progress, thaw), (spend, workers)) = plt.subplots(2, 2, figsize=(11, 6.5), sharex=True)
    ours, naive = simulation.campaign, simulation.naive
    _end(progress, naive, naive.bytes / _TERA)
    _line(progress, ours, lambda each: each.verified / _TERA, _OURS, "campaign")
    progress.set_ylabel("TB read back and right")
    progress.legend(frameon=False)

    days = [each.seconds / DAY for each in ours.samples]
    thaw.fill_between(days, [each.thawing / _TERA for each in ours.samples], color=_NAIVE, label="asked for")
    thaw.fill_between(
        days, [each.thawed / _TERA for each in ours.samples], color=_OURS, label="readable, not yet read back"
    )
    thaw.set_ylabel("TB being thawed")
    thaw.legend(frameon=False)

    currency = simulation.to_json()["currency"] or "money"
    _end(spend, naive, float(naive.billed))
    _line(spend, ours, lambda each: float(each.billed), _OURS, "campaign, billed")
    _line(spend, ours, lambda each: float(each.booked), _OURS, "campaign, booked", "--")
    if simulation.profile.cap is not None:
        spend.axhline(float(simulation.profile.cap), color=_CAP, linewidth=1, label="cap")
    spend.set_ylabel(currency)
    spend.set_xlabel("days")
    spend.legend(frameon=False)

    _line(workers, ours, lambda each: each.busy, _OURS, "campaign")
    workers.set_ylabel("workers at work")
    workers.set_xlabel("days")
    workers.set_ylim(bottom=0)

    for part in (progress, thaw, spend, workers):
        part.grid(alpha=0.25)
        part.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"{simulation.profile.name}, seed {simulation.seed}: {simulation.bags:,} bags, {simulation.files:,} files, "
        f"{simulation.bytes / _TERA:,.0f} TB"
    )
    figure.tight_layout()
    figure.savefig(file, dpi=110, metadata={"Date": None} if file.suffix == ".svg" else None)
    plt.close(figure)


def _end(part: Any, course: Course, value: float) -> None:
    """Where the naive loop ends: of its way there nothing is recorded."""
    part.plot([course.days], [value], "o", color=_NAIVE, label="restore, wait, copy: its end")


def _line(
    part: Any, course: Course, value: Callable[[Sample], float], colour: str, label: str, style: str = "-"
) -> None:
    days = [each.seconds / DAY for each in course.samples]
    part.plot(days, [value(each) for each in course.samples], style, color=colour, label=label, linewidth=1.6)
