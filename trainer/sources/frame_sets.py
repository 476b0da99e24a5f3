"""SDSS frames in a folder, grouped into frame sets of five bands, with their footprints and camera gains."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from gz2interp.errors import CutoutUnavailable, InputError
from gz2interp.stores.fits_headers import celestial, psf_fwhm, to_nanomaggies, unit_of
from gz2interp.stores.reading import first_bytes, reading, unpacked
from trainer.catalog.identity import unit_vectors

__all__ = ["Footprint", "Frame", "FrameCounts", "FrameSet", "electrons_per_count", "find_frame_sets", "read_frame"]


_GAINS: Final = {
    1: {"u": 1.62, "g": 3.32, "r": 4.71, "i": 5.165, "z": 4.745},
    2: {"u": 1.595, "g": 3.855, "r": 4.6, "i": 6.565, "z": 5.155},
    3: {"u": 1.59, "g": 3.845, "r": 4.72, "i": 4.86, "z": 4.885},
    4: {"u": 1.6, "g": 3.995, "r": 4.76, "i": 4.885, "z": 4.775},
    5: {"u": 1.47, "g": 4.05, "r": 4.725, "i": 4.64, "z": 3.48},
    6: {"u": 2.17, "g": 4.035, "r": 4.895, "i": 4.76, "z": 4.69},
}
"""Gains [electrons per count] by camera column and band, from the SDSS data model of "frame" files."""

_NEW_AMPLIFIER, _ITS_GAIN = 1100, 1.825
"""The u band of the second camera column has another gain in later runs."""


def electrons_per_count(band: str, camcol: int, run: int) -> float:
    """Gain of one chip; NaN if the camera has no such chip.

    >>> electrons_per_count("r", 6, 1035)
    4.895
    """
    if (band, camcol) == ("u", 2) and run > _NEW_AMPLIFIER:
        return _ITS_GAIN
    return _GAINS.get(camcol, {}).get(band, float("nan"))


_NAME: Final = re.compile(r"frame-(?P<band>[a-z])-(?P<set>\d+-\d-\d+)\.fits?(?:\.bz2|\.gz)?", re.IGNORECASE)
_HEADER_BYTES: Final = 100 * 2880
"""Headers of SDSS frames have 5 blocks."""


@dataclass(frozen=True, eq=False)
class FrameCounts:
    """Calibration of the camera counts of one frame; pixels are whole counts minus the sky.

    Attributes
    ----------
    electrons : float
        Detected electrons per count.
    nanomaggies : float32 (x,)
        Per count, in each column.
    """

    electrons: float
    nanomaggies: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Frame:
    """One band of a frame set.

    Attributes
    ----------
    data : float32 (y, x)
        Nanomaggies per pixel.
    unit : str
        As in the header.
    psf_fwhm : float
        [arcsec]; NaN if the header lacks it.
    counts : FrameCounts, optional
        None if the header does not identify the chip.
    """

    data: NDArray[np.float32]
    wcs: WCS
    unit: str
    psf_fwhm: float
    counts: FrameCounts | None = None


@dataclass(frozen=True, eq=False)
class Footprint:
    """Footprint of a frame: its WCS and its shape (y, x)."""

    wcs: WCS
    shape: tuple[int, int]

    @cached_property
    def centre(self) -> NDArray[np.float64]:
        """Centre of the frame on the unit sphere (3,)."""
        height, width = self.shape
        return unit_vectors(*self.wcs.pixel_to_world_values((width - 1) / 2, (height - 1) / 2))

    @cached_property
    def radius(self) -> float:
        """Distance from the centre to a corner, as a chord of the unit sphere."""
        corner = unit_vectors(*self.wcs.pixel_to_world_values(-0.5, -0.5))
        return float(np.linalg.norm(corner - self.centre))

    def depth(self, ra: float, dec: float) -> float:
        """Distance of a position [deg] from the nearest edge of the frame [pixel]; negative outside."""
        x, y = self.wcs.world_to_pixel_values(ra, dec)
        height, width = self.shape
        return float(min(x + 0.5, y + 0.5, width - 0.5 - x, height - 0.5 - y))


@dataclass(frozen=True)
class FrameSet:
    """The frames of one field, by band.

    Attributes
    ----------
    name : str
        RUN-CAMCOL-FIELD, as in the file names.
    paths : dict
        Files by band; bands may be missing.
    """

    name: str
    paths: dict[str, Path]

    @cached_property
    def footprint(self) -> Footprint | None:
        """Footprint of the first band with a readable header, None if there is none; bands differ by a few pixels."""
        return next(filter(None, map(_footprint, self.paths.values())), None)


def find_frame_sets(folder: Path, bands: Sequence[str]) -> list[FrameSet]:
    """The frame sets below a folder, in the order of their names.

    Raises
    ------
    InputError
        There is no such folder, or no frame in it.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}", "a folder of SDSS frames", "Check the path.")
    sets: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.rglob("*")):
        match = _NAME.fullmatch(path.name)
        if match and match["band"].lower() in bands:
            sets.setdefault(match["set"], {})[match["band"].lower()] = path
    if not sets:
        raise InputError(f"{folder} holds no SDSS frames", "files such as frame-r-001035-6-0017.fits.bz2")
    return [FrameSet(name, paths) for name, paths in sorted(sets.items())]


def read_frame(path: Path) -> Frame:
    """Read one frame.

    Raises
    ------
    CutoutUnavailable
        ``"failed"``: the file is damaged or has no WCS.
    """
    with reading(path, CutoutUnavailable), unpacked(path) as whole, fits.open(whole, memmap=False) as hdus:
        data, header = hdus[0].data, hdus[0].header
        wcs = celestial(header)
        if data is None or data.ndim != 2 or wcs is None:
            raise CutoutUnavailable("failed", f"{path.name} is no image with a WCS")
        unit = unit_of(header)
        with np.errstate(over="ignore"):  # values beyond single precision become infinite and are masked
            nanomaggies = np.asarray(data * np.float32(to_nanomaggies(unit)), dtype=np.float32)
        return Frame(nanomaggies, wcs, unit, psf_fwhm(header), _counts(hdus))


def _counts(hdus: fits.HDUList) -> FrameCounts | None:
    """Gain of the chip named in the header, and the calibration of its columns."""
    header, width = hdus[0].header, hdus[0].data.shape[1]
    if not {"FILTER", "CAMCOL", "RUN", "NMGY"} <= set(header):
        return None
    electrons = electrons_per_count(str(header["FILTER"]).strip(), int(header["CAMCOL"]), int(header["RUN"]))
    try:
        calibration = np.asarray(hdus[1].data, dtype=np.float32)
    except Exception:  # a file with an unusable calibration is still usable
        calibration = np.empty(0, dtype=np.float32)
    nanomaggies = calibration if calibration.shape == (width,) else np.full(width, header["NMGY"], dtype=np.float32)
    return FrameCounts(electrons, nanomaggies) if electrons > 0 and (nanomaggies > 0).all() else None


def _footprint(path: Path) -> Footprint | None:
    try:
        with reading(path, CutoutUnavailable):
            header = fits.Header.fromfile(BytesIO(first_bytes(path, _HEADER_BYTES)))
            wcs = celestial(header)
            return Footprint(wcs, (int(header["NAXIS2"]), int(header["NAXIS1"]))) if wcs else None
    except CutoutUnavailable:
        return None
