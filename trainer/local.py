"""A survey to be filled from images on disk, and the source that fills it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from gz2interp.errors import InputError, SurveyError
from gz2interp.schema import GALAXY_ID, NATIVE_PIXEL_SCALE
from gz2interp.stores.survey import Survey
from trainer.sources import Source

__all__ = ["open_local_survey"]


def open_local_survey(
    path: Path,
    source: str,
    origin: Path,
    *,
    catalog: pd.DataFrame | None = None,
    bands: tuple[str, ...],
    size: int = 64,
    scale: float | None = None,
) -> tuple[Survey, Source]:
    """Open the survey at `path`, or make it; and the source for it.

    Parameters
    ----------
    path : Path
    source : str
        ``"folder"`` or ``"sdss_frames"``.
    origin : Path
        The folder of the images or the frames.
    catalog : DataFrame, optional
        The galaxies; by default what the folder shows, or the brightest objects on the frames.
    bands : tuple of str
    size : int
        Pixels along a side.
    scale : float, optional
        [arcsec] For ``"sdss_frames"`` the full width of a cutout, for ``"folder"`` the size of a pixel where the files
        do not say.

    Raises
    ------
    InputError
        The source is another one.
    SurveyError
        The survey at `path` holds other galaxies.
    """
    if source not in _CATALOGS:
        raise InputError(f"The source {source!r} was given", f"One of {', '.join(_CATALOGS)}")
    frame = _CATALOGS[source](origin, bands, catalog)
    if (path.expanduser() / "survey.json").exists():
        survey = Survey.open(path)
        if not np.array_equal(survey.catalog[GALAXY_ID], frame[GALAXY_ID]):
            raise SurveyError(
                f"{path} holds other galaxies than those asked for", remedy="Give its catalogue, or choose a new folder"
            )
    else:
        survey = Survey.create(path, frame, bands=bands, shape=(size, size), source=source)
    return survey, _source(source, origin, survey, scale)


def _source(source: str, origin: Path, survey: Survey, scale: float | None) -> Source:
    if source == "folder":
        from trainer.sources.folder import FolderSource

        return FolderSource(
            origin, survey.catalog, bands=survey.bands, shape=survey.shape, pixel_scale=scale or float("nan")
        )
    from trainer.sources.sdss_frames import SdssFrames

    return SdssFrames(
        origin, bands=survey.bands, shape=survey.shape, field=scale or NATIVE_PIXEL_SCALE * survey.shape[1]
    )


def _shown_by_folder(origin: Path, bands: tuple[str, ...], catalog: pd.DataFrame | None) -> pd.DataFrame:
    from trainer.sources.folder_index import catalog_of_folder

    return catalog_of_folder(origin, catalog)


def _found_on_frames(origin: Path, bands: tuple[str, ...], catalog: pd.DataFrame | None) -> pd.DataFrame:
    from trainer.sources.detection import find_objects

    return find_objects(origin, "r" if "r" in bands else bands[len(bands) // 2]) if catalog is None else catalog


_CATALOGS = {"folder": _shown_by_folder, "sdss_frames": _found_on_frames}
