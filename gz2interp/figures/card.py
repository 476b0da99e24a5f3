"""A network's card as a page for print: reliability, confusion, failures, training and the most confident mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from gz2interp.cards import Evaluation, Failures, ModelCard
from gz2interp.figures.colours import OKABE_ITO
from gz2interp.figures.pieces.pictures import put_scale_bar
from gz2interp.figures.shown import CutoutSky
from gz2interp.figures.style import STYLE
from gz2interp.schema import name_in_words
from gz2interp.stores.files import atomic_write

__all__ = ["card_figure", "save_card_figure"]

BLUE, ORANGE, INK, PALE = OKABE_ITO[0], OKABE_ITO[3], "#222222", "#BBBBBB"
_WIDTH: Final = 7.1
_PER_ROW: Final = 6
_CARD_STYLE: Final[Any] = {**STYLE, "axes.titlelocation": "left", "legend.frameon": False}

Bytes = NDArray[np.uint8]


def card_figure(card: ModelCard, pictures: Bytes | None = None, sky: CutoutSky | None = None) -> Figure:
    """What can be drawn of a card; what is not known leaves a word in its place.

    Parameters
    ----------
    card : ModelCard
    pictures : uint8 (mistake, y, x, 3), optional
        In array order, of the card's mistakes.
    sky : CutoutSky, optional
        Of the first of them, for its scale bar.
    """
    lines = 0 if pictures is None else -(-len(pictures) // _PER_ROW)
    heights = [2.3, 1.9, *([1.45 * lines] if lines else [])]
    with mpl.rc_context(_CARD_STYLE):
        figure = Figure(figsize=(_WIDTH, sum(heights) + 0.45), layout="constrained")
        figure.suptitle(f"{card.model} on {card.data.survey}", x=0.01, ha="left", fontsize=10, weight="bold")
        parts = np.atleast_1d(np.array(figure.subfigures(len(heights), 1, height_ratios=heights)))
        _draw_scores(parts[0], card)
        _draw_below(parts[1], card)
        if pictures is not None and lines:
            _draw_mistakes(parts[2], card, pictures, lines)
            if sky is not None:
                put_scale_bar(parts[2].axes[0], sky, pictures.shape[1:3])
    return figure


def save_card_figure(figure: Figure, folder: Path) -> None:
    """Write ``card.pdf`` and ``card.png``; the same card gives the same bytes."""
    with mpl.rc_context(_CARD_STYLE):
        with atomic_write(folder / "card.pdf") as aside:
            figure.savefig(aside, metadata={"CreationDate": None, "Producer": "gz2interp"})
        with atomic_write(folder / "card.png") as aside:
            figure.savefig(aside, dpi=200)


def _draw_scores(part: Any, card: ModelCard) -> None:
    left, right = part.subplots(1, 2, width_ratios=(1, 1.1))
    if card.evaluation is None:
        _without(left, "As often right as it is sure?", "not evaluated")
        _without(right, "What it takes for what", "not evaluated")
        return
    _draw_reliability(left, card.evaluation)
    _draw_confusion(right, card.evaluation)


def _draw_reliability(axes: Axes, evaluation: Evaluation) -> None:
    bins = evaluation.reliability
    right, low, high = _columns([part.right for part in bins])
    axes.plot([0, 1], [0, 1], color=PALE, lw=0.8, zorder=0)
    spread = np.clip([right - low, high - right], 0, None)
    axes.errorbar([part.confidence for part in bins], right, yerr=spread, fmt="o", ms=3.5, lw=0.9, color=BLUE)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", ylabel="accuracy")
    axes.set_title(
        f"As often right as it is sure? Brier {evaluation.brier.plain}\n"
        f"calibration error {evaluation.calibration_error}\nof an ideal network {evaluation.ideal_calibration_error}"
    )


def _draw_confusion(axes: Axes, evaluation: Evaluation) -> None:
    counts = np.array(evaluation.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [name_in_words(score.name) for score in evaluation.classes]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.55 else INK
            axes.text(column, row, f"{count}", ha="center", va="center", color=colour)
    axes.set_xticks(range(len(names)), names, rotation=25, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="prediction", ylabel="label")
    axes.tick_params(length=0)
    axes.set_title(f"Confusion matrix\naccuracy {evaluation.accuracy}\nof {evaluation.accuracy.count} galaxies")


def _draw_below(part: Any, card: ModelCard) -> None:
    panels = part.subplots(1, 3)
    for place in range(2):
        if place < len(card.failures):
            _draw_failures(panels[place], card.failures[place])
        else:
            _without(panels[place], "Share that is wrong", "not known")
    _draw_history(panels[2], card)


def _draw_failures(axes: Axes, failures: Failures) -> None:
    share, low, high = _columns([part.share for part in failures.bins])
    middle = np.array([(part.low + part.high) / 2 for part in failures.bins])
    half = np.array([(part.high - part.low) / 2 for part in failures.bins])
    spread = np.clip([share - low, high - share], 0, None)
    axes.errorbar(middle, share, xerr=half, yerr=spread, fmt="o", ms=3.5, lw=0.9, color=ORANGE)
    axes.set(xlabel=failures.words, ylim=(0, None))
    axes.set_title("Error rate")


def _draw_history(axes: Axes, card: ModelCard) -> None:
    history = card.training.history if card.training else {}
    if "loss" not in history:
        _without(axes, "Training", "not known")
        return
    epochs = history.get("epoch", range(1, len(history["loss"]) + 1))
    named = (("loss", "training", BLUE, "-"), ("validation_loss", "validation", ORANGE, "--"))
    for column, name, colour, dashes in named:
        if column in history:
            axes.plot(epochs, history[column], dashes, color=colour, lw=1, label=name)
    axes.set(xlabel="epoch", ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_title("Loss")
    axes.legend(handlelength=1.8, borderpad=0)


def _draw_mistakes(part: Any, card: ModelCard, pictures: Bytes, lines: int) -> None:
    panels = part.subplots(lines, _PER_ROW, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, mistake, picture in zip(panels, card.mistakes, pictures, strict=False):
        axes.imshow(picture, origin="lower", interpolation="nearest")
        prediction, label = (name_in_words(word) for word in (mistake.prediction, mistake.label))
        axes.set_title(f"{prediction} {mistake.confidence:.0%}\nlabel {label}", fontsize=6, pad=2)
        axes.text(0.5, -0.03, mistake.galaxy_id, transform=axes.transAxes, ha="center", va="top", fontsize=4.5)
    part.suptitle("Most confident errors", x=0.01, ha="left", fontsize=7)


def _columns(estimates: Any) -> NDArray[np.float64]:
    """Value, low and high, float (3, n)."""
    return (
        np.array([(estimate.value, estimate.low, estimate.high) for estimate in estimates], np.float64).reshape(-1, 3).T
    )


def _without(axes: Axes, title: str, words: str) -> None:
    axes.set_title(title)
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color="#666666")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(PALE)
