"""``gz2interp features``: feature images of all channels, groups, cells and classes, stored and evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.features.believable import agreement, random_images, share_of_colours, share_of_spectrum
from gz2interp.features.image_prior import ImagePrior, image_prior
from gz2interp.features.objectives import LEAST_COSINE, TINY, cosine_direction
from gz2interp.features.visualise import visualise
from gz2interp.network.layer_scores import channel
from gz2interp.network.probe import Probe
from gz2interp.network.scores import Score, logit
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.files import locked
from gz2interp.stores.layer_results import BatchFiles, BlocksFolder, FeaturesFolder, features_folder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.building_blocks import blocks
from gz2interp.workflows.feature_sheet import KINDS, SheetSettings, sample_rows, sheet_provenance
from gz2interp.workflows.study import Progress, Study, analysis_for

__all__ = [
    "POWER",
    "RANDOM",
    "ObjectiveSet",
    "evaluate_images",
    "feature_sheet",
    "objective_values",
    "plan_objectives",
    "survey_prior",
]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

POWER = 2.0
"""Exponent of the cosine in the objectives of groups and cells."""

PORTION = 16
"""Images per batch where all places are compared with all directions."""

RANDOM: Final = 64
"""Number of comparison images with the survey's spectrum and random phases."""

PART: Final = 64
"""Images per file, for which a step is compiled once; batches of an unfinished file are stored one by one."""


@dataclass(frozen=True, eq=False)
class ObjectiveSet:
    """Objectives of one kind.

    Attributes
    ----------
    objectives : tuple of Score
        Ordered by number.
    directions : float32 (n, channel) or None
        For groups and cells.
    seeds : int
        Images of each objective.
    """

    kind: str
    objectives: tuple[Score, ...]
    directions: Floats | None
    seeds: int


def plan_objectives(
    probe: Probe, layer: str, blocks: BlocksFolder, settings: SheetSettings
) -> tuple[ObjectiveSet, ...]:
    """The objectives of a sheet, kind by kind."""
    return tuple(_objective_set(kind, probe, layer, blocks, settings.seeds) for kind in settings.kinds)


def _objective_set(kind: str, probe: Probe, layer: str, blocks: BlocksFolder, seeds: int) -> ObjectiveSet:
    if kind == "channel":
        return ObjectiveSet(kind, tuple(channel(layer, k) for k in range(probe.layer(layer).shape[-1])), None, seeds)
    if kind == "class":
        return ObjectiveSet(kind, tuple(logit(name) for name in probe.class_names), None, seeds)
    directions = blocks.arrays("groups")["directions"] if kind == "group" else blocks.arrays("atlas-0")["whitened"]
    objectives = (
        cosine_direction(layer, direction, POWER, f"{kind} {k + 1} of {layer}")
        for k, direction in enumerate(directions)
    )
    return ObjectiveSet(kind, tuple(objectives), np.asarray(directions, np.float32), 1)


def objective_values(probe: Probe, layer: str, objective_set: ObjectiveSet, images: Floats) -> Floats:
    """Values of the objectives of one kind for images (n, y, x, band), nanomaggies.

    Returns
    -------
    float32 (n, objective)
    """
    if objective_set.kind == "class":
        return probe.logits(images)
    if objective_set.directions is None:
        return probe.activations(images, layer, pooled=True)
    values = [np.empty((0, len(objective_set.directions)), np.float32)]
    for start in range(0, len(images), PORTION):  # bounds the memory of all places times all directions
        activations = probe.activations(images[start : start + PORTION], layer)
        values.append(
            along_directions(activations.reshape(len(activations), -1, activations.shape[-1]), objective_set.directions)
        )
    return np.concatenate(values)


def along_directions(places: Floats, directions: Floats) -> Floats:
    """Mean over places (n, place, channel) of the projection on each direction times a power of the cosine.

    Returns
    -------
    float32 (n, direction)
    """
    unit = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), TINY)
    along = places @ unit.T
    lengths = np.sqrt(np.square(places).sum(axis=2, keepdims=True) + TINY)
    return np.asarray((along * np.maximum(along / lengths, LEAST_COSINE) ** POWER).mean(axis=1), np.float32)


def evaluate_images(
    study: Study, layer: str, folder: FeaturesFolder, plan: Sequence[ObjectiveSet], prior: ImagePrior, rows: Ints
) -> pd.DataFrame:
    """A row per feature image.

    Parameters
    ----------
    folder : FeaturesFolder
        With all images.
    rows : int64 (n,)
        The real galaxies to compare with.

    Returns
    -------
    DataFrame
        ``kind``, ``number``, ``seed``, ``objective``; ``reached``, its value for the image, and ``transformed``, its
        mean under rotation, shift, scale, noise and blur; ``best`` of the real galaxies, and ``best_id``; ``above``,
        the share of them that the image exceeds; ``random``, the best value of 64 random images of the survey's
        spectrum; ``spectrum`` and ``colours``, the shares of the image's frequencies and colours inside the survey's
        5 to 95 % range; ``agreement``, the correlation of spectra with the image of the same objective from another
        seed (NaN without one); ``unlike``, the same with an image of the next objective, for comparison; ``silent``.
    """
    random = random_images(prior, RANDOM, 0)
    return pd.concat(
        [_evaluate_kind(study, layer, folder, objective_set, prior, rows, random) for objective_set in plan],
        ignore_index=True,
    )


def _evaluate_kind(
    study: Study,
    layer: str,
    folder: FeaturesFolder,
    objective_set: ObjectiveSet,
    prior: ImagePrior,
    rows: Ints,
    random: Floats,
) -> pd.DataFrame:
    probe, survey, arrays = study.probe, study.survey, folder.read_images(objective_set.kind)
    real = np.concatenate(
        [objective_values(probe, layer, objective_set, batch.images) for batch in survey.batches(rows=rows)]
    )  # (galaxy, objective)
    best, chance = real.argmax(axis=0), objective_values(probe, layer, objective_set, random).max(axis=0)
    numbers = arrays["number"]
    return pd.DataFrame(
        {
            "kind": objective_set.kind,
            "number": numbers,
            "seed": arrays["seed"],
            "objective": [objective_set.objectives[number].name for number in numbers],
            "reached": arrays["reached"],
            "transformed": arrays["transformed"],
            "best": real.max(axis=0)[numbers],
            "best_id": survey.galaxy_ids[rows[best]][numbers],
            "above": [float((real[:, n] < value).mean()) for n, value in zip(numbers, arrays["reached"], strict=True)],
            "random": chance[numbers],
            "spectrum": share_of_spectrum(arrays["images"], prior),
            "colours": share_of_colours(arrays["images"], prior),
            "agreement": _agreements(arrays, prior),
            "unlike": _agreements(arrays, prior, 1),
            "silent": arrays["silent"],
        }
    )


def _agreements(arrays: dict[str, NDArray[Any]], prior: ImagePrior, further: int = 0) -> NDArray[np.float64]:
    """Agreement of each image with the one of the previous seed and the objective `further` on; NaN without one."""
    agreements = np.full(len(arrays["number"]), np.nan)
    numbers, seeds = np.unique(arrays["number"]).tolist(), np.unique(arrays["seed"]).tolist()
    if len(seeds) < 2 or (further and len(numbers) < 2):
        return agreements
    images = {key: k for k, key in enumerate(zip(arrays["number"].tolist(), arrays["seed"].tolist(), strict=True))}
    for (number, seed), index in images.items():
        of = numbers[(numbers.index(number) + further) % len(numbers)]
        other = images.get((of, seeds[seeds.index(seed) - 1]))
        if other is not None:
            agreements[index] = agreement(arrays["images"][[index]], arrays["images"][[other]], prior)[0]
    return agreements


def feature_sheet(
    study: Study,
    layer: str = "",
    settings: SheetSettings | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> FeaturesFolder:
    """Feature images of a layer: computed and stored in its analysis, or read if stored already.

    An interrupted computation continues where it stopped. Kinds are added to a stored sheet; other steps, seeds or
    galaxies replace it. Building blocks (`gz2interp.workflows.building_blocks.blocks`) are computed first if they are
    missing; the sheet uses their groups and cells, whatever their settings.

    Parameters
    ----------
    layer : str
        "" for the layer analysed last.
    stop : callable, optional
        Called after each step; True stops the computation, which loses at most a batch of 16 images.

    Raises
    ------
    SurveyError
        The layer has not been analysed for this survey as it is now.
    """
    settings, survey = settings or SheetSettings(), study.survey
    analysis = analysis_for(survey, study.model, layer)
    building_blocks = blocks(study, analysis.layer, progress=progress)
    folder, digest = features_folder(analysis), building_blocks.provenance.digest if building_blocks.provenance else ""
    settings, continues = _merge_kinds(folder, analysis, settings, digest)
    provenance, stored = sheet_provenance(analysis, settings, digest), folder.provenance
    if stored is not None and stored.digest == provenance.digest:
        return folder
    plan = plan_objectives(study.probe, analysis.layer, building_blocks, settings)
    with locked(analysis.path / ".features.lock", f"making feature images of {survey.name} by {analysis.words}"):
        folder.begin(provenance, keep=continues)
        rows = sample_rows(analysis.rows, settings.galaxies, settings.seed)
        prior = _sheet_prior(folder, survey, rows)
        if _make_all(folder, study, plan, prior, settings, progress, stop):
            table = evaluate_images(study, analysis.layer, folder, plan, prior, rows)
            folder.write(provenance, {"judged": table})
    return folder


def _make_all(
    folder: FeaturesFolder,
    study: Study,
    plan: Sequence[ObjectiveSet],
    prior: ImagePrior,
    settings: SheetSettings,
    progress: Progress | None,
    stop: Callable[[], bool] | None,
) -> bool:
    """Write the missing files; whether all files exist at the end."""
    total, done = sum(len(objective_set.objectives) * objective_set.seeds for objective_set in plan), 0
    for objective_set in plan:
        for part, numbers, seed in _file_plan(objective_set):
            if not folder.has_images(objective_set.kind, part):
                batches = folder.batches(objective_set.kind, part)
                images = _make_file(
                    study, objective_set, prior, numbers, seed, settings, (done, total), progress, stop, batches
                )
                if images is None:
                    return False
                folder.write_images(objective_set.kind, part, images)
            done += len(numbers)
            if progress:
                progress("feature images", done, total)
    return True


def _merge_kinds(
    folder: FeaturesFolder, analysis: Analysis, settings: SheetSettings, blocks_digest: str
) -> tuple[SheetSettings, bool]:
    """The settings with the kinds of the stored sheet added, and whether the stored sheet is continued."""
    stored, kinds, continues = folder.question, set(settings.kinds), False
    if stored is not None:
        before = replace(settings, kinds=tuple(stored.parameters["kinds"]))
        continues = sheet_provenance(analysis, before, blocks_digest).digest == stored.digest
        kinds |= set(before.kinds) if continues else set()
    return replace(settings, kinds=tuple(kind for kind in KINDS if kind in kinds)), continues


def survey_prior(survey: Survey, galaxies: int = 1024, seed: int = 0) -> ImagePrior:
    """Image prior of a survey from a sample of its cutouts.

    Raises
    ------
    InputError
        No galaxy has an image.
    """
    rows = np.flatnonzero(survey.usable)
    if not len(rows):
        raise InputError(f"No galaxy of {survey.name} has an image", "At least one")
    return _prior_of_rows(survey, sample_rows(rows, galaxies, seed))


def _prior_of_rows(survey: Survey, rows: Ints) -> ImagePrior:
    return image_prior((batch.images for batch in survey.batches(rows=rows)), survey.bands)


def _sheet_prior(folder: FeaturesFolder, survey: Survey, rows: Ints) -> ImagePrior:
    """The stored image prior of a sheet; computed and stored if there is none."""
    if not folder.has("light.npz"):
        prior = _prior_of_rows(survey, rows)
        folder.write_arrays("light", {field.name: np.asarray(getattr(prior, field.name)) for field in fields(prior)})
        return prior
    names = [field.name for field in fields(ImagePrior)]
    arrays = folder.read_arrays("light", names)
    values: dict[str, Any] = {name: arrays[name] for name in names}
    values["bands"], values["galaxies"] = tuple(map(str, arrays["bands"])), int(arrays["galaxies"])
    return ImagePrior(**values)


def _file_plan(objective_set: ObjectiveSet) -> Iterator[tuple[int, Ints, int]]:
    """Number of each file, with the objectives of its images and the index of their seed."""
    count, part = len(objective_set.objectives), 0
    for seed in range(objective_set.seeds):
        for start in range(0, count, PART):
            yield part, np.arange(start, min(start + PART, count)), seed
            part += 1


def _make_file(
    study: Study,
    objective_set: ObjectiveSet,
    prior: ImagePrior,
    numbers: Ints,
    seed: int,
    settings: SheetSettings,
    before: tuple[int, int],
    progress: Progress | None,
    stop: Callable[[], bool] | None,
    batches: BatchFiles,
) -> dict[str, NDArray[Any]] | None:
    """Images of one file; None if the computation was stopped."""
    done, total = before

    def report_progress(stage: str, steps: int, of: int) -> None:
        if progress:
            progress("feature images", done + len(numbers) * steps // of, total)

    images = visualise(
        study.probe,
        [objective_set.objectives[number] for number in numbers],
        prior,
        parametrisation=settings.parametrisation,
        steps=settings.steps,
        seed=settings.seed + seed,
        progress=report_progress,
        stop=stop,
        batches=batches,
    )
    if not images.finished:
        return None
    names = ("images", "reached", "transformed", "silent", "failed")
    arrays = {name: getattr(images, name) for name in names}
    return {"number": numbers, "seed": np.full(len(numbers), seed), **arrays}
