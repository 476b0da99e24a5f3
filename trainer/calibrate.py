"""Stars weighed through a source: what one unit of its pixels is, measured instead of believed."""

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
_SURE: Final = 0.02
_FEWEST: Final = 5


@dataclass(frozen=True)
class BandScale:
    """What was measured in one band.

    Attributes
    ----------
    ratio : float
        Flux in the source's pixels over that of the catalogue's magnitude [nanomaggy]: median over the stars.
    error : float
        Of the median.
    stars : int
    """

    ratio: float
    error: float
    stars: int

    @property
    def sure(self) -> bool:
        """Whether enough stars agree well enough."""
        return self.stars >= _FEWEST and self.error <= _SURE * abs(self.ratio)


def calibrate(
    source: Source, stars: pd.DataFrame, progress: Callable[[int, int], None] | None = None
) -> dict[str, BandScale]:
    """Compare stars with their magnitudes, band by band.

    Parameters
    ----------
    source : Source
        That gives its pixels as they come, and at least 25 arcsec of sky.
    stars : DataFrame
        ``ra``, ``dec`` [deg], and a column of magnitudes for each band. Isolated, not saturated: r of 15.5 to 18.
    progress : callable, optional
        Called with the stars that were requested, and all.

    Raises
    ------
    InputError
        The table lacks a column.
    """
    lacking = [column for column in (RA, DEC, *source.bands) if column not in stars]
    if lacking:
        raise InputError(f"The table of stars has no column {', '.join(lacking)}", "ra, dec and a magnitude per band")
    ratios = []
    for row, star in enumerate(stars.to_dict("records")):
        galaxy = Galaxy(row, int(star.get(GALAXY_ID, row)), float(star[RA]), float(star[DEC]))
        wanted = 10.0 ** ((22.5 - np.array([float(star[band]) for band in source.bands])) / 2.5)
        try:
            ratios.append(aperture_flux(source.fetch(galaxy)) / wanted)
        except CutoutUnavailable:
            ratios.append(np.full(len(source.bands), np.nan))
        if progress:
            progress(row + 1, len(stars))
    return {band: _scale(values) for band, values in zip(source.bands, np.transpose(ratios), strict=True)}


def aperture_flux(cutout: Cutout) -> NDArray[np.float64]:
    """Light within `APERTURE` of the middle, less the sky around it, in each band (band,).

    Raises
    ------
    CutoutUnavailable
        The aperture was not imaged as a whole, or the cutout is too small.
    """
    height, width = cutout.valid.shape
    y, x = np.mgrid[:height, :width]
    apart = np.hypot(y - (height - 1) / 2, x - (width - 1) / 2) * cutout.pixel_scale
    inside, around = apart <= APERTURE, (apart > _SKY[0]) & (apart <= _SKY[1]) & cutout.valid
    if not cutout.valid[inside].all() or around.sum() < inside.sum() / 2:
        raise CutoutUnavailable("failed", "the star and the sky around it are not all on the image")
    sky = np.median(cutout.image[around].astype(float), axis=0)
    return np.asarray((cutout.image[inside].astype(float) - sky).sum(axis=0))


def unit_of_scales(scales: Mapping[str, BandScale]) -> Unit:
    """The unit that follows.

    Raises
    ------
    InputError
        In some band too few stars agree.
    """
    unsure = [f"{band} ({scale.stars} stars, {scale.error:.1%})" for band, scale in scales.items() if not scale.sure]
    if unsure:
        raise InputError(
            f"The unit cannot be told in {', '.join(unsure)}",
            f"At least {_FEWEST} stars, and {_SURE:.0%} on their median",
            "Give more stars that are isolated, of r magnitude 15.5 to 18",
        )
    today, stars = datetime.now(UTC).date().isoformat(), min(scale.stars for scale in scales.values())
    same = all(abs(scale.ratio - 1.0) <= max(_SURE, 3.0 * scale.error) for scale in scales.values())
    if same:
        return Unit(f"nanomaggy (verified with {stars} stars, {today})")
    factors = {band: 1.0 / scale.ratio for band, scale in scales.items()}
    told = ", ".join(f"{band} {factor:.4g}" for band, factor in factors.items())
    return Unit(f"{told} nanomaggy (measured with {stars} stars, {today})", factors)


def write_calibration(source: Any, scales: Mapping[str, BandScale]) -> tuple[Unit, Path]:
    """Write down what follows for a source's host; whoever downloads from it uses it from then on."""
    unit = unit_of_scales(scales)
    measured = {band: asdict(scale) for band, scale in scales.items()}
    return unit, write_unit(source.name, source.services[0].guard.host, unit, measured=measured)


def _scale(ratios: NDArray[np.float64]) -> BandScale:
    """Median of the stars and its error, after leaving out what has a neighbour or is variable."""
    kept = ratios[np.isfinite(ratios)]
    for _ in range(3):
        if len(kept) < 3:
            break
        sigma = 1.4826 * np.median(np.abs(kept - np.median(kept)))
        kept = kept[np.abs(kept - np.median(kept)) <= max(3.5 * sigma, 1e-3)]
    if not len(kept):
        return BandScale(float("nan"), float("inf"), 0)
    error = 1.2533 * float(kept.std(ddof=1)) / np.sqrt(len(kept)) if len(kept) > 1 else float("inf")
    return BandScale(float(np.median(kept)), error, len(kept))
