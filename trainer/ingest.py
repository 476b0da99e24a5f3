"""``trainer ingest``: creation of a survey from images on disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gz2interp.errors import CutoutUnavailable, InputError, SurveyError
from gz2interp.results import Cutout, Galaxy
from gz2interp.schema import BANDS, DISPLAY_BANDS, GALAXY_ID, NATIVE_PIXEL_SCALE
from gz2interp.stores.image_files import mask_invalid
from gz2interp.stores.survey import Survey
from trainer.sources import Source

__all__ = ["ingest", "open_local_survey", "refuse_empty"]


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
    """Open or create the survey at `path`, and open its source.

    Parameters
    ----------
    source : str
        ``"folder"``, ``"sdss_frames"`` or ``"galaxy10"``.
    origin : Path
        The folder of the images or the frames, or the file of Galaxy10.
    catalog : DataFrame, optional
        By default it is derived from the images in the folder, or the brightest objects on the frames.
    bands : tuple of str, optional
        By default those of an existing survey; else u g r i z, or red green blue for display images (JPEG, PNG,
        Galaxy10).
    size : int
        Pixels along a side.
    scale : float, optional
        [arcsec] Full width of a cutout for ``"sdss_frames"``; pixel scale of files without one for ``"folder"``.
    central : float
        For display images: the central fraction of their width that becomes the cutout.

    Raises
    ------
    InputError
        The source is unknown.
    SurveyError
        The survey at `path` holds other galaxies.
    """
    if source not in _CATALOGS:
        raise InputError(f"The source {source!r} was given", f"One of {', '.join(_CATALOGS)}")
    existing = Survey.open(path) if (path.expanduser() / "survey.json").exists() else None
    bands = bands or (existing.bands if existing else _default_bands(source, origin))
    if bands == ("r", "g", "b"):  # a common way to write them; b is no photometric band
        bands = DISPLAY_BANDS
    frame = _CATALOGS[source](origin, bands, catalog)
    if existing is not None:
        survey = existing
        if not np.array_equal(survey.catalog[GALAXY_ID], frame[GALAXY_ID]):
            raise SurveyError(f"{path} holds other galaxies", remedy="Give its catalogue, or choose a new folder")
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


def ingest(source: Source, survey: Survey, progress: Callable[[int, int], None] | None = None) -> Mapping[str, int]:
    """Fetch all missing galaxies of a survey from a source.

    Parameters
    ----------
    survey : Survey
        Committed rows are unchanged, and fetching continues after them. An interrupted call can be repeated.
    progress : callable, optional
        Called with the number of rows done, and of all rows.

    Returns
    -------
    mapping
        Number of the fetched galaxies by status.

    Raises
    ------
    InputError
        Shape or bands of the source differ from those of the survey.
    SurveyLocked
        Another process is writing the survey.
    """
    _check(source, survey)
    ended = Counter[str]()
    with survey.writer() as writer:
        for galaxy in islice(survey.galaxies(), writer.rows_written, None):
            outcome = _fetch(source, galaxy)
            writer.append(outcome, source=source.name)
            ended["ok" if isinstance(outcome, Cutout) else outcome.status] += 1
            if progress:
                progress(writer.rows_written, len(survey))
    return dict(ended)


def refuse_empty(survey: Survey) -> None:
    """Check that a survey has an image.

    Raises
    ------
    InputError
        No galaxy has a cutout; the message has the most frequent reason.
    """
    if survey.usable.any() or not len(survey):
        return
    status, reasons = survey.status, survey.status["reason"]
    reason = str(reasons.mode().iloc[0])
    example = status.loc[reasons == reason, GALAXY_ID].iloc[0]
    count = int((reasons == reason).sum())
    raise InputError(
        f"None of the {len(status)} galaxies of {survey.name} has an image; for {count} the reason is that of galaxy "
        f"{example}: {reason}",
        "Images of the catalogue's galaxies in the survey's bands",
        f"Remove {survey.path} before another try",
    )


def _fetch(source: Source, galaxy: Galaxy) -> Cutout | CutoutUnavailable:
    try:
        return _mask_gaps(source.fetch(galaxy), source.bands)
    except CutoutUnavailable as error:
        return error


def _mask_gaps(cutout: Cutout, bands: tuple[str, ...]) -> Cutout:
    """Convert to float32 and mask pixels that are not finite; raises `CutoutUnavailable` if none remains."""
    with np.errstate(over="ignore"):
        image = np.asarray(cutout.image, dtype=np.float32)
    image, valid = mask_invalid(np.where(cutout.valid[..., None], image, np.float32(np.nan)), bands)
    return replace(cutout, image=image, valid=valid)


def _check(source: Source, survey: Survey) -> None:
    supplied, expected = (source.shape, source.bands), (survey.shape, survey.bands)
    if supplied != expected:
        raise InputError(
            f"The source {source.name} makes {_words(*supplied)}", f"{survey.name} holds {_words(*expected)}"
        )


def _words(shape: tuple[int, int], bands: tuple[str, ...]) -> str:
    return f"cutouts of {shape[0]} x {shape[1]} in {' '.join(bands)}"
