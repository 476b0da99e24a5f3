"""A few of the galaxies with their maps: circles at the ends of the true bar, crosses at those of the measured one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks.bars.judging import Measured
from benchmarks.bars.samples import Sample
from gz2interp.figures.overlay import BAR_COLOUR
from gz2interp.figures.rgb import rgb, stretch_of
from gz2interp.schema import NATIVE_PIXEL_SCALE
from gz2interp.stores.models import ModelFolder
from gz2interp.workflows.bars import BarSettings, bar_maps
from gz2interp.workflows.study import Study

__all__ = ["draw"]

TRUE_COLOUR = "#FFFFFF"

BEYOND = 10
"""Pixels of each side that are not shown."""


def draw(path: Path, model: ModelFolder, sample: Sample, measured: Measured, question: BarSettings, count: int) -> None:
    """Every so-manieth of the measured galaxies in the order of their bars' lengths: none is chosen."""
    known = np.flatnonzero(np.isfinite(measured.length))
    some = known[np.argsort(sample.length[known])][np.linspace(0, len(known) - 1, count + 2).astype(int)[1:-1]]
    images = sample.survey.images(sample.rows[some])
    maps = bar_maps(Study(sample.survey, model), images, question).mean(axis=0)
    figure = Figure(figsize=(1.5 * count, 3.1), dpi=110, facecolor="black")
    panels = figure.subplots(2, count, gridspec_kw={"wspace": 0.03, "hspace": 0.03})
    figure.subplots_adjust(0, 0, 1, 0.93)
    colours = rgb(images, sample.survey.bands, stretch_of(images, sample.survey.bands))
    for column, at in enumerate(some):
        panels[0, column].imshow(colours[column], origin="lower")
        panels[1, column].imshow(maps[column], origin="lower", cmap="inferno", vmin=0, vmax=maps[column].max())
        words = f'{measured.length[at]:.1f}" (true {sample.length[at]:.1f}")'
        panels[0, column].set_title(words, color="white", fontsize=8, pad=3)
        for panel in panels[:, column]:
            panel.set_axis_off()
            panel.set(xlim=(BEYOND, 63 - BEYOND), ylim=(BEYOND, 63 - BEYOND))
            panel.plot(
                *_ends(sample.length[at], sample.angle[at]), "o", color=TRUE_COLOUR, fillstyle="none", markersize=7
            )
            panel.plot(*_ends(measured.length[at], measured.angle[at]), "x", color=BAR_COLOUR, markersize=5)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, facecolor="black", pil_kwargs={"quality": 85} if path.suffix == ".jpg" else {})


def _ends(length: float, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Of a bar in the middle of the image, x and y [pixel]."""
    half = length / 2 / NATIVE_PIXEL_SCALE * np.array([-1.0, 1.0])
    return 31.5 + half * np.cos(np.deg2rad(angle)), 31.5 + half * np.sin(np.deg2rad(angle))
