"""Draw the card and the icon of the pages: ``python docs/draw_card.py`` writes them to ``docs/_static``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import image
from matplotlib.figure import Figure

STATIC = Path(__file__).resolve().parent / "_static"
COLORS = ("#0072B2", "#E69F00", "#009E73", "#D55E00")
# A small graph: places and edges of the nodes of the icon.
PLACES = np.array([[16, 16], [48, 14], [32, 34], [14, 50], [50, 48]])
EDGES = ((0, 2), (1, 2), (2, 3), (2, 4), (0, 1))


def icon() -> str:
    lines = "".join('<path d="M{} {}L{} {}"/>'.format(*PLACES[a], *PLACES[b]) for a, b in EDGES)
    colors = (COLORS[0], COLORS[1], "#222222", COLORS[2], COLORS[3])
    dots = "".join(
        f'<circle cx="{x}" cy="{y}" r="8" fill="{color}"/>' for (x, y), color in zip(PLACES, colors, strict=True)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="12" fill="#fff"/>'
        f'<g stroke="#8a8a8a" stroke-width="4">{lines}</g>{dots}</svg>\n'
    )


def card() -> Figure:
    figure = Figure(figsize=(12, 6.3), dpi=100)  # 1200 x 630 pixels, the size that readers of links ask for
    figure.set_facecolor("white")
    page = figure.add_axes((0, 0, 1, 1))
    page.set_xlim(0, 1200)
    page.set_ylim(630, 0)
    page.set_axis_off()
    places = PLACES * 1.9 + (72, 82)
    for a, b in EDGES:
        page.plot(*places[[a, b]].T, color="#8a8a8a", linewidth=4, zorder=1)
    for place, color in zip(places, (COLORS[0], COLORS[1], "#222222", COLORS[2], COLORS[3]), strict=True):
        page.scatter(*place, s=420, color=color, zorder=2)
    page.text(80, 290, "graphrep", fontsize=58, fontweight="bold", color="#111111", va="center")
    page.text(82, 365, "Graph representation learning", fontsize=23, color="#333333", va="center")
    for y, color, text in (
        (440, COLORS[0], "node vectors"),
        (490, COLORS[2], "clusters"),
        (540, COLORS[3], "missing links"),
    ):
        page.scatter(92, y, s=90, color=color)
        page.text(114, y, text, fontsize=20, color="#333333", va="center")
    picture = image.imread(STATIC / "debian_map.png")
    height, width = picture.shape[:2]
    tall = 600 * height / width
    page.imshow(picture, extent=(570, 1170, 315 + tall / 2, 315 - tall / 2), aspect="auto", interpolation="lanczos")
    page.set_xlim(0, 1200)
    page.set_ylim(630, 0)
    return figure


if __name__ == "__main__":
    (STATIC / "icon.svg").write_text(icon(), encoding="utf-8")
    card().savefig(STATIC / "card.png", metadata={"Software": None})
