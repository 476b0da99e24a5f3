"""Real pixels as the telescope gave them: not resampled, since that would correlate their noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io import fits
from numpy.typing import NDArray

from gz2interp.schema import BANDS, CUTOUT_SIZE, DEC, RA
from trainer.sources.detection import find_objects
from trainer.sources.frame_sets import Frame, find_frame_sets, read_frame

__all__ = ["Field", "Seen", "cutouts_by_eye", "open_field", "table_of_galaxies"]

Floats = NDArray[np.float32]

FRAMES, CUTOUTS, TABLE = "sdss_frames", "sdss_cutouts", "gz2_stripe82.csv.gz"

REGIONS = (3, 4)
"""Of the frame, along y and x: what is learnt in some is tried on the others."""

DAZZLING = 30.0
"""Brightest pixel of a star of r = 14.5 [nanomaggies]."""

APART = 30.0
"""Cutouts within so many arcsec show the same sky."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A cutout, real or painted.

    Attributes
    ----------
    image : float32 (y, x, band)
        [nanomaggies per pixel].
    group : str
        Whatever shares a group shares sky, or a recipe.
    label : str
    """

    image: Floats
    group: str
    label: str = ""


@dataclass(frozen=True, eq=False)
class Field:
    """One SDSS field in five bands.

    Attributes
    ----------
    frames : tuple of Frame
        In the order of the bands; each has its own map of the sky.
    folder : Path
        Where they lie.
    """

    frames: tuple[Frame, ...]
    folder: Path

    @property
    def shape(self) -> tuple[int, int]:
        """(y, x) of the r band."""
        height, width = self.frames[BANDS.index("r")].data.shape
        return height, width

    def position(self, x: float, y: float, band: int) -> tuple[float, float]:
        """Where a place of the r band lies in another band [pixel]."""
        sky = self.frames[BANDS.index("r")].wcs.pixel_to_world_values(x, y)
        there = self.frames[band].wcs.world_to_pixel_values(*sky)
        return float(there[0]), float(there[1])

    def cut(self, x: float, y: float, size: int = CUTOUT_SIZE) -> Floats | None:
        """A cutout about a place of the r band, each band to its nearest pixel; None beyond an edge."""
        planes = []
        for band, frame in enumerate(self.frames):
            column, row = (round(place - size / 2 + 0.5) for place in self.position(x, y, band))
            if min(row, column) < 0 or row + size > frame.data.shape[0] or column + size > frame.data.shape[1]:
                return None
            planes.append(frame.data[row : row + size, column : column + size])
        return np.stack(planes, axis=-1)

    def region(self, x: float, y: float) -> str:
        """The part of the frame in which a place lies."""
        height, width = self.shape
        return f"frame {int(y / height * REGIONS[0])} {int(x / width * REGIONS[1])}"

    def dazzled(self, x: float, y: float) -> bool:
        """Whether a star lights up the place, as few places are lit up where galaxies are classified."""
        reach = CUTOUT_SIZE
        top, left = max(int(y) - reach, 0), max(int(x) - reach, 0)
        around = self.frames[BANDS.index("r")].data[top : int(y) + reach, left : int(x) + reach]
        return bool(around.max() > DAZZLING)

    def tiles(self) -> Iterator[Seen]:
        """The field cut into cutouts that do not overlap, but for those in the halo of a star."""
        height, width = self.shape
        half = CUTOUT_SIZE // 2
        for y in range(half + 8, height - half, CUTOUT_SIZE):
            for x in range(half + 8, width - half, CUTOUT_SIZE):
                image = self.cut(x, y)
                if image is not None and not self.dazzled(x, y):
                    yield Seen(image, self.region(x, y))

    def found(self, most: int) -> Iterator[tuple[float, float]]:
        """Places in the r band of the brightest objects that stand alone."""
        table = find_objects(self.folder, most=most)
        x, y = self.frames[BANDS.index("r")].wcs.world_to_pixel_values(table[RA], table[DEC])
        yield from zip(x.tolist(), y.tolist(), strict=True)


def open_field(real: Path) -> Field:
    """The field of the first frame set."""
    frames = find_frame_sets(real / FRAMES, BANDS)[0]
    return Field(tuple(read_frame(frames.paths[band]) for band in BANDS), real / FRAMES)


def cutouts_by_eye(real: Path, label: str) -> list[tuple[Seen, float, float]]:
    """Real cutouts that an eye gave the label, with ra and dec [deg]; those of one patch of sky share a group."""
    table = pd.read_csv(real / CUTOUTS / "cutouts.csv")
    chosen: list[tuple[Seen, float, float]] = []
    for row in table[table["label_by_eye"] == label].itertuples():
        place = float(str(row.ra)), float(str(row.dec))
        near = [one.group for one, ra, dec in chosen if _apart(place, (ra, dec)) < APART]
        with fits.open(real / CUTOUTS / str(row.file)) as hdus:
            image = np.stack([hdus[band.upper()].data for band in BANDS], axis=-1).astype(np.float32)
        group = near[0] if near else f"cutout {len(chosen)}"
        chosen.append((Seen(image, group, f"field {place[0] / 5:.0f}"), *place))
    return chosen


def table_of_galaxies(real: Path) -> pd.DataFrame:
    """Galaxy Zoo 2's Stripe 82, each galaxy once."""
    return pd.read_csv(real / TABLE).drop_duplicates("dr7objid")


def _apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    return float(np.hypot((one[0] - other[0]) * np.cos(np.deg2rad(one[1])), one[1] - other[1]) * 3600)
