"""How well lengths and angles were measured: correlation, bias, scatter, with intervals by galaxies drawn again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Measured", "apart", "fitted_axes", "fitted_line", "judged", "table_of"]

Floats = NDArray[np.float64]

RESAMPLINGS = 1000

AXES = ("x first length", "x first width", "x second length", "x second width", '"')


@dataclass(frozen=True, eq=False)
class Measured:
    """What one way of measuring says of n bars.

    Attributes
    ----------
    length, angle : float (n,)
        [arcsec], [deg]; NaN where none was measured.
    width : float (n,), optional
        Of the shape that was measured [arcsec].
    """

    length: Floats
    angle: Floats
    width: Floats | None = None

    def on(self, offset: float, slope: float) -> Measured:
        """The same, with lengths on a line."""
        return Measured(offset + slope * self.length, self.angle)


def apart(angle: Floats, other: Floats) -> Floats:
    """How far two axes are apart, from 0 to 90 [deg]."""
    return np.abs((angle - other + 90.0) % 180.0 - 90.0)


def fitted_line(measured: Floats, true: Floats) -> tuple[float, float]:
    """Offset and slope of the least-squares line from measured to true lengths; NaNs are left out."""
    known = np.isfinite(measured)
    slope, offset = np.polyfit(measured[known], true[known], 1)
    return float(offset), float(slope)


def fitted_axes(first: tuple[Measured, Measured], second: tuple[Measured, Measured], true: Floats) -> Measured:
    """Lengths from the lengths and widths of two ways of measuring, by least squares on galaxies of known make.

    Parameters
    ----------
    first, second : (Measured, Measured)
        Of the galaxies of known make, and of those asked about.
    true : float (n,)
        Lengths of the former.
    """
    (of_known, of_asked) = (
        np.column_stack([axis for way in both for axis in (way.length, way.width)] + [np.ones(len(both[0].length))])
        for both in zip(first, second, strict=True)
    )
    there = np.isfinite(of_known).all(axis=1)
    weights = np.linalg.lstsq(of_known[there], true[there], rcond=None)[0]
    print("length =", " + ".join(f"{weight:.2f} {name}" for weight, name in zip(weights, AXES, strict=True)))
    return Measured(of_asked @ weights, first[1].angle)


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
            "angle, median": told(_median, turn, digits=1),
            "angle, RMS": told(_root_mean_square, turn, digits=1),
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
