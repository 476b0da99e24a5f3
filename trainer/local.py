"""A survey to be filled from images on disk, and the source that fills it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gz2interp.errors import InputError, SurveyError
from gz2interp.schema import BANDS, DISPLAY_BANDS, GALAXY_ID, NATIVE_PIXEL_SCALE
from gz2interp.stores.survey import Survey
from trainer.sources import Source

__all__ = ["open_local_survey"]


def open_local_survey(
    path: Path,
    source: str,
    origin: Path,
    *,
    catalog: pd.DataFrame | None = None,
    bands: tuple[str, ...] | None = None,
    size: int = 64,
    scale: float | None = None,
    central: float = 1.0,
) -> tuple[Survey, Source]:
    """Open the survey at `path`, or make it; and the source for it.

    Parameters
    ----------
    path : Path
    source : str
        ``"folder"``, ``"sdss_frames"`` or ``"galaxy10"``.
    origin : Path
        The folder of the images or the frames, or the file of Galaxy10.
    catalog : DataFrame, optional
        The galaxies; by default what the folder shows, or the brightest objects on the frames.
    bands : tuple of str, optional
        By default those of the survey, if it is there; else u g r i z, and red green blue of colour images (JPEG, PNG,
        Galaxy10).
    size : int
        Pixels along a side.
    scale : float, optional
        [arcsec] For ``"sdss_frames"`` the full width of a cutout, for ``"folder"`` the size of a pixel where the files
        do not say.
    central : float
        Of colour images: the share of their width that becomes the cutout, about the middle.

    Raises
    ------
    InputError
        The source is another one.
    SurveyError
        The survey at `path` holds other galaxies.
    """
    if source not in _CATALOGS:
        raise InputError(f"The source {source!r} was given", f"One of {', '.join(_CATALOGS)}")
    there = Survey.open(path) if (path.expanduser() / "survey.json").exists() else None
    bands = bands or (there.bands if there else _default_bands(source, origin))
    if bands == ("r", "g", "b"):  # as people write them; b is no band of the sky's surveys
        bands = DISPLAY_BANDS
    frame = _CATALOGS[source](origin, bands, catalog)
    if there is not None:
        survey = there
        if not np.array_equal(survey.catalog[GALAXY_ID], frame[GALAXY_ID]):
            raise SurveyError(
                f"{path} holds other galaxies than those asked for", remedy="Give its catalogue, or choose a new folder"
            )
    else:
        survey = Survey.create(path, frame, bands=bands, shape=(size, size), source=source, central=central)
    return survey, _source(source, origin, survey, scale)


def _default_bands(source: str, origin: Path) -> tuple[str, ...]:
    from trainer.sources.folder_index import bands_of_folder

    if source == "galaxy10":
        return DISPLAY_BANDS
    return bands_of_folder(origin) if source == "folder" else BANDS


def _source(source: str, origin: Path, survey: Survey, scale: float | None) -> Source:
    form: dict[str, Any] = {"bands": survey.bands, "shape": survey.shape}
    if source in ("folder", "galaxy10"):
        form |= {"pixel_scale": scale or float("nan"), "central": survey.header.central}
    if source == "folder":
        from trainer.sources.folder import FolderSource

        return FolderSource(origin, survey.catalog, **form)
    if source == "galaxy10":
        from trainer.sources.galaxy10 import Galaxy10Source

        return Galaxy10Source(origin, **form)
    from trainer.sources.sdss_frames import SdssFrames

    return SdssFrames(origin, **form, field=scale or NATIVE_PIXEL_SCALE * survey.shape[1])


def _shown_by_folder(origin: Path, bands: tuple[str, ...], catalog: pd.DataFrame | None) -> pd.DataFrame:
    from trainer.sources.folder_index import catalog_of_folder

    return catalog_of_folder(origin, catalog, bands)


def _found_on_frames(origin: Path, bands: tuple[str, ...], catalog: pd.DataFrame | None) -> pd.DataFrame:
    from trainer.sources.detection import find_objects

    return find_objects(origin, "r" if "r" in bands else bands[len(bands) // 2]) if catalog is None else catalog


def _listed_in_galaxy10(origin: Path, bands: tuple[str, ...], catalog: pd.DataFrame | None) -> pd.DataFrame:
    from trainer.sources.galaxy10 import catalog_of_galaxy10

    if catalog is not None:
        raise InputError(
            "A catalogue was given beside Galaxy10", "The file holds its own labels", "Leave --catalog out"
        )
    return catalog_of_galaxy10(origin)


_CATALOGS = {"folder": _shown_by_folder, "sdss_frames": _found_on_frames, "galaxy10": _listed_in_galaxy10}
