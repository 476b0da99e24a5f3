"""The verb itself: make a layer's feature images some dozen at a time, keep them, and judge them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.features.image_prior import Light, light_of
from gz2interp.features.visualise import visualise
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.files import locked
from gz2interp.stores.layer_results import BatchFiles, FeaturesFolder, features_folder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.analysed import analysis_for
from gz2interp.workflows.blocks.finding import blocks
from gz2interp.workflows.features.judging import judged
from gz2interp.workflows.features.settings import KINDS, SheetSettings, provenance_of
from gz2interp.workflows.features.wanted import Wanted, wanted
from gz2interp.workflows.opening import Progress, Subject

__all__ = ["feature_sheet", "light_of_survey", "sample_of"]

Ints = NDArray[np.int64]

PART: Final = 64
"""Images of a file, for which a step is compiled once; batches of an unfinished file are kept one by one."""


def feature_sheet(
    subject: Subject,
    layer: str = "",
    settings: SheetSettings | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> FeaturesFolder:
    """A layer's complete sheet, made once and kept in its analysis; an interrupted one goes on where it stopped.

    Further kinds join those that are there; other steps, seeds or galaxies make the sheet anew.

    Building blocks (`gz2interp.workflows.blocks.blocks`) are found first where that has not been done: groups and cells
    are theirs, whatever they were found with.

    Parameters
    ----------
    subject : Subject
    layer : str
        "" for the layer analysed last.
    settings : SheetSettings, optional
    progress : callable, optional
    stop : callable, optional
        Asked after each step; True ends with what there is; a batch of 16 images is lost at most.

    Raises
    ------
    SurveyError
        The layer has not been analysed for this survey as it is now.
    """
    settings, survey = settings or SheetSettings(), subject.survey
    analysis = analysis_for(survey, subject.model, layer)
    found = blocks(subject, analysis.layer, progress=progress)
    folder, digest = features_folder(analysis), found.provenance.digest if found.provenance else ""
    settings, goes_on = _with_what_is_kept(folder, analysis, settings, digest)
    provenance, known = provenance_of(analysis, settings, digest), folder.provenance
    if known is not None and known.digest == provenance.digest:
        return folder
    plan = wanted(subject.probe, analysis.layer, found, settings)
    with locked(analysis.path / ".features.lock", f"making feature images of {survey.name} by {analysis.words}"):
        folder.begin(provenance, keep=goes_on)
        rows = sample_of(analysis.rows, settings.galaxies, settings.seed)
        light = _light(folder, survey, rows)
        if _make_all(folder, subject, plan, light, settings, progress, stop):
            folder.complete(judged(subject, analysis.layer, folder, plan, light, rows), provenance)
    return folder


def _make_all(
    folder: FeaturesFolder,
    subject: Subject,
    plan: Sequence[Wanted],
    light: Light,
    settings: SheetSettings,
    progress: Progress | None,
    stop: Callable[[], bool] | None,
) -> bool:
    """Make the files that are not there yet; whether all are there in the end."""
    total, done = sum(len(each.objectives) * each.seeds for each in plan), 0
    for each in plan:
        for part, numbers, seed in _parts(each):
            if not folder.has(each.kind, part):
                batches = folder.batches(each.kind, part)
                images = _made(subject, each, light, numbers, seed, settings, (done, total), progress, stop, batches)
                if images is None:
                    return False
                folder.write(each.kind, part, images)
            done += len(numbers)
            if progress:
                progress("feature images", done, total)
    return True


def _with_what_is_kept(
    folder: FeaturesFolder, analysis: Analysis, settings: SheetSettings, blocks_digest: str
) -> tuple[SheetSettings, bool]:
    """With the kinds that are there already, in the order of `KINDS`; and whether the sheet goes on."""
    kept, kinds, goes_on = folder.question, set(settings.kinds), False
    if kept is not None:
        before = replace(settings, kinds=tuple(kept.parameters["kinds"]))
        goes_on = provenance_of(analysis, before, blocks_digest).digest == kept.digest
        kinds |= set(before.kinds) if goes_on else set()
    return replace(settings, kinds=tuple(kind for kind in KINDS if kind in kinds)), goes_on


def sample_of(rows: Ints, most: int, seed: int) -> Ints:
    """At most so many rows, in order, drawn by chance."""
    chosen = np.random.default_rng(seed).choice(len(rows), min(most, len(rows)), replace=False)
    return np.asarray(rows[np.sort(chosen)])


def light_of_survey(survey: Survey, galaxies: int = 1024, seed: int = 0) -> Light:
    """What a survey's light is like, from a sample of its cutouts.

    Raises
    ------
    InputError
        No galaxy has an image.
    """
    rows = np.flatnonzero(survey.usable)
    if not len(rows):
        raise InputError(f"No galaxy of {survey.name} has an image", "At least one")
    return _light_of(survey, sample_of(rows, galaxies, seed))


def _light_of(survey: Survey, rows: Ints) -> Light:
    return light_of((batch.images for batch in survey.batches(rows=rows)), survey.bands)


def _light(folder: FeaturesFolder, survey: Survey, rows: Ints) -> Light:
    """From the folder, if it is there: a sheet that goes on goes on in the same light."""
    kept = folder.light([each.name for each in fields(Light)])
    if kept is None:
        light = _light_of(survey, rows)
        folder.write_light({each.name: np.asarray(getattr(light, each.name)) for each in fields(light)})
        return light
    values: dict[str, Any] = {
        **kept,
        "bands": tuple(map(str, kept["bands"])),
        "galaxies": int(kept["galaxies"]),
    }
    return Light(**values)


def _parts(each: Wanted) -> Iterator[tuple[int, Ints, int]]:
    """Number of a file, and the objectives of its images with the place in the line of their seed."""
    count, part = len(each.objectives), 0
    for seed in range(each.seeds):
        for start in range(0, count, PART):
            yield part, np.arange(start, min(start + PART, count)), seed
            part += 1


def _made(
    subject: Subject,
    each: Wanted,
    light: Light,
    numbers: Ints,
    seed: int,
    settings: SheetSettings,
    before: tuple[int, int],
    progress: Progress | None,
    stop: Callable[[], bool] | None,
    batches: BatchFiles,
) -> dict[str, NDArray[Any]] | None:
    """Images of one file; None if it was stopped before they were done."""
    done, total = before

    def told(stage: str, steps: int, of: int) -> None:
        if progress:
            progress("feature images", done + len(numbers) * steps // of, total)

    images = visualise(
        subject.probe,
        [each.objectives[number] for number in numbers],
        light,
        parametrisation=settings.parametrisation,
        steps=settings.steps,
        seed=settings.seed + seed,
        progress=told,
        stop=stop,
        batches=batches,
    )
    if not images.finished:
        return None
    names = ("images", "reached", "transformed", "silent", "failed")
    made = {name: getattr(images, name) for name in names}
    return {"number": numbers, "seed": np.full(len(numbers), seed), **made}
