"""Fill a survey from a source, one galaxy after the other: the simple loop, for sources that answer at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice

import numpy as np

from gz2interp.errors import CutoutUnavailable, InputError
from gz2interp.results import Cutout, Galaxy
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.image_files import without_gaps
from gz2interp.stores.survey import Survey
from trainer.sources import Source

__all__ = ["ingest", "refuse_empty"]


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
