"""A figure with all that belongs to it: its caption, and its data as maps and as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from gz2interp.figures.style import checked_format, save_figure
from gz2interp.stores.tables import write_table
from gz2interp.workflows.explain import Explanation
from gz2interp.workflows.maps import write_maps_together

__all__ = ["Drawing", "numbers_of", "write_drawing"]


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure and what belongs to it.

    Attributes
    ----------
    figure : Figure
    caption : str
    maps : tuple of Explanation
        What its maps show; empty if it has none.
    numbers : DataFrame
        A row for each galaxy, or each map.
    """

    figure: Figure
    caption: str
    maps: tuple[Explanation, ...]
    numbers: pd.DataFrame


def write_drawing(drawing: Drawing, path: Path) -> list[Path]:
    """Write the figure (PDF, SVG or PNG by suffix) and beside it its caption (.txt), numbers (.csv) and maps (.fits).

    The same drawing gives the same bytes. The figure is written last: where it is, all else is.

    Returns
    -------
    list of Path
        What was written, the figure first.

    Raises
    ------
    InputError
        The suffix is another one.
    """
    checked_format(path)
    beside = [path.with_suffix(".txt"), path.with_suffix(".csv")]
    write_table(beside[1], drawing.numbers)
    if drawing.maps:
        beside.append(path.with_suffix(".fits"))
        write_maps_together(drawing.maps, beside[2])
    save_figure(drawing.figure, path, drawing.caption)
    return [path, *beside]


def numbers_of(explanations: Sequence[Explanation], limits: Sequence[float]) -> pd.DataFrame:
    """What maps say in numbers, a row for each.

    Parameters
    ----------
    explanations : sequence of Explanation
    limits : sequence of float
        The limit of each explanation's colours.

    Returns
    -------
    DataFrame
        galaxy_id, ra, dec [deg], pixel_scale [arcsec], position_angle [deg], prediction, confidence, label, method,
        score, value (the score's), total (what the map is to sum to), sum (what it sums to), limit.
    """
    parts = [_numbers(explanation, limit) for explanation, limit in zip(explanations, limits, strict=True)]
    return pd.concat(parts, ignore_index=True)


def _numbers(explanation: Explanation, limit: float) -> pd.DataFrame:
    attribution = explanation.attribution
    count = len(explanation.galaxy_ids)
    sums = attribution.values.reshape(count, -1).sum(axis=1, dtype=float)
    return pd.DataFrame(
        {
            "galaxy_id": explanation.galaxy_ids,
            "ra": explanation.positions[:, 0],
            "dec": explanation.positions[:, 1],
            "pixel_scale": explanation.pixel_scale,
            "position_angle": explanation.position_angle,
            "prediction": explanation.predictions,
            "confidence": explanation.confidence,
            "label": explanation.labels,
            "method": attribution.method,
            "score": explanation.score_names,
            "value": attribution.scores,
            "total": [float("nan")] * count if attribution.total is None else attribution.total,
            "sum": sums,
            "limit": limit,
        }
    )
