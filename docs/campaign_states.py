"""Draws the states of a campaign from the code, into ``docs/images/campaign-states.svg``."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from bagfill.campaigns.states import TRANSITIONS, CampaignState

S = CampaignState
PLACES = {
    S.DRAFT: (1.1, 4.0),
    S.AWAITING_APPROVAL: (1.1, 1.6),
    S.RUNNING: (4.6, 2.8),
    S.PAUSED: (4.6, 5.0),
    S.STOPPED_AT_CAP: (4.6, 0.6),
    S.DRAINING: (8.3, 4.3),
    S.DONE: (11.2, 2.8),
}
COLOURS = {S.RUNNING: "#cfe8dd", S.DRAINING: "#cfe8dd", S.DONE: "#e6e6e6", S.PAUSED: "#f5e6d3"}
WAITING = "#f5e6d3"
WIDTH, HEIGHT = 1.9, 0.8


def draw() -> None:
    """Every transition is an arrow but those to cancelled, which all states have and the text says."""
    mpl.rcParams.update({"svg.hashsalt": "bagfill", "svg.fonttype": "path", "font.size": 11})
    figure, axes = plt.subplots(figsize=(11, 5))
    boxes = {}
    for state, (x, y) in PLACES.items():
        colour = COLOURS.get(state, WAITING)
        corner = (x - WIDTH / 2, y - HEIGHT / 2)
        box = FancyBboxPatch(corner, WIDTH, HEIGHT, "round,pad=0.05,rounding_size=0.2", fc=colour, ec="#444444")
        boxes[state] = axes.add_patch(box)
        axes.text(x, y, state.value.replace(" ", "\n", 1), ha="center", va="center")
    for state, following in TRANSITIONS.items():
        for to in following - {S.CANCELLED}:
            both = state in TRANSITIONS[to]
            axes.add_patch(
                FancyArrowPatch(
                    PLACES[state], PLACES[to], arrowstyle="-|>", mutation_scale=14, color="#444444",
                    patchA=boxes[state], patchB=boxes[to], shrinkA=3, shrinkB=3,
                    connectionstyle=f"arc3,rad={0.15 if both else 0.0}",
                )
            )  # fmt: skip
    every = "from every state that is not final: cancelled"
    axes.text(11.2, 0.6, every.replace(": ", ":\n"), ha="center", va="center", color="#444444", style="italic")
    axes.set_xlim(0, 13)
    axes.set_ylim(-0.2, 5.8)
    axes.axis("off")
    target = Path(__file__).parent / "images" / "campaign-states.svg"
    figure.savefig(target, metadata={"Date": None}, bbox_inches="tight")


if __name__ == "__main__":
    draw()
