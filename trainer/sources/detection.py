"""Source detection on SDSS frames, for a survey of a field without a catalogue."""

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

SMOOTHING_SIGMA: Final = 1.5
"""Sigma of the matched filter [pixel]: a point source in the seeing of SDSS, 1.4 arcsec wide."""

THRESHOLD_SIGMA: Final = 5.0
"""Detection threshold, in sigmas of the smoothed sky."""

MIN_PIXELS: Final = 12
"""Smallest object [pixel]; smaller ones are cosmic rays."""

EDGE_MARGIN: Final = 45
"""Least distance from the edge of the frame [pixel]: half the diagonal of a native cutout."""

MIN_SEPARATION: Final = 10.0
"""Least separation of two objects [arcsec]; the brighter is kept."""


@dataclass(frozen=True, eq=False)
class Objects:
    """Objects detected in an image.

    Attributes
    ----------
    labels : int32 (y, x)
        Segmentation map; 0 is sky. Labels not in `names` are rejected detections.
    names : int64 (n,)
        Labels of the objects.
    flux : float64 (n,)
        Isophotal, in the unit of the image.
    x, y : float64 (n,)
        Centre of light, in pixels from 0.
    """

    labels: NDArray[np.int32]
    names: NDArray[np.int64]
    flux: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]


def find_objects(frames_folder: str | Path, band: str = "r", most: int = 40) -> pd.DataFrame:
    """The `most` brightest objects on the frames of a folder in one band, as a catalogue of positions.

    Returns
    -------
    DataFrame
        ``galaxy_id`` int64 (derived from the position), ``ra``, ``dec`` [deg], and a column named after the band with
        the isophotal magnitude, brightest first. Objects are at least 10 arcsec apart and 45 pixels from the edge.

    Raises
    ------
    InputError
        There is no frame in the band.

    Notes
    -----
    Stars and galaxies are not distinguished or deblended: connected pixels of the smoothed frame above five sigma are
    one object. Unreadable frames are skipped.
    """
    sets = [frames for frames in find_frame_sets(Path(frames_folder), (band,)) if band in frames.paths]
    detections = [objects for objects in (_search(frames, band) for frames in sets) if objects is not None]
    if not detections:
        raise InputError(f"No frame in {band} can be read in {frames_folder}", "at least one", "Is it cut short?")
    objects = pd.concat(detections, ignore_index=True).sort_values("flux", ascending=False, ignore_index=True)
    objects = objects[_isolated(objects)].head(most).reset_index(drop=True)
    magnitude = 22.5 - 2.5 * np.log10(objects["flux"])
    ids = position_ids(objects[RA], objects[DEC])
    return pd.DataFrame({GALAXY_ID: ids, RA: objects[RA], DEC: objects[DEC], band: magnitude})


def detect(data: NDArray[np.float32]) -> NDArray[np.float64]:
    """Detect objects in an image (y, x): flux, x and y, float (n, 3); positions in pixels from 0."""
    objects = segment(data)
    return np.column_stack([objects.flux, objects.x, objects.y])


def segment(data: NDArray[np.float32]) -> Objects:
    """Detect objects in an image (y, x) and label their pixels; pixels that are not finite count as sky."""
    sky, _ = sky_level(data[np.isfinite(data)])
    light = np.nan_to_num(data - np.float32(sky), nan=0.0)
    smooth = ndimage.gaussian_filter(light, SMOOTHING_SIGMA)
    level, sigma = sky_level(smooth)
    labels, number = ndimage.label(smooth > level + THRESHOLD_SIGMA * sigma)
    names = np.arange(1, number + 1)
    large = names[ndimage.sum_labels(np.ones_like(light), labels, names) >= MIN_PIXELS]
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
    inside = (x >= EDGE_MARGIN) & (y >= EDGE_MARGIN) & (x < width - EDGE_MARGIN) & (y < height - EDGE_MARGIN)
    ra, dec = frame.wcs.pixel_to_world_values(x[inside], y[inside])
    return pd.DataFrame({RA: ra, DEC: dec, "flux": flux[inside]})


def _isolated(objects: pd.DataFrame) -> NDArray[np.bool_]:
    """Mask of objects, sorted brightest first, without a brighter selected object within `MIN_SEPARATION`."""
    stays = np.ones(len(objects), dtype=bool)
    if len(objects) < 2:
        return stays
    points = unit_vectors(objects[RA], objects[DEC])
    for place, beside in enumerate(cKDTree(points).query_ball_point(points, chord(MIN_SEPARATION))):
        if stays[place]:
            stays[[other for other in beside if other > place]] = False
    return stays
