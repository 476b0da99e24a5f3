"""``gz2interp bar``: bars of galaxies, measured from where the network sees them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.attribution.symmetry import VIEWS, turned, turned_back
from gz2interp.errors import InputError, choices
from gz2interp.measure.bars import BAR_CLASSES, axis_scatter, bars_in, position_angles, seen_in
from gz2interp.network.scores import Score, logit
from gz2interp.schema import GALAXY_ID
from gz2interp.workflows.explain import AttributionSettings, attribute, find_method, row_with_image
from gz2interp.workflows.study import Progress, Study

__all__ = [
    "BarSettings",
    "bar_class",
    "bar_maps",
    "bar_score",
    "bars_in_words",
    "measure_bars",
    "measure_bars_in_batches",
]

FEWER_SAMPLES: Final[dict[str, dict[str, int]]] = {"smooth_grad": {"samples": 4}, "integrated_gradients": {"steps": 8}}
"""Options of methods that look many times: each of the eight views is a look of its own."""

PORTION: Final = 32
"""Galaxies in memory at a time."""

NUMBERS: Final = (
    "probability", "length", "length_scatter", "angle", "position_angle", "angle_scatter", "axis_ratio"
)  # fmt: skip

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BarSettings:
    """How bars are to be measured.

    Attributes
    ----------
    method : str
        One of `gz2interp.attribution.METHODS`.
    class_name : str
        The network's class of barred galaxies; "" for the one that bears the name.
    least : float
        Probability of a bar from which on one is measured.
    line : (offset, slope)
        From a length on the map to the bar's, ``offset + slope * length`` [arcsec], as found on galaxies of known make.
    layers : tuple of str
        For methods that look at a layer; of several, the geometric mean of their maps counts: early layers know where,
        later ones know what. None for the last spatial one.
    """

    method: str = "gradient"
    class_name: str = ""
    least: float = 0.5
    line: tuple[float, float] = (0.0, 1.0)
    layers: tuple[str, ...] = ()


def measure_bars(
    study: Study,
    galaxy_ids: Sequence[int | str] = (),
    question: BarSettings | None = None,
    *,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Length and direction of the bars of galaxies, in their order; by default of every galaxy of the survey.

    Parameters
    ----------
    study : Study
    galaxy_ids : sequence of int or str, optional
    question : BarSettings, optional
    progress : callable, optional

    Returns
    -------
    DataFrame
        ``galaxy_id``, ``probability`` of a bar, ``length`` from end to end [arcsec], its ``length_scatter``,
        ``angle`` from the x axis towards y and ``position_angle`` on the sky (north to east) [deg], ``angle_scatter``,
        ``axis_ratio`` of the shape on the map, and ``why_not``: why nothing was measured, "" where it was. The scatter
        is the standard deviation over the galaxy's eight turned and mirrored views.

    Raises
    ------
    InputError
        A galaxy, a method or a class is not known, or the network has no class of barred galaxies.
    SurveyError
        A galaxy that was named has no image; the error says why.
    """
    return pd.concat(measure_bars_in_batches(study, galaxy_ids, question, progress=progress), ignore_index=True)


def measure_bars_in_batches(
    study: Study,
    galaxy_ids: Sequence[int | str] = (),
    question: BarSettings | None = None,
    *,
    progress: Progress | None = None,
) -> Iterator[pd.DataFrame]:
    """The table of `measure_bars` a few galaxies at a time, in memory that does not grow with the survey.

    Parameters
    ----------
    study : Study
    galaxy_ids : sequence of int or str, optional
        By default every galaxy of the survey; one without an image then has its reason in ``why_not``.
    question : BarSettings, optional
    progress : callable, optional
    """
    question = _validate(study, question or BarSettings())
    rows = _rows(study, galaxy_ids)
    for start in range(0, len(rows), PORTION):
        yield _measure(study, rows[start : start + PORTION], question)
        if progress is not None:
            progress("bars", min(start + PORTION, len(rows)), len(rows))


def bars_in_words(found: pd.DataFrame) -> pd.DataFrame:
    """What `measure_bars` gives as texts, for a screen."""
    return pd.DataFrame(
        {
            GALAXY_ID: found[GALAXY_ID],
            "bar": [f"{value:.0%}" if np.isfinite(value) else "" for value in found["probability"]],
            "length [arcsec]": _with_scatter(found, "length", 2),
            "position angle [deg]": _with_scatter(
                found.assign(position_angle_scatter=found["angle_scatter"]), "position_angle", 0
            ),
            "angle x to y [deg]": _with_scatter(found, "angle", 0),
            "why not": found["why_not"],
        }
    )


def _with_scatter(found: pd.DataFrame, name: str, digits: int) -> list[str]:
    return [
        f"{value:.{digits}f} \N{PLUS-MINUS SIGN}{scatter:.{digits}f}" if np.isfinite(value) else ""
        for value, scatter in zip(found[name], found[f"{name}_scatter"], strict=True)
    ]


def bar_class(names: Sequence[str], asked: str = "") -> str:
    """The class of barred galaxies among a network's.

    Raises
    ------
    InputError
        There is none, or the one that was asked for is not among them.
    """
    found = [asked] if asked else [name for name in BAR_CLASSES if name in names]
    if not found or found[0] not in names:
        raise InputError(
            f"The network has no class {asked!r}" if asked else "The network has no class of barred galaxies",
            f"Its classes are {choices(names)}",
            "Name the class with --class, or train a network: python -m trainer fit SURVEY --scheme barred",
        )
    return found[0]


def bar_score(names: Sequence[str], asked: str = "") -> Score:
    """What is explained: the logit of a bar, against the other class where there are two."""
    name = bar_class(names, asked)
    others = [other for other in names if other != name]
    return logit(name) - logit(others[0]) if len(others) == 1 else logit(name)


def bar_maps(study: Study, images: NDArray[np.float32], question: BarSettings) -> Floats:
    """Where a bar is seen in each of an image's eight views, turned back: float (view, n, y, x), not below 0."""
    together = [_layer_maps(study, images, question, layer) for layer in question.layers or ("",)]
    if len(together) == 1:
        return together[0]
    shares = [maps / np.maximum(maps.sum(axis=(2, 3), keepdims=True), np.finfo(float).tiny) for maps in together]
    return np.asarray(np.prod(shares, axis=0) ** (1 / len(shares)))


def _layer_maps(study: Study, images: NDArray[np.float32], question: BarSettings, layer: str) -> Floats:
    score = bar_score(study.probe.class_names, question.class_name)
    asked = AttributionSettings(question.method, score, layer, FEWER_SAMPLES.get(question.method, {}))
    views = (turned_back(attribute(study, turned(images, view), score, asked).values, view) for view in range(VIEWS))
    return np.stack([seen_in(values) for values in views])


def _measure(study: Study, rows: NDArray[np.int64], question: BarSettings) -> pd.DataFrame:
    """The table of a few galaxies."""
    survey, usable = study.survey, study.survey.usable[rows]
    known = survey.status.loc[rows]
    table = pd.DataFrame({GALAXY_ID: survey.galaxy_ids[rows]} | dict.fromkeys(NUMBERS, np.nan))
    table["why_not"] = [
        "" if there else f"no image: {status}" for there, status in zip(usable, known["status"], strict=True)
    ]
    images = survey.images(rows)
    place = study.probe.class_names.index(question.class_name)
    if usable.any():
        said = study.probe.probabilities(images[usable])[:, place]
        table.loc[usable, "probability"] = said
    sees = usable & (table["probability"].to_numpy() >= question.least)
    table.loc[usable & ~sees, "why_not"] = "the network sees no bar"
    if sees.any():
        scale, angle = (known[name].to_numpy(np.float64)[sees] for name in ("pixel_scale", "position_angle"))
        found = _bars(bar_maps(study, images[sees], question), scale, angle, question.line)
        table.loc[sees, list(found)] = found.set_axis(table.index[sees])
    return table


def _bars(maps: Floats, scale: Floats, of_y_axis: Floats, line: tuple[float, float]) -> pd.DataFrame:
    """What maps (view, n, y, x) tell of n bars: from their mean, and how far they disagree."""
    offset, slope = line
    mean, views = bars_in(maps.mean(axis=0), scale), [bars_in(seen, scale) for seen in maps]
    lengths = np.stack([seen.length for seen in views])
    there = np.isfinite(mean.length)
    found = {
        "length": offset + slope * mean.length,
        "length_scatter": slope * _scatter(lengths),
        "angle": mean.angle,
        "position_angle": position_angles(mean.angle, of_y_axis),
        "angle_scatter": axis_scatter(np.stack([seen.angle for seen in views])),
    }
    return pd.DataFrame(
        {name: np.where(there, values, np.nan) for name, values in found.items()}
        | {"axis_ratio": mean.axis_ratio, "why_not": list(mean.why_not)}
    )


def _scatter(values: Floats) -> Floats:
    """Standard deviation over the first axis; NaN where fewer than two are known."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    mean = np.where(known, values, 0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(known, np.square(values - mean), 0).sum(axis=0)
    return np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)


def _validate(study: Study, question: BarSettings) -> BarSettings:
    """The question with its class named; what is wrong with it is told before any work."""
    find_method(question.method)
    if not 0 <= question.least <= 1:
        raise InputError(f"Bars from a probability of {question.least} on were asked for", "From 0 to 1")
    if not (np.isfinite(question.line).all() and question.line[1] > 0):
        raise InputError(f"The line {question.line} was given", "Offset [arcsec] and a slope above 0")
    height, width = study.survey.shape
    if height != width:
        raise InputError(f"The survey's images have {height} x {width} pixels", "Square ones: they are turned")
    return replace(question, class_name=bar_class(study.probe.class_names, question.class_name))


def _rows(study: Study, galaxy_ids: Sequence[int | str]) -> NDArray[np.int64]:
    if not len(galaxy_ids):
        return np.arange(study.survey.rows_committed)
    return np.array([row_with_image(study, galaxy_id) for galaxy_id in galaxy_ids], np.int64)
