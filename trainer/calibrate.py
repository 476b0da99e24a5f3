"""Flux calibration of a source: the unit of its pixels, measured on stars."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import CutoutUnavailable, InputError
from gz2interp.results import Cutout, Galaxy
from gz2interp.schema import DEC, GALAXY_ID, RA
from trainer.archives.units import Unit, write_unit
from trainer.sources import Source

__all__ = ["BandScale", "aperture_flux", "calibrate", "unit_of_scales", "write_calibration"]

APERTURE: Final = 7.4
"""Radius [arcsec] to which SDSS' PSF magnitudes are corrected (Stoughton et al. 2002, section 4.4.5)."""

_SKY: Final = (8.5, 12.5)
_MAX_ERROR: Final = 0.02
_MIN_STARS: Final = 5


@dataclass(frozen=True)
class BandScale:
    """Flux calibration of one band.

    Attributes
    ----------
    ratio : float
        Flux in the source over that of the catalogue magnitude [nanomaggy]: median over the stars.
    error : float
        Standard error of the median.
    """

    ratio: float
    error: float
    stars: int

    @property
    def sure(self) -> bool:
        """Whether there are enough stars and the relative error is small enough."""
        return self.stars >= _MIN_STARS and self.error <= _MAX_ERROR * abs(self.ratio)


def calibrate(
    source: Source, stars: pd.DataFrame, progress: Callable[[int, int], None] | None = None
) -> dict[str, BandScale]:
    """Compare the fluxes of stars with their magnitudes in each band.

    Parameters
    ----------
    source : Source
        With uncalibrated pixels, and cutouts of at least 25 arcsec.
    stars : DataFrame
        ``ra``, ``dec`` [deg], and a column of magnitudes for each band. Isolated, not saturated: r of 15.5 to 18.
    progress : callable, optional
        Called with the number of stars requested so far, and of all.

    Raises
    ------
    InputError
        The table lacks a column.
    """
    missing = [column for column in (RA, DEC, *source.bands) if column not in stars]
    if missing:
        raise InputError(f"The table of stars has no column {', '.join(missing)}", "ra, dec and a magnitude per band")
    ratios = []
    for row, star in enumerate(stars.to_dict("records")):
        galaxy = Galaxy(row, int(star.get(GALAXY_ID, row)), float(star[RA]), float(star[DEC]))
        flux = 10.0 ** ((22.5 - np.array([float(star[band]) for band in source.bands])) / 2.5)
        try:
            ratios.append(aperture_flux(source.fetch(galaxy)) / flux)
        except CutoutUnavailable:
            ratios.append(np.full(len(source.bands), np.nan))
        if progress:
            progress(row + 1, len(stars))
    return {band: _scale(values) for band, values in zip(source.bands, np.transpose(ratios), strict=True)}


def aperture_flux(cutout: Cutout) -> NDArray[np.float64]:
    """Sky-subtracted flux within `APERTURE` of the centre, in each band (band,).

    Raises
    ------
    CutoutUnavailable
        The aperture or the sky around it is incomplete.
    """
    height, width = cutout.valid.shape
    y, x = np.mgrid[:height, :width]
    radius = np.hypot(y - (height - 1) / 2, x - (width - 1) / 2) * cutout.pixel_scale
    inside, around = radius <= APERTURE, (radius > _SKY[0]) & (radius <= _SKY[1]) & cutout.valid
    if not cutout.valid[inside].all() or around.sum() < inside.sum() / 2:
        raise CutoutUnavailable("failed", "the star and the sky around it are not all on the image")
    sky = np.median(cutout.image[around].astype(float), axis=0)
    return np.asarray((cutout.image[inside].astype(float) - sky).sum(axis=0))


def unit_of_scales(scales: Mapping[str, BandScale]) -> Unit:
    """The unit of a source's pixels from the measured scales.

    Raises
    ------
    InputError
        The scale of a band is too uncertain.
    """
    unsure = [f"{band} ({scale.stars} stars, {scale.error:.1%})" for band, scale in scales.items() if not scale.sure]
    if unsure:
        raise InputError(
            f"The unit is too uncertain in {', '.join(unsure)}",
            f"At least {_MIN_STARS} stars, and a relative error of at most {_MAX_ERROR:.0%}",
            "Give more stars that are isolated, of r magnitude 15.5 to 18",
        )
    today, stars = datetime.now(UTC).date().isoformat(), min(scale.stars for scale in scales.values())
    same = all(abs(scale.ratio - 1.0) <= max(_MAX_ERROR, 3.0 * scale.error) for scale in scales.values())
    if same:
        return Unit(f"nanomaggy (verified with {stars} stars, {today})")
    factors = {band: 1.0 / scale.ratio for band, scale in scales.items()}
    values = ", ".join(f"{band} {factor:.4g}" for band, factor in factors.items())
    return Unit(f"{values} nanomaggy (measured with {stars} stars, {today})", factors)


def write_calibration(source: Any, scales: Mapping[str, BandScale]) -> tuple[Unit, Path]:
    """Store the measured unit of a source's host, which later downloads use."""
    unit = unit_of_scales(scales)
    measured = {band: asdict(scale) for band, scale in scales.items()}
    return unit, write_unit(source.name, source.services[0].guard.host, unit, measured=measured)


def _scale(ratios: NDArray[np.float64]) -> BandScale:
    """Clipped median over the stars and its error; clipping removes blended and variable stars."""
    values = ratios[np.isfinite(ratios)]
    for _ in range(3):
        if len(values) < 3:
            break
        sigma = 1.4826 * np.median(np.abs(values - np.median(values)))
        values = values[np.abs(values - np.median(values)) <= max(3.5 * sigma, 1e-3)]
    if not len(values):
        return BandScale(float("nan"), float("inf"), 0)
    error = 1.2533 * float(values.std(ddof=1)) / np.sqrt(len(values)) if len(values) > 1 else float("inf")
    return BandScale(float(np.median(values)), error, len(values))
