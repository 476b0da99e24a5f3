"""A simple finder of objects on SDSS frames, for a survey of a field without a catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from gz2interp.errors import CutoutUnavailable, InputError
from gz2interp.schema import DEC, GALAXY_ID, RA
from trainer.catalog import position_ids
from trainer.catalog.identity import chord, unit_vectors
from trainer.sources.frame_sets import Frame, FrameSet, find_frame_sets, read_frame
from trainer.sources.judging import sky_level

__all__ = ["Objects", "detect", "find_objects", "segment"]

SMOOTHING: Final = 1.5
"""Sigma of the matched filter [pixel]: a point source in the seeing of SDSS, 1.4 arcsec wide."""

THRESHOLD: Final = 5.0
"""Sigmas of the smoothed sky that an object's pixels stand out by."""

LEAST: Final = 12
"""Pixels of the smallest object: fewer are cosmic rays."""

EDGE: Final = 45
"""Pixels from the frame's edge: half the diagonal of a native cutout."""

APART: Final = 10.0
"""Between two objects [arcsec]; the brighter is kept."""


@dataclass(frozen=True, eq=False)
class Objects:
    """What stands out of the sky of an image.

    Attributes
    ----------
    labels : int32 (y, x)
        Name of the object that a pixel belongs to, 0 for none. Not every name is that of an object.
    names : int64 (n,)
    flux : float64 (n,)
        Isophotal, in the image's unit.
    x, y : float64 (n,)
        Centre of its light, in pixels from 0.
    """

    labels: NDArray[np.int32]
    names: NDArray[np.int64]
    flux: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]


def find_objects(frames_folder: str | Path, band: str = "r", most: int = 40) -> pd.DataFrame:
    """The brightest objects on the frames of a folder, as a catalogue of positions.

    Parameters
    ----------
    frames_folder : path
    band : str
        The band that is searched.
    most : int
        At most so many, the brightest first.

    Returns
    -------
    DataFrame
        ``galaxy_id`` int64 (made of the position), ``ra``, ``dec`` [deg], and under the band's name the isophotal
        magnitude. Objects are at least 10 arcsec apart and 45 pixels from the edge.

    Raises
    ------
    InputError
        There is no frame in the band.

    Notes
    -----
    Stars and galaxies alike, not deblended: connected pixels of the smoothed frame above five sigma are one object, its
    position the centre of its light. Frames that cannot be read are passed over.
    """
    sets = [frames for frames in find_frame_sets(Path(frames_folder), (band,)) if band in frames.paths]
    found = [objects for objects in (_search(frames, band) for frames in sets) if objects is not None]
    if not found:
        raise InputError(f"No frame in {band} can be read in {frames_folder}", "at least one", "Is it cut short?")
    objects = pd.concat(found, ignore_index=True).sort_values("flux", ascending=False, ignore_index=True)
    objects = objects[_alone(objects)].head(most).reset_index(drop=True)
    magnitude = 22.5 - 2.5 * np.log10(objects["flux"])
    ids = position_ids(objects[RA], objects[DEC])
    return pd.DataFrame({GALAXY_ID: ids, RA: objects[RA], DEC: objects[DEC], band: magnitude})


def detect(data: NDArray[np.float32]) -> NDArray[np.float64]:
    """Objects of an image: flux, x and y of each, float (n, 3); (x, y) in pixels from 0, not NumPy's order.

    Parameters
    ----------
    data : float32 (y, x)
        What is not finite counts as sky.
    """
    objects = segment(data)
    return np.column_stack([objects.flux, objects.x, objects.y])


def segment(data: NDArray[np.float32]) -> Objects:
    """Objects of an image and their pixels.

    Parameters
    ----------
    data : float32 (y, x)
        What is not finite counts as sky.
    """
    sky, _ = sky_level(data[np.isfinite(data)])
    light = np.nan_to_num(data - np.float32(sky), nan=0.0)
    smooth = ndimage.gaussian_filter(light, SMOOTHING)
    level, sigma = sky_level(smooth)
    labels, number = ndimage.label(smooth > level + THRESHOLD * sigma)
    names = np.arange(1, number + 1)
    large = names[ndimage.sum_labels(np.ones_like(light), labels, names) >= LEAST]
    flux = np.asarray(ndimage.sum_labels(light, labels, large), dtype=np.float64)
    centres = np.array(ndimage.center_of_mass(np.maximum(light, 0.0), labels, large)).reshape(-1, 2)
    bright = flux > 0
    return Objects(labels, large[bright], flux[bright], centres[bright, 1], centres[bright, 0])


def _search(frames: FrameSet, band: str) -> pd.DataFrame | None:
    try:
        frame: Frame = read_frame(frames.paths[band])
    except CutoutUnavailable:
        return None
    flux, x, y = detect(frame.data).T
    height, width = frame.data.shape
    inside = (x >= EDGE) & (y >= EDGE) & (x < width - EDGE) & (y < height - EDGE)
    ra, dec = frame.wcs.pixel_to_world_values(x[inside], y[inside])
    return pd.DataFrame({RA: ra, DEC: dec, "flux": flux[inside]})


def _alone(objects: pd.DataFrame) -> NDArray[np.bool_]:
    """Which objects have no brighter one beside them that stays; they come brightest first."""
    stays = np.ones(len(objects), dtype=bool)
    if len(objects) < 2:
        return stays
    points = unit_vectors(objects[RA], objects[DEC])
    for place, beside in enumerate(cKDTree(points).query_ball_point(points, chord(APART))):
        if stays[place]:
            stays[[other for other in beside if other > place]] = False
    return stays
