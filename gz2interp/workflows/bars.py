"""``gz2interp bar``: lengths and position angles of bars, measured on attribution maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.attribution.symmetry import VIEWS, apply_view, undo_view
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

Floats = NDArray[np.float64]

FEWER_SAMPLES: Final[dict[str, dict[str, int]]] = {"smooth_grad": {"samples": 4}, "integrated_gradients": {"steps": 8}}
"""Options of methods that average over samples: fewer of them, because the eight views are averaged too."""

PORTION: Final = 32
"""Galaxies in memory at a time."""

NUMBERS: Final = (
    "probability", "length", "length_scatter", "angle", "position_angle", "angle_scatter", "axis_ratio"
)  # fmt: skip


@dataclass(frozen=True)
class BarSettings:
    """Settings of the measurement of bars.

    Attributes
    ----------
    method : str
        One of `gz2interp.attribution.METHODS`.
    class_name : str
        The network's class of barred galaxies; "" to find it by its usual names.
    least : float
        Least probability of a bar for a measurement.
    line : (offset, slope)
        Calibration of the length on the map, ``offset + slope * length`` [arcsec], fitted to painted galaxies.
    layers : tuple of str
        For methods that use a layer. The maps of several layers are combined by their geometric mean: early layers
        resolve positions, late ones discriminate classes. Empty for the last spatial layer.
    """

    method: str = "gradient"
    class_name: str = ""
    least: float = 0.5
    line: tuple[float, float] = (0.0, 1.0)
    layers: tuple[str, ...] = ()


def measure_bars(
    study: Study,
    galaxy_ids: Sequence[int | str] = (),
    settings: BarSettings | None = None,
    *,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Length and position angle of the bars of galaxies, in their order; by default of every galaxy of the survey.

    Returns
    -------
    DataFrame
        ``galaxy_id``, ``probability`` of a bar, ``length`` from end to end [arcsec], its ``length_scatter``,
        ``angle`` from the x axis towards y and ``position_angle`` on the sky (north to east) [deg], ``angle_scatter``,
        ``axis_ratio`` of the shape on the map, and ``why_not``: the reason for a missing measurement, else "". The
        scatter is the standard deviation over the eight rotated and mirrored views.

    Raises
    ------
    InputError
        A galaxy, a method or a class does not exist, or the network has no class of barred galaxies.
    SurveyError
        A galaxy that was named has no image; the error says why.
    """
    return pd.concat(measure_bars_in_batches(study, galaxy_ids, settings, progress=progress), ignore_index=True)


def measure_bars_in_batches(
    study: Study,
    galaxy_ids: Sequence[int | str] = (),
    settings: BarSettings | None = None,
    *,
    progress: Progress | None = None,
) -> Iterator[pd.DataFrame]:
    """The table of `measure_bars` in batches of bounded memory.

    Parameters
    ----------
    galaxy_ids : sequence of int or str, optional
        By default every galaxy of the survey, with the reason in ``why_not`` for those without an image.
    """
    settings = _validate(study, settings or BarSettings())
    rows = _rows(study, galaxy_ids)
    for start in range(0, len(rows), PORTION):
        yield _measure(study, rows[start : start + PORTION], settings)
        if progress is not None:
            progress("bars", min(start + PORTION, len(rows)), len(rows))


def bars_in_words(table: pd.DataFrame) -> pd.DataFrame:
    """The table of `measure_bars` as texts, for a screen."""
    return pd.DataFrame(
        {
            GALAXY_ID: table[GALAXY_ID],
            "bar": [f"{value:.0%}" if np.isfinite(value) else "" for value in table["probability"]],
            "length [arcsec]": _with_scatter(table, "length", 2),
            "position angle [deg]": _with_scatter(
                table.assign(position_angle_scatter=table["angle_scatter"]), "position_angle", 0
            ),
            "angle x to y [deg]": _with_scatter(table, "angle", 0),
            "why not": table["why_not"],
        }
    )


def _with_scatter(table: pd.DataFrame, name: str, digits: int) -> list[str]:
    return [
        f"{value:.{digits}f} \N{PLUS-MINUS SIGN}{scatter:.{digits}f}" if np.isfinite(value) else ""
        for value, scatter in zip(table[name], table[f"{name}_scatter"], strict=True)
    ]


def bar_class(names: Sequence[str], name: str = "") -> str:
    """The class of barred galaxies among a network's.

    Raises
    ------
    InputError
        There is none, or the class named is not one of the network's.
    """
    matches = [name] if name else [name for name in BAR_CLASSES if name in names]
    if not matches or matches[0] not in names:
        raise InputError(
            f"The network has no class {name!r}" if name else "The network has no class of barred galaxies",
            f"Its classes are {choices(names)}",
            "Name the class with --class, or train a network: python -m trainer fit SURVEY --scheme barred",
        )
    return matches[0]


def bar_score(names: Sequence[str], class_name: str = "") -> Score:
    """The logit of the bar class, minus that of the other class if there are two."""
    name = bar_class(names, class_name)
    others = [other for other in names if other != name]
    return logit(name) - logit(others[0]) if len(others) == 1 else logit(name)


def bar_maps(study: Study, images: NDArray[np.float32], settings: BarSettings) -> Floats:
    """Non-negative maps of the bar score for the eight views, transformed back: float (view, n, y, x)."""
    together = [_layer_maps(study, images, settings, layer) for layer in settings.layers or ("",)]
    if len(together) == 1:
        return together[0]
    shares = [maps / np.maximum(maps.sum(axis=(2, 3), keepdims=True), np.finfo(float).tiny) for maps in together]
    return np.asarray(np.prod(shares, axis=0) ** (1 / len(shares)))


def _layer_maps(study: Study, images: NDArray[np.float32], settings: BarSettings, layer: str) -> Floats:
    score = bar_score(study.probe.class_names, settings.class_name)
    attribution = AttributionSettings(settings.method, score, layer, FEWER_SAMPLES.get(settings.method, {}))
    views = (
        undo_view(attribute(study, apply_view(images, view), score, attribution).values, view) for view in range(VIEWS)
    )
    return np.stack([seen_in(values) for values in views])


def _measure(study: Study, rows: NDArray[np.int64], settings: BarSettings) -> pd.DataFrame:
    """The table of a few galaxies."""
    survey, usable = study.survey, study.survey.usable[rows]
    status = survey.status.loc[rows]
    table = pd.DataFrame({GALAXY_ID: survey.galaxy_ids[rows]} | dict.fromkeys(NUMBERS, np.nan))
    table["why_not"] = [
        "" if has_image else f"no image: {status}" for has_image, status in zip(usable, status["status"], strict=True)
    ]
    images = survey.images(rows)
    index = study.probe.class_names.index(settings.class_name)
    if usable.any():
        probabilities = study.probe.probabilities(images[usable])[:, index]
        table.loc[usable, "probability"] = probabilities
    has_bar = usable & (table["probability"].to_numpy() >= settings.least)
    table.loc[usable & ~has_bar, "why_not"] = "the network predicts no bar"
    if has_bar.any():
        scale, angle = (status[name].to_numpy(np.float64)[has_bar] for name in ("pixel_scale", "position_angle"))
        bars = _bars(bar_maps(study, images[has_bar], settings), scale, angle, settings.line)
        table.loc[has_bar, list(bars)] = bars.set_axis(table.index[has_bar])
    return table


def _bars(maps: Floats, scale: Floats, of_y_axis: Floats, line: tuple[float, float]) -> pd.DataFrame:
    """Measurements of n bars on the mean of maps (view, n, y, x), with the scatter over the views."""
    offset, slope = line
    mean, views = bars_in(maps.mean(axis=0), scale), [bars_in(view, scale) for view in maps]
    lengths = np.stack([view.length for view in views])
    is_measured = np.isfinite(mean.length)
    columns = {
        "length": offset + slope * mean.length,
        "length_scatter": slope * _scatter(lengths),
        "angle": mean.angle,
        "position_angle": position_angles(mean.angle, of_y_axis),
        "angle_scatter": axis_scatter(np.stack([view.angle for view in views])),
    }
    return pd.DataFrame(
        {name: np.where(is_measured, values, np.nan) for name, values in columns.items()}
        | {"axis_ratio": mean.axis_ratio, "why_not": list(mean.why_not)}
    )


def _scatter(values: Floats) -> Floats:
    """Standard deviation over the first axis; NaN for fewer than two finite values."""
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    mean = np.where(finite, values, 0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(finite, np.square(values - mean), 0).sum(axis=0)
    return np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)


def _validate(study: Study, settings: BarSettings) -> BarSettings:
    """The settings with their class named; invalid settings are refused before any work."""
    find_method(settings.method)
    if not 0 <= settings.least <= 1:
        raise InputError(f"Bars from a probability of {settings.least} on were requested", "From 0 to 1")
    if not (np.isfinite(settings.line).all() and settings.line[1] > 0):
        raise InputError(f"The line {settings.line} was given", "Offset [arcsec] and a slope above 0")
    height, width = study.survey.shape
    if height != width:
        raise InputError(f"The survey's images have {height} x {width} pixels", "Square ones: they are turned")
    return replace(settings, class_name=bar_class(study.probe.class_names, settings.class_name))


def _rows(study: Study, galaxy_ids: Sequence[int | str]) -> NDArray[np.int64]:
    if not len(galaxy_ids):
        return np.arange(study.survey.rows_committed)
    return np.array([row_with_image(study, galaxy_id) for galaxy_id in galaxy_ids], np.int64)
