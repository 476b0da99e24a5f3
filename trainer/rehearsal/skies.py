"""Simulated skies of the archives."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from reproject import reproject_exact, reproject_interp

from gz2interp.schema import BANDS, NATIVE_PIXEL_SCALE
from gz2interp.stores.resampling import north_up
from trainer.sources.frame_sets import Frame, find_frame_sets, read_frame

__all__ = ["FrameSky", "SimpleSky", "SimulatedSky", "place_of"]


class SimulatedSky(Protocol):
    """Images of a sky at any position."""

    def plane(
        self, ra: float, dec: float, band: str, pixel_scale: float, shape: tuple[int, int], areas: bool
    ) -> NDArray[np.float32] | None:
        """One band north up, east left, float32 (y, x); None where nothing was imaged.

        Parameters
        ----------
        ra, dec : float
            Centre [deg].
        pixel_scale : float
            [arcsec].
        shape : (int, int)
            (y, x).
        areas : bool
            Flux per pixel [nanomaggy] by exact overlap; else interpolated surface brightness [nanomaggy per native
            pixel].
        """


def place_of(ra: float, dec: float) -> str:
    """A position as a key, rounded to about 0.01 arcsec."""
    return f"{ra % 360:.5f} {dec:+.5f}"


@dataclass(frozen=True)
class SimpleSky:
    """A Gaussian blob in noise, different at every position.

    Attributes
    ----------
    edge : float
        Northern limit of the imaged declinations [deg].
    """

    seed: int = 0
    edge: float = 80.0

    def plane(
        self, ra: float, dec: float, band: str, pixel_scale: float, shape: tuple[int, int], areas: bool
    ) -> NDArray[np.float32] | None:
        """See `SimulatedSky`."""
        if dec > self.edge:
            return None
        key = f"{self.seed} {place_of(ra, dec)} {band} {pixel_scale:.3f} {shape}"
        rng = np.random.default_rng(int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big"))
        height, width = shape
        y, x = np.ogrid[:height, :width]
        reach = rng.uniform(2.0, 6.0)
        blob = np.exp(-((x - width / 2) ** 2) / reach**2) * np.exp(-((y - height / 2) ** 2) / (0.7 * reach) ** 2)
        return (rng.uniform(0.5, 3.0) * blob + 0.02 * rng.standard_normal(shape)).astype(np.float32)


_WIDE: Final = 1.5


class FrameSky:
    """The first frame set in a folder of SDSS frames, resampled as by the services."""

    def __init__(self, folder: str | Path) -> None:
        paths = find_frame_sets(Path(folder), BANDS)[0].paths
        self._frames: dict[str, Frame] = {band: read_frame(path) for band, path in paths.items()}
        self._lock = threading.Lock()  # astropy's WCS is not thread-safe

    def plane(
        self, ra: float, dec: float, band: str, pixel_scale: float, shape: tuple[int, int], areas: bool
    ) -> NDArray[np.float32] | None:
        """See `SimulatedSky`; interpolation is linear."""
        frame, target = self._frames[band], north_up(ra, dec, pixel_scale, shape)
        with self._lock:
            x, y = (int(place) for place in frame.wcs.world_to_pixel_values(ra, dec))
            reach = int(0.75 * max(shape) * pixel_scale / NATIVE_PIXEL_SCALE) + 8
            window = slice(max(y - reach, 0), max(y + reach, 0)), slice(max(x - reach, 0), max(x + reach, 0))
            patch = frame.data[window]
            if not patch.size:
                return None
            source = (patch.astype(float), frame.wcs[window])
            if areas:
                bright, covered = reproject_exact(source, target, shape_out=shape, parallel=False)
                bright = bright * (pixel_scale / NATIVE_PIXEL_SCALE) ** 2
            else:
                bright, covered = reproject_interp(source, target, shape_out=shape, order="bilinear")
        return np.where(covered > 0, bright, 0.0).astype(np.float32)
