"""``gz2interp features``: feature images of all channels, groups, cells and classes, stored and judged."""

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
from gz2interp.workflows.feature_sheet import KINDS, SheetSettings, sheet_provenance
from gz2interp.workflows.study import Progress, Study, analysis_for

__all__ = [
    "POWER",
    "RANDOM",
    "ObjectiveSet",
    "evaluate_images",
    "feature_sheet",
    "objective_values",
    "plan_objectives",
    "sample_rows",
    "survey_prior",
]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

POWER = 2.0
"""Of the cosine, for groups and cells."""

PORTION = 16
"""Images whose places are compared with all directions at a time."""

RANDOM: Final = 64
"""Images with the survey's light and random phases."""

PART: Final = 64
"""Images of a file, for which a step is compiled once; batches of an unfinished file are kept one by one."""


@dataclass(frozen=True, eq=False)
class ObjectiveSet:
    """Objectives of one kind.

    Attributes
    ----------
    objectives : tuple of Score
        By number.
    directions : float32 (n, channel) or None
        Of groups and cells.
    seeds : int
        Images of each.
    """

    kind: str
    objectives: tuple[Score, ...]
    directions: Floats | None
    seeds: int


def plan_objectives(
    probe: Probe, layer: str, blocks: BlocksFolder, settings: SheetSettings
) -> tuple[ObjectiveSet, ...]:
    """What is to be made, kind by kind."""
    makers = {"channel": _channels, "class": _classes, "group": _groups, "cell": _cells}
    return tuple(makers[kind](probe, layer, blocks, settings) for kind in settings.kinds)


def _channels(probe: Probe, layer: str, blocks: BlocksFolder, settings: SheetSettings) -> ObjectiveSet:
    numbers = range(probe.layer(layer).shape[-1])
    return ObjectiveSet("channel", tuple(channel(layer, number) for number in numbers), None, settings.seeds)


def _classes(probe: Probe, layer: str, blocks: BlocksFolder, settings: SheetSettings) -> ObjectiveSet:
    return ObjectiveSet("class", tuple(logit(name) for name in probe.class_names), None, settings.seeds)


def _groups(probe: Probe, layer: str, blocks: BlocksFolder, settings: SheetSettings) -> ObjectiveSet:
    return _cosine_objectives("group", layer, blocks.arrays("groups")["directions"])


def _cells(probe: Probe, layer: str, blocks: BlocksFolder, settings: SheetSettings) -> ObjectiveSet:
    return _cosine_objectives("cell", layer, blocks.arrays("atlas-0")["whitened"])


def _cosine_objectives(kind: str, layer: str, directions: NDArray[Any]) -> ObjectiveSet:
    asked = (
        cosine_direction(layer, direction, POWER, f"{kind} {number + 1} of {layer}")
        for number, direction in enumerate(directions)
    )
    return ObjectiveSet(kind, tuple(asked), np.asarray(directions, np.float32), 1)


def objective_values(probe: Probe, layer: str, each: ObjectiveSet, images: Floats) -> Floats:
    """The objectives of one kind for each image (n, y, x, band), nanomaggies.

    Returns
    -------
    float32 (n, objective)
    """
    if each.kind == "class":
        return probe.logits(images)
    if each.directions is None:
        return probe.activations(images, layer, pooled=True)
    found = [np.empty((0, len(each.directions)), np.float32)]
    for start in range(0, len(images), PORTION):  # all places times all directions are many
        said = probe.activations(images[start : start + PORTION], layer)
        found.append(along_directions(said.reshape(len(said), -1, said.shape[-1]), each.directions))
    return np.concatenate(found)


def along_directions(places: Floats, directions: Floats) -> Floats:
    """Mean over places (n, place, channel) of how far they point into each direction, times a power of the cosine.

    Returns
    -------
    float32 (n, direction)
    """
    unit = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), TINY)
    along = places @ unit.T
    lengths = np.sqrt(np.square(places).sum(axis=2, keepdims=True) + TINY)
    return np.asarray((along * np.maximum(along / lengths, LEAST_COSINE) ** POWER).mean(axis=1), np.float32)


def evaluate_images(
    study: Study, layer: str, folder: FeaturesFolder, plan: Sequence[ObjectiveSet], light: ImagePrior, rows: Ints
) -> pd.DataFrame:
    """A row per feature image.

    Parameters
    ----------
    folder : FeaturesFolder
        With all images.
    rows : int64 (n,)
        The real galaxies that it is compared with.

    Returns
    -------
    DataFrame
        ``kind``, ``number``, ``seed``, ``objective``; ``reached`` as it is and ``transformed`` under the sky's
        transformations; ``best`` of the real galaxies, and ``best_id``; ``above``, the share of them that it exceeds;
        ``random``, what the best of 64 random images of the survey's light reaches; ``spectrum``, the share of its
        frequencies inside the survey's 5 to 95 %; ``colours``, the share of its colours inside; ``agreement`` with the
        image of its objective from another seed (NaN where there is one): the correlation of their spectra;
        ``unlike``, the same with an image of the next objective, beyond which agreement says something; ``silent``.
    """
    random = random_images(light, RANDOM, 0)
    return pd.concat(
        [_evaluate_kind(study, layer, folder, each, light, rows, random) for each in plan], ignore_index=True
    )


def _evaluate_kind(
    study: Study,
    layer: str,
    folder: FeaturesFolder,
    each: ObjectiveSet,
    light: ImagePrior,
    rows: Ints,
    random: Floats,
) -> pd.DataFrame:
    probe, survey, kept = study.probe, study.survey, folder.read_images(each.kind)
    real = np.concatenate(
        [objective_values(probe, layer, each, batch.images) for batch in survey.batches(rows=rows)]
    )  # (galaxy, objective)
    best, chance = real.argmax(axis=0), objective_values(probe, layer, each, random).max(axis=0)
    numbers = kept["number"]
    return pd.DataFrame(
        {
            "kind": each.kind,
            "number": numbers,
            "seed": kept["seed"],
            "objective": [each.objectives[number].name for number in numbers],
            "reached": kept["reached"],
            "transformed": kept["transformed"],
            "best": real.max(axis=0)[numbers],
            "best_id": survey.galaxy_ids[rows[best]][numbers],
            "above": [float((real[:, n] < value).mean()) for n, value in zip(numbers, kept["reached"], strict=True)],
            "random": chance[numbers],
            "spectrum": share_of_spectrum(kept["images"], light),
            "colours": share_of_colours(kept["images"], light),
            "agreement": _agreements(kept, light),
            "unlike": _agreements(kept, light, 1),
            "silent": kept["silent"],
        }
    )


def _agreements(kept: dict[str, NDArray[Any]], light: ImagePrior, further: int = 0) -> NDArray[np.float64]:
    """Of each image with that of the objective so much further on, from the seed before; NaN where there is none."""
    told = np.full(len(kept["number"]), np.nan)
    numbers, seeds = np.unique(kept["number"]).tolist(), np.unique(kept["seed"]).tolist()
    if len(seeds) < 2 or (further and len(numbers) < 2):
        return told
    images = {key: k for k, key in enumerate(zip(kept["number"].tolist(), kept["seed"].tolist(), strict=True))}
    for (number, seed), one in images.items():
        of = numbers[(numbers.index(number) + further) % len(numbers)]
        other = images.get((of, seeds[seeds.index(seed) - 1]))
        if other is not None:
            told[one] = agreement(kept["images"][[one]], kept["images"][[other]], light)[0]
    return told


def feature_sheet(
    study: Study,
    layer: str = "",
    settings: SheetSettings | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> FeaturesFolder:
    """A layer's complete sheet, made once and kept in its analysis; an interrupted one goes on where it stopped.

    Further kinds join those that are there; other steps, seeds or galaxies make the sheet anew.

    Building blocks (`gz2interp.workflows.building_blocks.blocks`) are computed first where they are missing: the sheet
    uses their groups and cells, whatever their settings.

    Parameters
    ----------
    layer : str
        "" for the layer analysed last.
    stop : callable, optional
        Asked after each step; True ends with what there is; a batch of 16 images is lost at most.

    Raises
    ------
    SurveyError
        The layer has not been analysed for this survey as it is now.
    """
    settings, survey = settings or SheetSettings(), study.survey
    analysis = analysis_for(survey, study.model, layer)
    found = blocks(study, analysis.layer, progress=progress)
    folder, digest = features_folder(analysis), found.provenance.digest if found.provenance else ""
    settings, goes_on = _merge_kinds(folder, analysis, settings, digest)
    provenance, known = sheet_provenance(analysis, settings, digest), folder.provenance
    if known is not None and known.digest == provenance.digest:
        return folder
    plan = plan_objectives(study.probe, analysis.layer, found, settings)
    with locked(analysis.path / ".features.lock", f"making feature images of {survey.name} by {analysis.words}"):
        folder.begin(provenance, keep=goes_on)
        rows = sample_rows(analysis.rows, settings.galaxies, settings.seed)
        light = _sheet_prior(folder, survey, rows)
        if _make_all(folder, study, plan, light, settings, progress, stop):
            table = evaluate_images(study, analysis.layer, folder, plan, light, rows)
            folder.write(provenance, {"judged": table})
    return folder


def _make_all(
    folder: FeaturesFolder,
    study: Study,
    plan: Sequence[ObjectiveSet],
    light: ImagePrior,
    settings: SheetSettings,
    progress: Progress | None,
    stop: Callable[[], bool] | None,
) -> bool:
    """Make the files that are not there yet; whether all are there in the end."""
    total, done = sum(len(each.objectives) * each.seeds for each in plan), 0
    for each in plan:
        for part, numbers, seed in _file_plan(each):
            if not folder.has_images(each.kind, part):
                batches = folder.batches(each.kind, part)
                images = _make_file(study, each, light, numbers, seed, settings, (done, total), progress, stop, batches)
                if images is None:
                    return False
                folder.write_images(each.kind, part, images)
            done += len(numbers)
            if progress:
                progress("feature images", done, total)
    return True


def _merge_kinds(
    folder: FeaturesFolder, analysis: Analysis, settings: SheetSettings, blocks_digest: str
) -> tuple[SheetSettings, bool]:
    """With the kinds that are there already, in the order of `KINDS`; and whether the sheet goes on."""
    kept, kinds, goes_on = folder.question, set(settings.kinds), False
    if kept is not None:
        before = replace(settings, kinds=tuple(kept.parameters["kinds"]))
        goes_on = sheet_provenance(analysis, before, blocks_digest).digest == kept.digest
        kinds |= set(before.kinds) if goes_on else set()
    return replace(settings, kinds=tuple(kind for kind in KINDS if kind in kinds)), goes_on


def sample_rows(rows: Ints, most: int, seed: int) -> Ints:
    """At most so many rows, in order, drawn by chance."""
    chosen = np.random.default_rng(seed).choice(len(rows), min(most, len(rows)), replace=False)
    return np.asarray(rows[np.sort(chosen)])


def survey_prior(survey: Survey, galaxies: int = 1024, seed: int = 0) -> ImagePrior:
    """What a survey's light is like, from a sample of its cutouts.

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
    """From the folder, if it is there: a sheet that goes on goes on in the same light."""
    if not folder.has("light.npz"):
        light = _prior_of_rows(survey, rows)
        folder.write_arrays("light", {field.name: np.asarray(getattr(light, field.name)) for field in fields(light)})
        return light
    names = [field.name for field in fields(ImagePrior)]
    arrays = folder.read_arrays("light", names)
    values: dict[str, Any] = {name: arrays[name] for name in names}
    values["bands"], values["galaxies"] = tuple(map(str, arrays["bands"])), int(arrays["galaxies"])
    return ImagePrior(**values)


def _file_plan(each: ObjectiveSet) -> Iterator[tuple[int, Ints, int]]:
    """Number of a file, and the objectives of its images with the place in the line of their seed."""
    count, part = len(each.objectives), 0
    for seed in range(each.seeds):
        for start in range(0, count, PART):
            yield part, np.arange(start, min(start + PART, count)), seed
            part += 1


def _make_file(
    study: Study,
    each: ObjectiveSet,
    light: ImagePrior,
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
        study.probe,
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
