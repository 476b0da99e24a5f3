"""How well lengths and angles were measured: correlation, bias, scatter, with intervals by galaxies drawn again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Measured", "apart", "fitted_line", "judged"]

Floats = NDArray[np.float64]

RESAMPLINGS = 2000


@dataclass(frozen=True, eq=False)
class Measured:
    """What one way of measuring says of n bars.

    Attributes
    ----------
    length, angle : float (n,)
        [arcsec], [deg]; NaN where none was measured.
    """

    length: Floats
    angle: Floats


def apart(angle: Floats, other: Floats) -> Floats:
    """How far two axes are apart, from 0 to 90 [deg]."""
    return np.abs((angle - other + 90.0) % 180.0 - 90.0)


def fitted_line(measured: Floats, true: Floats) -> tuple[float, float]:
    """Offset and slope of the least-squares line from measured to true lengths; NaNs are left out."""
    known = np.isfinite(measured)
    slope, offset = np.polyfit(measured[known], true[known], 1)
    return float(offset), float(slope)


def judged(measured: Measured, length: Floats, angle: Floats, seed: int = 0) -> dict[str, str]:
    """One row of the table: numbers with 95 % intervals over the bars that were measured, and how many were not."""
    known = np.isfinite(measured.length)
    said, true, turn = measured.length[known], length[known], apart(measured.angle[known], angle[known])
    draws = np.random.default_rng(seed).integers(len(true), size=(RESAMPLINGS, len(true)))

    def told(statistic: Callable[..., float], *of: Floats, digits: int = 2) -> str:
        again = [statistic(*(values[draw] for values in of)) for draw in draws]
        low, high = np.percentile(again, [2.5, 97.5])
        return f"{statistic(*of):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"

    row = {"not measured": f"{np.mean(~known):.1%} of {len(known)}"}
    if not len(true):
        return row
    row |= {
        "r": told(_correlation, said, true, digits=3) if np.ptp(said) > 0 else "-",
        'bias ["]': told(_mean, said - true),
        'RMSE ["]': told(_root_mean_square, said - true),
        "RMSE [%]": told(_root_mean_square, 100 * (said / true - 1), digits=0),
    }
    if np.isfinite(measured.angle[known]).all():
        row |= {
            "angle, median [deg]": told(_median, turn, digits=1),
            "angle, RMS [deg]": told(_root_mean_square, turn, digits=1),
        }
    return row


def table_of(rows: dict[str, dict[str, str]]) -> str:
    """Rows by name, as text."""
    return pd.DataFrame.from_dict(rows, orient="index").fillna("-").to_string()


def _correlation(one: Floats, other: Floats) -> float:
    return float(np.corrcoef(one, other)[0, 1])


def _mean(values: Floats) -> float:
    return float(values.mean())


def _median(values: Floats) -> float:
    return float(np.median(values))


def _root_mean_square(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
