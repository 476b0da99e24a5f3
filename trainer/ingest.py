"""``trainer ingest``: a survey filled from images on disk, one galaxy after another."""

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
from gz2interp.stores.image_files import without_gaps
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


def ingest(source: Source, survey: Survey, progress: Callable[[int, int], None] | None = None) -> Mapping[str, int]:
    """Ask a source for every galaxy that a survey still lacks.

    Parameters
    ----------
    source : Source
    survey : Survey
        Its committed rows stay as they are; the first row asked for is the one behind them. An interruption keeps what
        was fetched, and the next call goes on from there.
    progress : callable, optional
        Called with the rows that are done, and all of them.

    Returns
    -------
    mapping
        How many of the galaxies asked for ended in each status.

    Raises
    ------
    InputError
        The source makes other cutouts than the survey holds.
    SurveyLocked
        Another process is writing the survey.
    """
    _check(source, survey)
    ended = Counter[str]()
    with survey.writer() as writer:
        for galaxy in islice(survey.galaxies(), writer.rows_written, None):
            outcome = _ask(source, galaxy)
            writer.append(outcome, source=source.name)
            ended["ok" if isinstance(outcome, Cutout) else outcome.status] += 1
            if progress:
                progress(writer.rows_written, len(survey))
    return dict(ended)


def refuse_empty(survey: Survey) -> None:
    """Refuse a survey that has no image.

    Raises
    ------
    InputError
        No galaxy of the survey has a cutout: says why the most frequent kind has none.
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


def _ask(source: Source, galaxy: Galaxy) -> Cutout | CutoutUnavailable:
    try:
        return _measured(source.fetch(galaxy), source.bands)
    except CutoutUnavailable as error:
        return error


def _measured(cutout: Cutout, bands: tuple[str, ...]) -> Cutout:
    """The cutout as a survey can hold it: what float32 cannot say was not measured, and an image of nothing is none."""
    with np.errstate(over="ignore"):
        image = np.asarray(cutout.image, dtype=np.float32)
    image, valid = without_gaps(np.where(cutout.valid[..., None], image, np.float32(np.nan)), bands)
    return replace(cutout, image=image, valid=valid)


def _check(source: Source, survey: Survey) -> None:
    given, wanted = (source.shape, source.bands), (survey.shape, survey.bands)
    if given != wanted:
        raise InputError(f"The source {source.name} makes {_words(*given)}", f"{survey.name} holds {_words(*wanted)}")


def _words(shape: tuple[int, int], bands: tuple[str, ...]) -> str:
    return f"cutouts of {shape[0]} x {shape[1]} in {' '.join(bands)}"
