"""The bar that was measured, where the map on the screen tells of a class of barred galaxies."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboards.parts.subject import Subject
from gz2interp.figures.overlay import add_bar
from gz2interp.measure.bars import BAR_CLASSES, bars_in, position_angles, seen_in
from gz2interp.results import Attribution

__all__ = ["with_bar"]


def with_bar(figure: go.Figure, subject: Subject, score: str, found: Attribution) -> str:
    """Draw the bar over the map, and say its numbers; "" for a map of another class."""
    if score not in BAR_CLASSES:
        return ""
    seen = seen_in(np.asarray(found.values)[:1])
    bar = bars_in(seen)
    if bar.why_not[0]:
        return f"No bar was measured: {bar.why_not[0]}."
    height, width = seen.shape[1:]
    middle = (float(bar.x[0]) + (width - 1) / 2, float(bar.y[0]) + (height - 1) / 2)
    length, angle = float(bar.length[0]), float(bar.angle[0])
    add_bar(figure, length, angle, middle)
    known: Any = subject.survey.status.loc[subject.row]
    scale, turn = float(known["pixel_scale"]), float(known["position_angle"])
    sky = float(position_angles(np.array([angle]), turn)[0])
    return (
        f"What stands out is {length * scale:.1f}\N{DOUBLE PRIME} long, position angle {sky:.0f}\N{DEGREE SIGN}. A map "
        "spreads what it shows: gz2interp bar --line makes a bar's length of it."
    )
