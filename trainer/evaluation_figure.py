"""Figure of an evaluation: reliability diagram, distribution of confidence and confusion matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from gz2interp.cards import Evaluation
from gz2interp.schema import name_in_words
from gz2interp.stores.files import atomic_write

__all__ = ["evaluation_figure", "save_figure"]

INK, BLUE, PALE = "#222222", "#0072B2", "#BBBBBB"
"""The blue is from the colour-blind safe palette of Okabe and Ito: https://jfly.uni-koeln.de/color/"""

STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "legend.frameon": False,
    "pdf.fonttype": 42,  # embed text as fonts, as journals require
}


def evaluation_figure(evaluation: Evaluation) -> Figure:
    """Draw the reliability diagram, the histogram of confidence below it, and the confusion matrix."""
    with rc_context(STYLE):
        figure = Figure(figsize=(7.1, 3.5), layout="constrained")
        panels = figure.subplot_mosaic(
            [["reliability", "confusion"], ["counts", "confusion"]], height_ratios=(3, 1), width_ratios=(1, 1.15)
        )
        _draw_reliability(panels["reliability"], evaluation)
        _draw_counts(panels["counts"], evaluation)
        panels["counts"].sharex(panels["reliability"])
        _draw_confusion(figure, panels["confusion"], evaluation)
    return figure


def save_figure(figure: Figure, folder: Path, stem: str) -> None:
    """Save as PDF and PNG; the same evaluation gives the same PDF."""
    with rc_context(STYLE):
        with atomic_write(folder / f"{stem}.pdf") as aside:
            figure.savefig(aside, metadata={"CreationDate": None})
        with atomic_write(folder / f"{stem}.png") as aside:
            figure.savefig(aside, dpi=200)


def _draw_reliability(axes: Any, evaluation: Evaluation) -> None:
    bins = [part for part in evaluation.reliability if part.right.value is not None]
    confidence = [part.confidence for part in bins]
    right = np.array([part.right.value for part in bins], float)
    low = right - np.array([part.right.low for part in bins], float)
    high = np.array([part.right.high for part in bins], float) - right
    axes.plot([0, 1], [0, 1], color=PALE, lw=0.8, zorder=0)
    axes.errorbar(confidence, right, yerr=np.clip([low, high], 0, None), fmt="o", ms=4, lw=1, color=BLUE, clip_on=False)
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
    axes.set_title(
        f"Reliability. Brier score {evaluation.brier.plain}\n"
        f"calibration error {evaluation.calibration_error}\n"
        f"of an ideal network {evaluation.ideal_calibration_error}"
    )
    axes.tick_params(labelbottom=False, top=True, right=True)


def _draw_counts(axes: Any, evaluation: Evaluation) -> None:
    counts = [part.right.count for part in evaluation.reliability]
    edges = [part.low for part in evaluation.reliability]
    axes.bar(edges, counts, width=0.1, align="edge", color=BLUE, edgecolor="white", lw=0.8)
    axes.set(xlabel="confidence", ylabel="galaxies", yscale="log", ylim=(0.5, 3 * max(counts)))
    axes.tick_params(top=True, right=True)


def _draw_confusion(figure: Figure, axes: Any, evaluation: Evaluation) -> None:
    counts = np.array(evaluation.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [name_in_words(score.name) for score in evaluation.classes]
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.hlines(np.arange(len(names) + 1) - 0.5, -0.5, len(names) - 0.5, color="white", lw=1)
    axes.vlines(np.arange(len(names) + 1) - 0.5, -0.5, len(names) - 0.5, color="white", lw=1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            bright = shares[row, column] > 0.55
            axes.text(column, row, f"{count}", ha="center", va="center", color="white" if bright else INK, fontsize=7)
    axes.set_xticks(range(len(names)), names, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="prediction", ylabel="label")
    axes.set_title(f"Confusion matrix\naccuracy {evaluation.accuracy}")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, shrink=0.7, pad=0.02)
    bar.set_label("share of the labelled galaxies of a class")
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)
